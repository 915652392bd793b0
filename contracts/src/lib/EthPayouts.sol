// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Guard } from "./Guard.sol";

/// Pays ETH with the 2,300-gas stipend alone: a receiver cannot call back, burn the processor's gas or
/// stop the queue. What a receiver did not take it can collect later, with all the gas it likes.
abstract contract EthPayouts is Guard {
    error PaymentRefused(address receiver);
    error NothingOwed();

    event OwedCollected(address indexed receiver, uint256 amount);

    /// Wei that could not be delivered, by receiver.
    mapping(address receiver => uint256 amount) public owed;

    /// Sends what failed to arrive before; the caller may be a contract of any kind.
    function collectOwed() external guarded {
        uint256 amount = owed[msg.sender];
        if (amount == 0) revert NothingOwed();
        owed[msg.sender] = 0;
        (bool paid,) = msg.sender.call{ value: amount }("");
        if (!paid) revert PaymentRefused(msg.sender);
        emit OwedCollected(msg.sender, amount);
    }

    /// A call that forwards no gas of its own and looks at no answer. The stipend comes on top, so the
    /// caller's gas limit cannot make the payment fail without the whole transaction failing.
    function _send(address receiver, uint256 amount) internal returns (bool paid) {
        assembly ("memory-safe") {
            paid := call(0, receiver, amount, 0, 0, 0, 0)
        }
    }

    /// Pays, or keeps the money for the receiver.
    function _sendOrOwe(address receiver, uint256 amount) internal returns (bool paid) {
        if (amount == 0) return true;
        paid = _send(receiver, amount);
        if (!paid) owed[receiver] += amount;
    }
}
