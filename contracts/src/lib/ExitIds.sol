// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Positions } from "./Positions.sol";

/// Names of outputs and exits, and the order in which exits are paid.
library ExitIds {
    /// Set in the ids of in-flight exits, clear in those of standard exits.
    uint168 private constant IN_FLIGHT_BIT = uint168(1) << 167;

    /// keccak(tx | oindex), for deposits keccak(tx | oindex | position): deposits repeat their bytes.
    function outputId(bytes memory raw, uint256 position) internal pure returns (bytes32) {
        return outputId(Positions.isDeposit(position), raw, position);
    }

    function outputId(bool deposit, bytes memory raw, uint256 position)
        internal
        pure
        returns (bytes32)
    {
        uint256 index = Positions.outputIndex(position);
        return deposit ? keccak256(abi.encodePacked(raw, index, position)) : outputIdAt(raw, index);
    }

    /// The id of output `index` of a transaction that is no deposit.
    function outputIdAt(bytes memory raw, uint256 index) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(raw, index));
    }

    function standard(bytes32 output) internal pure returns (uint168) {
        return uint168(uint256(output) >> 89);
    }

    function inFlight(bytes32 txHash) internal pure returns (uint168) {
        return uint168(uint256(txHash) >> 89) | IN_FLIGHT_BIT;
    }

    function isInFlight(uint168 exitId) internal pure returns (bool) {
        return exitId & IN_FLIGHT_BIT != 0;
    }

    /// Sooner first, then older outputs first, then by id.
    function priority(uint64 due, uint256 position, uint168 exitId)
        internal
        pure
        returns (uint256)
    {
        return uint256(due) << 224 | Positions.txPosition(position) << 168 | exitId;
    }

    /// When an exit that starts now may be paid. New outputs wait longer, so that exits of older ones,
    /// started because of a bad block, overtake what the bad block made up.
    function exitableAt(
        uint256 position,
        uint256 blockTimestamp,
        uint256 minExitPeriod,
        bool discount
    ) internal view returns (uint64) {
        uint256 soonest = block.timestamp + minExitPeriod;
        if (discount && Positions.isDeposit(position)) return uint64(soonest);
        uint256 ripe = blockTimestamp + 2 * minExitPeriod;
        return uint64(ripe > soonest ? ripe : soonest);
    }
}
