// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { BondSize } from "../lib/BondSize.sol";
import { ExitIds } from "../lib/ExitIds.sol";
import { Positions } from "../lib/Positions.sol";
import { Output, Payment, Transactions } from "../lib/Transactions.sol";
import { ExitGame } from "./ExitGame.sol";

/// Leaving with an output that is in a block. Whoever shows that it was spent stops the exit and gets the
/// bond.
abstract contract StandardExits is ExitGame {
    using BondSize for BondSize.Params;

    error ExitAlreadyStarted(uint168 exitId);
    error NoSuchExit(uint168 exitId);
    error AlreadyFinalized(bytes32 outputId);

    event ExitStarted(address indexed owner, uint168 exitId, uint256 utxoPos, bytes outputTx);
    event ExitChallenged(uint256 indexed utxoPos);
    event ExitOmitted(uint168 indexed exitId);
    event ExitFinalized(uint168 indexed exitId);
    event StandardExitBondUpdated(uint128 bondSize, uint128 bountySize);

    struct StandardExit {
        bool exitable;
        uint256 utxoPos;
        bytes32 outputId;
        address exitTarget;
        uint256 amount;
        uint256 bondSize;
        uint256 bountySize;
    }

    struct StartStandardExitArgs {
        uint256 utxoPos;
        bytes rlpOutputTx;
        bytes outputTxInclusionProof;
    }

    /// `exitingTx` is in the interface for clients of older contracts; it may be empty, because owner and
    /// position were recorded at the start.
    struct ChallengeStandardExitArgs {
        uint168 exitId;
        bytes exitingTx;
        bytes challengeTx;
        uint16 inputIndex;
        bytes witness;
        bytes32 senderData;
    }

    /// As stored: four slots.
    struct Record {
        bytes32 outputId;
        address owner;
        bool exitable;
        uint88 position;
        uint256 amount;
        uint128 bond;
        uint128 bounty;
    }

    mapping(uint168 exitId => Record) private _exits;
    BondSize.Params private _bond;

    constructor() {
        // 0.0233 ETH pays 261,000 gas of a challenge up to 89 gwei; 0.00535 of it pay for processing.
        _bond.set(0.0233 ether, 0.00535 ether);
    }

    function startStandardExitBondSize() external view returns (uint128 bond) {
        (bond,) = _bond.sizes();
    }

    function processStandardExitBountySize() external view returns (uint128 bounty) {
        (, bounty) = _bond.sizes();
    }

    function updateStartStandardExitBondSize(uint128 bondSize, uint128 bountySize)
        external
        onlyMaintainer
    {
        _bond.update(bondSize, bountySize);
        emit StandardExitBondUpdated(bondSize, bountySize);
    }

    function standardExits(uint168[] calldata exitIds)
        external
        view
        returns (StandardExit[] memory exits)
    {
        exits = new StandardExit[](exitIds.length);
        for (uint256 i = 0; i < exitIds.length; ++i) {
            Record storage record = _exits[exitIds[i]];
            exits[i] = StandardExit({
                exitable: record.exitable,
                utxoPos: record.position,
                outputId: record.outputId,
                exitTarget: record.owner,
                amount: record.amount,
                bondSize: record.bond,
                bountySize: record.bounty
            });
        }
    }

    function getStandardExitId(bool isDeposit, bytes memory txBytes, uint256 utxoPos)
        external
        pure
        returns (uint168)
    {
        return ExitIds.standard(ExitIds.outputId(isDeposit, txBytes, utxoPos));
    }

    /// Only the output's owner can start, with the bond as the value.
    function startStandardExit(StartStandardExitArgs calldata args) external payable guarded {
        (uint128 bond, uint128 bounty) = _bond.sizes();
        if (msg.value != bond) revert WrongBond(bond);
        bytes memory raw = args.rlpOutputTx;
        uint256 position = args.utxoPos;
        uint256 timestamp = _requireIncluded(raw, position, args.outputTxInclusionProof);
        Output memory output = _ownOutput(raw, Positions.outputIndex(position));

        bytes32 outputId = ExitIds.outputId(raw, position);
        uint168 exitId = ExitIds.standard(outputId);
        Record storage record = _exits[exitId];
        if (record.amount != 0) revert ExitAlreadyStarted(exitId);
        if (framework.isOutputFinalized(outputId)) revert AlreadyFinalized(outputId);

        record.outputId = outputId;
        record.owner = msg.sender;
        record.exitable = true;
        record.position = uint88(position);
        record.amount = output.amount;
        record.bond = bond;
        record.bounty = bounty;

        emit ExitStarted(msg.sender, exitId, position, raw);
        framework.enqueue(
            _vaultIdOf(output.token),
            output.token,
            ExitIds.exitableAt(position, timestamp, _minExitPeriod, true),
            position,
            exitId
        );
    }

    /// Stops an exit by a payment, in a block or not, that spends the output with its owner's signature.
    function challengeStandardExit(ChallengeStandardExitArgs calldata args)
        external
        guarded
        onlyAddressee(args.senderData)
    {
        Record storage record = _exits[args.exitId];
        if (!record.exitable) revert NoSuchExit(args.exitId);
        uint256 position = record.position;
        _requireSpends(
            Transactions.decodePayment(args.challengeTx),
            args.inputIndex,
            position,
            record.owner,
            args.witness
        );
        // The record stays until its turn in the queue, so that the same exit cannot start beside it.
        record.exitable = false;
        emit ExitChallenged(position);
        _reward(msg.sender, record.bond);
    }

    function _processStandardExit(uint168 exitId, uint256 vaultId, address token, address processor)
        internal
    {
        Record memory record = _exits[exitId];
        delete _exits[exitId];
        if (!record.exitable) {
            emit ExitOmitted(exitId);
            return;
        }
        if (framework.isOutputFinalized(record.outputId)) {
            emit ExitOmitted(exitId);
        } else {
            bytes32[] memory gone = new bytes32[](1);
            gone[0] = record.outputId;
            framework.flagOutputsFinalized(gone, exitId);
            emit ExitFinalized(exitId);
            _withdraw(vaultId, token, record.owner, record.amount);
        }
        _returnBond(record.owner, record.bond - record.bounty);
        _payBounty(processor, record.bounty);
    }

    function _ownOutput(bytes memory raw, uint16 index)
        private
        view
        returns (Output memory output)
    {
        output = Transactions.outputOf(raw, index);
        // What fees collected is moved by a payment first, and exits as that.
        if (output.outputType != Transactions.PAYMENT_OUTPUT || output.amount == 0) {
            revert NothingToExit();
        }
        if (output.owner != msg.sender) revert NotTheOwner(output.owner);
    }
}
