// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { PlasmaFramework } from "../framework/PlasmaFramework.sol";
import { Merkle } from "../lib/Merkle.sol";
import { Output, Payment, Transactions } from "../lib/Transactions.sol";

/// What both vaults share: a deposit is a block with one transaction, without inputs and with one output.
abstract contract Vault {
    error NotADeposit();
    error NotTheDepositor();
    error WrongToken(address token);
    error WrongAmount(uint256 amount);

    event DepositCreated(
        address indexed depositor, uint256 indexed blknum, address indexed token, uint256 amount
    );
    event WithdrawFailed(address indexed receiver, address indexed token, uint256 amount);

    PlasmaFramework public immutable framework;

    constructor(PlasmaFramework frameworkAddress) {
        framework = frameworkAddress;
    }

    modifier onlyFromExitGame() {
        framework.requireActiveExitGame(msg.sender);
        _;
    }

    /// The one output of a deposit by the caller.
    function _depositOutput(bytes memory depositTx) internal view returns (Output memory output) {
        Payment memory payment = Transactions.decodePayment(depositTx);
        if (payment.inputs.length != 0 || payment.outputs.length != 1) revert NotADeposit();
        output = payment.outputs[0];
        if (output.owner != msg.sender) revert NotTheDepositor();
        if (output.amount == 0) revert WrongAmount(0);
    }

    function _submitDeposit(bytes memory depositTx, address token, uint256 amount) internal {
        uint256 blknum = framework.submitDepositBlock(Merkle.rootOfSingle(depositTx));
        emit DepositCreated(msg.sender, blknum, token, amount);
    }
}
