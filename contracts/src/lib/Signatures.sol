// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Recovers who signed. Both halves of the curve count: a signature that the child chain took must
/// never be refused as evidence here, and nothing here depends on signatures being unique.
library Signatures {
    /// The signer of `digest`, or zero when the 65 bytes r | s | v are no signature.
    function signerOf(bytes32 digest, bytes memory signature) internal pure returns (address) {
        if (signature.length != 65) return address(0);
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
            v := byte(0, mload(add(signature, 96)))
        }
        return ecrecover(digest, v, r, s);
    }
}
