// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Nothing that moves money can be entered a second time from within itself.
abstract contract Guard {
    error Reentered();

    bool private transient entered;

    modifier guarded() {
        _enter();
        _;
        entered = false;
    }

    // A function, because a modifier is copied into every use.
    function _enter() private {
        if (entered) revert Reentered();
        entered = true;
    }
}
