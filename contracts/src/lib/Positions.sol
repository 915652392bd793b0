// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Where an output lies: blknum * 1e9 + txindex * 1e4 + oindex.
library Positions {
    error PositionOutOfRange(uint256 position);

    /// Child blocks are numbered in this step; the numbers between are for deposits.
    uint256 internal constant CHILD_BLOCK_INTERVAL = 1000;
    uint256 private constant BLOCK_OFFSET = 1e9;
    uint256 private constant TX_OFFSET = 1e4;
    /// A block is a Merkle tree of depth 16.
    uint256 private constant MAX_TX_INDEX = 65535;
    /// blknum * 1e5 + txindex has 56 bits in the priority of an exit.
    uint256 private constant MAX_TX_POSITION = 2 ** 56 - 1;

    function blknum(uint256 position) internal pure returns (uint256) {
        return position / BLOCK_OFFSET;
    }

    function txIndex(uint256 position) internal pure returns (uint256 index) {
        index = (position / TX_OFFSET) % (BLOCK_OFFSET / TX_OFFSET);
        if (index > MAX_TX_INDEX || position / TX_OFFSET > MAX_TX_POSITION) {
            revert PositionOutOfRange(position);
        }
    }

    function outputIndex(uint256 position) internal pure returns (uint16) {
        return uint16(position % TX_OFFSET);
    }

    /// The transaction's position: the output's without its output index.
    function txPosition(uint256 position) internal pure returns (uint256) {
        return position / TX_OFFSET;
    }

    /// The position of the transaction's first output: one number for a transaction's place.
    function firstOutput(uint256 position) internal pure returns (uint256) {
        return position - (position % TX_OFFSET);
    }

    function isDepositBlock(uint256 number) internal pure returns (bool) {
        return number % CHILD_BLOCK_INTERVAL != 0;
    }

    function isDeposit(uint256 position) internal pure returns (bool) {
        return isDepositBlock(blknum(position));
    }
}
