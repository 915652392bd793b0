// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { TestToken } from "../../src/dev/TestToken.sol";

/// Keeps one unit of each transfer.
contract TaxedCoin is TestToken {
    function transferFrom(address from, address to, uint256 amount)
        external
        override
        returns (bool)
    {
        balanceOf[from] -= amount;
        balanceOf[to] += amount - 1;
        return true;
    }
}

/// Freezes accounts.
contract FreezingCoin is TestToken {
    mapping(address => bool) public frozen;

    function freeze(address account, bool state) external {
        frozen[account] = state;
    }

    function transfer(address to, uint256 amount) external override returns (bool) {
        require(!frozen[to]);
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

/// Burns all the gas that a transfer gets.
contract BurningCoin is TestToken {
    function transfer(address, uint256) external pure override returns (bool) {
        while (true) { }
        return true;
    }
}

/// A wallet that needs more than the stipend to take ether.
contract HeavyWallet {
    uint256 public received;

    receive() external payable {
        received += msg.value;
    }

    function call(address to, bytes calldata data) external payable returns (bytes memory answer) {
        bool good;
        (good, answer) = to.call{ value: msg.value }(data);
        require(good);
    }
}
