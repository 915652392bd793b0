// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Log, Vm } from "./Vm.sol";

/// What every test stands on: the test machine and a few comparisons.
abstract contract Check {
    error Differs(string what, bytes32 got, bytes32 wanted);

    bool public constant IS_TEST = true;
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function eq(uint256 got, uint256 wanted, string memory what) internal pure {
        if (got != wanted) revert Differs(what, bytes32(got), bytes32(wanted));
    }

    function eq(bytes32 got, bytes32 wanted, string memory what) internal pure {
        if (got != wanted) revert Differs(what, got, wanted);
    }

    function eq(address got, address wanted, string memory what) internal pure {
        eq(uint256(uint160(got)), uint256(uint160(wanted)), what);
    }

    function eq(bytes memory got, bytes memory wanted, string memory what) internal pure {
        eq(keccak256(got), keccak256(wanted), what);
    }

    function yes(bool condition, string memory what) internal pure {
        if (!condition) revert Differs(what, 0, bytes32(uint256(1)));
    }

    /// How many of the recorded logs begin with this event.
    function countOf(Log[] memory logs, bytes32 signature) internal pure returns (uint256 count) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == signature) ++count;
        }
    }
}
