// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { InFlightRecords } from "./InFlightRecords.sol";

/// The end of an in-flight exit, token by token: a canonical transaction pays its outputs, another one gives
/// its inputs back, and either way no more leaves than came in.
abstract contract InFlightProcessing is InFlightRecords {
    event InFlightExitOmitted(uint168 indexed exitId, address token);
    event InFlightExitInputWithdrawn(uint168 indexed exitId, uint16 inputIndex);
    event InFlightExitOutputWithdrawn(uint168 indexed exitId, uint16 outputIndex);
    event InFlightExitFinalized(uint168 indexed exitId);

    /// Exits that gave inputs back. They never pay outputs after that, nor when they are started again:
    /// the same money would leave twice.
    mapping(uint168 exitId => bool) public gaveInputsBack;

    function _processInFlightExit(uint168 exitId, uint256 vaultId, address token, address processor)
        internal
    {
        InFlight storage exit = _inFlight[exitId];
        if (!_isDue(exit, token)) {
            emit InFlightExitOmitted(exitId, token);
            return;
        }
        bool canonical = exit.isCanonical && !gaveInputsBack[exitId] && !_lostAnInput(exit, exitId);
        // What is paid is decided and written down before any money moves.
        Side[] memory paid = _settle(exit, exitId, token, canonical);
        Side[] memory joined = _clearPiggybacks(exit, token);
        address bondOwner = exit.bondOwner;
        uint256 bond = exit.bond;
        bool last = exit.map == 0;
        if (last) {
            _remove(exitId);
            emit InFlightExitFinalized(exitId);
        }
        for (uint256 i = 0; i < paid.length; ++i) {
            _withdraw(vaultId, token, paid[i].owner, paid[i].amount);
        }
        uint256 bounty;
        for (uint256 i = 0; i < joined.length; ++i) {
            _returnBond(joined[i].owner, joined[i].bond - joined[i].bounty);
            bounty += joined[i].bounty;
        }
        _payBounty(processor, bounty);
        if (last) _returnBond(bondOwner, bond);
    }

    /// Entries outlive their exits: one may meet no record, or a record that was started later and whose
    /// own time has not come. Those are left to their own entries.
    function _isDue(InFlight storage exit, address token) private view returns (bool) {
        uint256 start = exit.startTimestamp;
        return start != 0 && start + _minExitPeriod < block.timestamp
            && _exitableAtOfToken(exit, token) < block.timestamp;
    }

    function _lostAnInput(InFlight storage exit, uint168 exitId) private view returns (bool) {
        for (uint256 i = 0; i < exit.inputCount; ++i) {
            uint168 by = framework.outputsFinalizations(exit.inputs[i].outputId);
            if (by != 0 && by != exitId) return true;
        }
        return false;
    }

    /// Flags what leaves, and answers it. Canonical: the piggybacked outputs leave and every input counts as
    /// spent; else the piggybacked inputs leave, and nothing else is touched.
    function _settle(InFlight storage exit, uint168 exitId, address token, bool canonical)
        private
        returns (Side[] memory paid)
    {
        uint256 from = canonical ? OUTPUT_BITS : 0;
        uint256 inputs = exit.inputCount;
        paid = new Side[](OUTPUT_BITS);
        bytes32[] memory gone = new bytes32[](2 * OUTPUT_BITS);
        uint256 count;
        for (uint256 bit = from; bit < from + OUTPUT_BITS; ++bit) {
            if (!_hasBit(exit, bit)) continue;
            Side storage side = _sideAt(exit, bit);
            if (side.token != token || framework.isOutputFinalized(side.outputId)) continue;
            paid[count] = side;
            gone[count++] = side.outputId;
            if (canonical) emit InFlightExitOutputWithdrawn(exitId, uint16(bit - from));
            else emit InFlightExitInputWithdrawn(exitId, uint16(bit));
        }
        uint256 flags = count;
        if (canonical) {
            for (uint256 i = 0; i < inputs; ++i) {
                gone[flags++] = exit.inputs[i].outputId;
            }
        } else if (count > 0) {
            gaveInputsBack[exitId] = true;
        }
        assembly ("memory-safe") {
            mstore(paid, count)
            mstore(gone, flags)
        }
        if (flags > 0) framework.flagOutputsFinalized(gone, exitId);
    }

    /// Takes all piggybacks of the token off the map, and answers them.
    function _clearPiggybacks(InFlight storage exit, address token)
        private
        returns (Side[] memory joined)
    {
        joined = new Side[](ALL_BITS);
        uint256 count;
        uint16 map = exit.map;
        for (uint256 bit = 0; bit < ALL_BITS; ++bit) {
            if ((map >> bit) & 1 == 0) continue;
            Side storage side = _sideAt(exit, bit);
            if (side.token != token) continue;
            joined[count++] = side;
            map &= ~uint16(1 << bit);
        }
        exit.map = map;
        assembly ("memory-safe") {
            mstore(joined, count)
        }
    }
}
