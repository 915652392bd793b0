// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Output } from "../../src/lib/Transactions.sol";

/// Writes what the contracts read: RLP of payments, and Merkle trees of small blocks.
library Encode {
    function payment(uint256[] memory inputs, Output[] memory outputs)
        internal
        pure
        returns (bytes memory)
    {
        bytes memory ins;
        for (uint256 i = 0; i < inputs.length; ++i) {
            ins = bytes.concat(ins, text(abi.encodePacked(inputs[i])));
        }
        bytes memory outs;
        for (uint256 i = 0; i < outputs.length; ++i) {
            outs = bytes.concat(outs, output(outputs[i]));
        }
        return list(
            bytes.concat(
                number(1), list(ins), list(outs), number(0), text(abi.encodePacked(bytes32(0)))
            )
        );
    }

    function output(Output memory one) internal pure returns (bytes memory) {
        return list(
            bytes.concat(
                number(one.outputType),
                list(
                    bytes.concat(
                        text(abi.encodePacked(one.owner)),
                        text(abi.encodePacked(one.token)),
                        number(one.amount)
                    )
                )
            )
        );
    }

    function number(uint256 value) internal pure returns (bytes memory) {
        if (value == 0) return hex"80";
        uint256 length = 0;
        for (uint256 rest = value; rest > 0; rest >>= 8) {
            ++length;
        }
        bytes memory all = abi.encodePacked(value);
        bytes memory digits = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            digits[i] = all[32 - length + i];
        }
        return text(digits);
    }

    function text(bytes memory data) internal pure returns (bytes memory) {
        if (data.length == 1 && uint8(data[0]) < 0x80) return data;
        return bytes.concat(head(data.length, 0x80), data);
    }

    function list(bytes memory items) internal pure returns (bytes memory) {
        return bytes.concat(head(items.length, 0xc0), items);
    }

    function head(uint256 length, uint256 base) private pure returns (bytes memory) {
        if (length <= 55) return abi.encodePacked(uint8(base + length));
        if (length < 256) return abi.encodePacked(uint8(base + 56), uint8(length));
        return abi.encodePacked(uint8(base + 57), uint16(length));
    }

    /// Root of a block and the proof of leaf `index`, level by level from the definition.
    function tree(bytes[] memory leaves, uint256 index)
        internal
        pure
        returns (bytes32 root, bytes memory proof)
    {
        bytes32[] memory row = new bytes32[](leaves.length);
        for (uint256 i = 0; i < row.length; ++i) {
            row[i] = keccak256(bytes.concat(hex"00", leaves[i]));
        }
        bytes32 padding = keccak256(bytes.concat(hex"00", bytes32(0)));
        for (uint256 level = 0; level < 16; ++level) {
            uint256 sibling = index ^ 1;
            proof = bytes.concat(proof, sibling < row.length ? row[sibling] : padding);
            bytes32[] memory next = new bytes32[]((row.length + 1) / 2);
            for (uint256 i = 0; i < next.length; ++i) {
                bytes32 right = 2 * i + 1 < row.length ? row[2 * i + 1] : padding;
                next[i] = keccak256(bytes.concat(hex"01", row[2 * i], right));
            }
            row = next;
            padding = keccak256(bytes.concat(hex"01", padding, padding));
            index /= 2;
        }
        root = row.length == 0 ? padding : row[0];
    }
}
