// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// The Merkle tree of a child block: 65,536 leaves, keccak, leaves and nodes told apart by a first byte.
library Merkle {
    uint256 private constant DEPTH = 16;

    function leafOf(bytes memory data) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0), data));
    }

    /// Whether `data` is leaf number `index` below `root`. `proof` holds 16 siblings, bottom-up.
    function contains(bytes32 root, bytes memory data, uint256 index, bytes memory proof)
        internal
        pure
        returns (bool)
    {
        if (proof.length != DEPTH * 32 || index >> DEPTH != 0) return false;
        bytes32 node = leafOf(data);
        for (uint256 level = 0; level < DEPTH; ++level) {
            bytes32 sibling;
            assembly ("memory-safe") {
                sibling := mload(add(add(proof, 32), shl(5, level)))
            }
            node = (index >> level) & 1 == 0 ? parentOf(node, sibling) : parentOf(sibling, node);
        }
        return node == root;
    }

    /// The root of a block with one transaction.
    function rootOfSingle(bytes memory data) internal pure returns (bytes32 node) {
        node = leafOf(data);
        bytes32 padding = keccak256(abi.encodePacked(bytes1(0), bytes32(0)));
        for (uint256 level = 0; level < DEPTH; ++level) {
            node = parentOf(node, padding);
            padding = parentOf(padding, padding);
        }
    }

    /// keccak(0x01 | left | right), in the scratch space.
    function parentOf(bytes32 left, bytes32 right) internal pure returns (bytes32 node) {
        assembly ("memory-safe") {
            // 65 bytes from free memory on, which is not kept.
            let at := mload(0x40)
            mstore8(at, 1)
            mstore(add(at, 1), left)
            mstore(add(at, 33), right)
            node := keccak256(at, 65)
        }
    }
}
