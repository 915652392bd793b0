// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { PlasmaFramework } from "../framework/PlasmaFramework.sol";
import { Guard } from "../lib/Guard.sol";
import { Output } from "../lib/Transactions.sol";
import { Vault } from "./Vault.sol";

/// What the vault uses of a token.
interface IErc20 {
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

/// Keeps the tokens of the child chain. A token that misbehaves hurts its own holders alone.
contract Erc20Vault is Vault, Guard {
    error TokenRefused(address token);
    error TooLittleGas();
    error NothingOwed();

    event Erc20Withdrawn(address indexed receiver, address indexed token, uint256 amount);

    /// Gas for one transfer in processing: honest tokens need below 100,000, and a token that burns all
    /// it gets must not make a batch of exits too dear.
    uint256 private constant TRANSFER_GAS = 300_000;
    /// What must be left before it, so that 63/64 of it are enough and the books can be closed after.
    uint256 private constant GAS_BEFORE_TRANSFER = 360_000;

    /// Tokens that could not be delivered, by token and receiver.
    mapping(address token => mapping(address receiver => uint256)) public owed;

    constructor(PlasmaFramework framework) Vault(framework) { }

    function deposit(bytes calldata depositTx) external guarded {
        Output memory output = _depositOutput(depositTx);
        if (output.token == address(0)) revert WrongToken(address(0));
        uint256 before = IErc20(output.token).balanceOf(address(this));
        bytes memory call =
            abi.encodeCall(IErc20.transferFrom, (msg.sender, address(this), output.amount));
        if (!_callToken(output.token, call, gasleft())) revert TokenRefused(output.token);
        // Tokens that keep a share would leave less here than the output says.
        uint256 received = IErc20(output.token).balanceOf(address(this)) - before;
        if (received != output.amount) revert WrongAmount(received);
        _submitDeposit(depositTx, output.token, output.amount);
    }

    /// Pays an exit. What the token refuses now (a frozen receiver, say) can be collected later, and
    /// does not stop the queue.
    function withdraw(address receiver, address token, uint256 amount)
        external
        onlyFromExitGame
        guarded
    {
        // Else a processor could starve the transfer and let the rest go through.
        if (gasleft() < GAS_BEFORE_TRANSFER) revert TooLittleGas();
        bytes memory call = abi.encodeCall(IErc20.transfer, (receiver, amount));
        if (_callToken(token, call, TRANSFER_GAS)) {
            emit Erc20Withdrawn(receiver, token, amount);
        } else {
            owed[token][receiver] += amount;
            emit WithdrawFailed(receiver, token, amount);
        }
    }

    function collectOwed(address token) external guarded {
        uint256 amount = owed[token][msg.sender];
        if (amount == 0) revert NothingOwed();
        owed[token][msg.sender] = 0;
        bytes memory call = abi.encodeCall(IErc20.transfer, (msg.sender, amount));
        if (!_callToken(token, call, gasleft())) revert TokenRefused(token);
        emit Erc20Withdrawn(msg.sender, token, amount);
    }

    /// Old tokens answer nothing, new ones `true`; anything else, or no code at all, is a failure. At most
    /// one word of the answer is copied.
    function _callToken(address token, bytes memory call_, uint256 gas_)
        private
        returns (bool good)
    {
        uint256 answer;
        uint256 size;
        assembly ("memory-safe") {
            mstore(0, 0)
            good := call(gas_, token, 0, add(call_, 32), mload(call_), 0, 32)
            size := returndatasize()
            answer := mload(0)
        }
        return good && (size == 0 ? token.code.length > 0 : size >= 32 && answer == 1);
    }
}
