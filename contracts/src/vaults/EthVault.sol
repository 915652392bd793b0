// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { PlasmaFramework } from "../framework/PlasmaFramework.sol";
import { EthPayouts } from "../lib/EthPayouts.sol";
import { Output } from "../lib/Transactions.sol";
import { Vault } from "./Vault.sol";

/// Keeps the ether of the child chain.
contract EthVault is Vault, EthPayouts {
    event EthWithdrawn(address indexed receiver, uint256 amount);

    constructor(PlasmaFramework framework) Vault(framework) { }

    function deposit(bytes calldata depositTx) external payable guarded {
        Output memory output = _depositOutput(depositTx);
        if (output.token != address(0)) revert WrongToken(output.token);
        if (output.amount != msg.value) revert WrongAmount(output.amount);
        _submitDeposit(depositTx, address(0), msg.value);
    }

    /// Pays an exit. A receiver that does not take it within the stipend collects it later.
    function withdraw(address receiver, uint256 amount) external onlyFromExitGame guarded {
        if (_sendOrOwe(receiver, amount)) emit EthWithdrawn(receiver, amount);
        else emit WithdrawFailed(receiver, address(0), amount);
    }
}
