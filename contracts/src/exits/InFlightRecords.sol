// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ExitIds } from "../lib/ExitIds.sol";
import { MAX_INPUTS, MAX_OUTPUTS } from "../lib/Transactions.sol";
import { ExitGame } from "./ExitGame.sol";

/// What is on record of an in-flight exit.
abstract contract InFlightRecords is ExitGame {
    error InFlightExitAlreadyStarted(uint168 exitId);
    error NoSuchInFlightExit(uint168 exitId);
    error FirstPhaseIsOver();
    error FirstPhaseIsNotOver();

    /// An input or output, as clients read it.
    struct WithdrawData {
        bytes32 outputId;
        address exitTarget;
        address token;
        uint256 amount;
        uint256 piggybackBondSize;
        uint256 bountySize;
    }

    /// An in-flight exit, as clients read it. Outputs appear with their piggyback.
    struct InFlightExit {
        bool isCanonical;
        uint64 exitStartTimestamp;
        uint256 exitMap;
        uint256 position;
        WithdrawData[MAX_INPUTS] inputs;
        WithdrawData[MAX_OUTPUTS] outputs;
        address bondOwner;
        uint256 bondSize;
        uint256 oldestCompetitorPosition;
    }

    /// An input or output, as stored; the last slot is written by its piggyback.
    struct Side {
        bytes32 outputId;
        address owner;
        address token;
        uint256 amount;
        uint96 bond;
        uint96 bounty;
        uint64 exitableAt;
    }

    /// `map`: bit i for input i, bit 5 + i for output i. `position` is the youngest input's.
    struct InFlight {
        address bondOwner;
        uint64 startTimestamp;
        bool isCanonical;
        uint8 inputCount;
        uint16 map;
        uint128 position;
        uint128 bond;
        uint256 oldestCompetitor;
        Side[MAX_INPUTS] inputs;
        Side[MAX_OUTPUTS] outputs;
    }

    /// Where the bits of outputs begin.
    uint256 internal constant OUTPUT_BITS = MAX_INPUTS;
    uint256 internal constant ALL_BITS = MAX_INPUTS + MAX_OUTPUTS;

    mapping(uint168 exitId => InFlight) internal _inFlight;

    function getInFlightExitId(bytes memory txBytes) external pure returns (uint168) {
        return ExitIds.inFlight(keccak256(txBytes));
    }

    function inFlightExits(uint168[] calldata exitIds)
        external
        view
        returns (InFlightExit[] memory exits)
    {
        exits = new InFlightExit[](exitIds.length);
        for (uint256 i = 0; i < exitIds.length; ++i) {
            InFlight storage exit = _inFlight[exitIds[i]];
            exits[i].isCanonical = exit.isCanonical;
            exits[i].exitStartTimestamp = exit.startTimestamp;
            exits[i].exitMap = exit.map;
            exits[i].position = exit.position;
            exits[i].bondOwner = exit.bondOwner;
            exits[i].bondSize = exit.bond;
            exits[i].oldestCompetitorPosition = exit.oldestCompetitor;
            for (uint256 j = 0; j < OUTPUT_BITS; ++j) {
                exits[i].inputs[j] = _view(exit.inputs[j]);
                exits[i].outputs[j] = _view(exit.outputs[j]);
            }
        }
    }

    function _view(Side storage side) private view returns (WithdrawData memory) {
        return WithdrawData({
            outputId: side.outputId,
            exitTarget: side.owner,
            token: side.token,
            amount: side.amount,
            piggybackBondSize: side.bond,
            bountySize: side.bounty
        });
    }

    function _startedExit(uint168 exitId) internal view returns (InFlight storage exit) {
        exit = _inFlight[exitId];
        if (exit.startTimestamp == 0) revert NoSuchInFlightExit(exitId);
    }

    function _startedByTx(bytes memory raw)
        internal
        view
        returns (InFlight storage exit, bytes32 txHash)
    {
        txHash = keccak256(raw);
        exit = _startedExit(ExitIds.inFlight(txHash));
    }

    /// Half of the exit period, counted from the start.
    function _isFirstPhase(InFlight storage exit) internal view returns (bool) {
        return block.timestamp < exit.startTimestamp + _minExitPeriod / 2;
    }

    function _hasBit(InFlight storage exit, uint256 bit) internal view returns (bool) {
        return (exit.map >> bit) & 1 != 0;
    }

    function _sideAt(InFlight storage exit, uint256 bit) internal view returns (Side storage) {
        return bit < OUTPUT_BITS ? exit.inputs[bit] : exit.outputs[bit - OUTPUT_BITS];
    }

    /// When the piggybacks of a token may be paid; 0 when there are none. They all have one time.
    function _exitableAtOfToken(InFlight storage exit, address token)
        internal
        view
        returns (uint64)
    {
        if (exit.map == 0) return 0;
        for (uint256 bit = 0; bit < ALL_BITS; ++bit) {
            if (!_hasBit(exit, bit)) continue;
            Side storage side = _sideAt(exit, bit);
            if (side.token == token) return side.exitableAt;
        }
        return 0;
    }

    /// Removes the record, touching only what was written.
    function _remove(uint168 exitId) internal {
        InFlight storage exit = _inFlight[exitId];
        uint256 inputs = exit.inputCount;
        for (uint256 i = 0; i < inputs; ++i) {
            delete exit.inputs[i];
        }
        for (uint256 i = 0; i < OUTPUT_BITS; ++i) {
            if (exit.outputs[i].outputId != 0) delete exit.outputs[i];
        }
        exit.bondOwner = address(0);
        exit.startTimestamp = 0;
        exit.isCanonical = false;
        exit.inputCount = 0;
        exit.map = 0;
        exit.position = 0;
        exit.bond = 0;
        exit.oldestCompetitor = 0;
    }
}
