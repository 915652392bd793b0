// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Reads RLP front to back, strictly: one encoding per value, so that nobody can make two byte strings
/// of one transaction. A cursor is a window of memory; reading moves its start.
library Rlp {
    error NotCanonicalRlp();

    struct Cursor {
        uint256 next;
        uint256 end;
    }

    /// Opens a byte string that is exactly one list, and enters it.
    function open(bytes memory data) internal pure returns (Cursor memory list) {
        Cursor memory whole;
        assembly ("memory-safe") {
            mstore(whole, add(data, 32))
            mstore(add(whole, 32), add(add(data, 32), mload(data)))
        }
        list = enter(whole);
        close(whole);
    }

    /// Enters the list at the cursor and moves the cursor behind it.
    function enter(Cursor memory cursor) internal pure returns (Cursor memory list) {
        uint256 head = _head(cursor);
        if (head < 0xc0) revert NotCanonicalRlp();
        uint256 start = cursor.next + 1;
        uint256 length = head - 0xc0;
        if (head > 0xf7) {
            uint256 size = head - 0xf7;
            // No transaction is longer than 2^32 bytes; the size itself has to be there.
            if (size > 4 || start + size > cursor.end) revert NotCanonicalRlp();
            length = _word(start) >> (256 - 8 * size);
            // Minimal: the short form where it fits, and no leading zero.
            if (length <= 55 || length >> (8 * (size - 1)) == 0) revert NotCanonicalRlp();
            start += size;
        }
        if (start + length > cursor.end) revert NotCanonicalRlp();
        list.next = start;
        list.end = start + length;
        cursor.next = start + length;
    }

    /// An unsigned integer: big-endian without leading zeros; zero is the empty string.
    function readUint(Cursor memory cursor) internal pure returns (uint256 value) {
        uint256 length;
        (value, length) = _scalar(cursor);
        if (length > 0 && value >> (8 * (length - 1)) == 0) revert NotCanonicalRlp();
    }

    /// A string of exactly 20 bytes.
    function readAddress(Cursor memory cursor) internal pure returns (address) {
        (uint256 value, uint256 length) = _scalar(cursor);
        if (length != 20) revert NotCanonicalRlp();
        return address(uint160(value));
    }

    /// A string of exactly 32 bytes.
    function readWord(Cursor memory cursor) internal pure returns (bytes32) {
        (uint256 value, uint256 length) = _scalar(cursor);
        if (length != 32) revert NotCanonicalRlp();
        return bytes32(value);
    }

    function isEmpty(Cursor memory cursor) internal pure returns (bool) {
        return cursor.next == cursor.end;
    }

    /// Everything must have been read.
    function close(Cursor memory cursor) internal pure {
        if (cursor.next != cursor.end) revert NotCanonicalRlp();
    }

    /// A string of at most 32 bytes, as a right-aligned number, and its length.
    function _scalar(Cursor memory cursor) private pure returns (uint256 value, uint256 length) {
        uint256 head = _head(cursor);
        uint256 start = cursor.next + 1;
        if (head < 0x80) {
            cursor.next = start;
            return (head, 1);
        }
        length = head - 0x80;
        if (length > 32 || start + length > cursor.end) revert NotCanonicalRlp();
        if (length > 0) value = _word(start) >> (256 - 8 * length);
        // A byte below 0x80 stands for itself.
        if (length == 1 && value < 0x80) revert NotCanonicalRlp();
        cursor.next = start + length;
    }

    function _head(Cursor memory cursor) private pure returns (uint256) {
        if (cursor.next >= cursor.end) revert NotCanonicalRlp();
        return _word(cursor.next) >> 248;
    }

    function _word(uint256 pointer) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(pointer)
        }
    }
}
