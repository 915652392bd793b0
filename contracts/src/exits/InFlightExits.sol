// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { BondSize } from "../lib/BondSize.sol";
import { ExitIds } from "../lib/ExitIds.sol";
import { Positions } from "../lib/Positions.sol";
import { Output, Payment, Transactions } from "../lib/Transactions.sol";
import { InFlightRecords } from "./InFlightRecords.sol";

/// Starting an in-flight exit, and joining it: each owner of an input or an output who wants to leave by
/// it puts down a bond of their own (a piggyback).
abstract contract InFlightExits is InFlightRecords {
    using BondSize for BondSize.Params;

    error WrongNumberOfInputs();
    error SameInputTwice(bytes32 outputId);
    error MoreOutThanIn(address token);
    error AlreadyPiggybacked(uint256 bit);

    event InFlightExitStarted(
        address indexed initiator,
        bytes32 indexed txHash,
        bytes inFlightTx,
        uint256[] inputUtxosPos,
        bytes[] inFlightTxWitnesses,
        bytes[] inputTxs
    );
    event InFlightExitInputPiggybacked(
        address indexed exitTarget, bytes32 indexed txHash, uint16 inputIndex
    );
    event InFlightExitOutputPiggybacked(
        address indexed exitTarget, bytes32 indexed txHash, uint16 outputIndex
    );
    event IFEBondUpdated(uint128 bondSize, uint128 bountySize);
    event PiggybackBondUpdated(uint128 bondSize, uint128 bountySize);

    struct StartExitArgs {
        bytes inFlightTx;
        bytes[] inputTxs;
        uint256[] inputUtxosPos;
        bytes[] inputTxsInclusionProofs;
        bytes[] inFlightTxWitnesses;
    }

    struct PiggybackInFlightExitOnInputArgs {
        bytes inFlightTx;
        uint16 inputIndex;
    }

    struct PiggybackInFlightExitOnOutputArgs {
        bytes inFlightTx;
        uint16 outputIndex;
    }

    BondSize.Params private _startBond;
    BondSize.Params private _piggybackBond;

    constructor() {
        // Nobody is paid a bounty for the in-flight exit itself: its piggybacks pay for processing, which
        // is dearer than that of a standard exit.
        _startBond.set(0.0269 ether, 0);
        _piggybackBond.set(0.0309 ether, 0.025 ether);
    }

    function startIFEBondSize() external view returns (uint128 bond) {
        (bond,) = _startBond.sizes();
    }

    function piggybackBondSize() external view returns (uint128 bond) {
        (bond,) = _piggybackBond.sizes();
    }

    function processInFlightExitBountySize() external view returns (uint128 bounty) {
        (, bounty) = _piggybackBond.sizes();
    }

    function updateStartIFEBondSize(uint128 bondSize) external onlyMaintainer {
        _startBond.update(bondSize, 0);
        emit IFEBondUpdated(bondSize, 0);
    }

    function updatePiggybackBondSize(uint128 bondSize, uint128 bountySize) external onlyMaintainer {
        _piggybackBond.update(bondSize, bountySize);
        emit PiggybackBondUpdated(bondSize, bountySize);
    }

    /// Anybody who has a payment with all its signatures and the proofs of its inputs can start.
    function startInFlightExit(StartExitArgs calldata args) external payable guarded {
        (uint128 bond,) = _startBond.sizes();
        if (msg.value != bond) revert WrongBond(bond);
        bytes memory raw = args.inFlightTx;
        uint168 exitId = ExitIds.inFlight(keccak256(raw));
        InFlight storage exit = _inFlight[exitId];
        if (exit.startTimestamp != 0) revert InFlightExitAlreadyStarted(exitId);

        Payment memory payment = Transactions.decodePayment(raw);
        uint256 count = payment.inputs.length;
        if (
            count == 0 || count != args.inputTxs.length || count != args.inputUtxosPos.length
                || count != args.inputTxsInclusionProofs.length
                || count != args.inFlightTxWitnesses.length
        ) revert WrongNumberOfInputs();

        exit.bondOwner = msg.sender;
        exit.startTimestamp = uint64(block.timestamp);
        exit.isCanonical = true;
        exit.inputCount = uint8(count);
        exit.bond = bond;
        (Output[] memory inputs, uint256 youngest) = _recordInputs(exit, payment, args);
        exit.position = uint128(youngest);
        _requireCovered(inputs, payment.outputs);

        _tellStarted(args);
    }

    /// The owner of an input asks for it back, in case the transaction is not canonical.
    function piggybackInFlightExitOnInput(PiggybackInFlightExitOnInputArgs calldata args)
        external
        payable
        guarded
    {
        bytes32 txHash = keccak256(args.inFlightTx);
        uint168 exitId = ExitIds.inFlight(txHash);
        InFlight storage exit = _inFirstPhase(exitId);
        if (args.inputIndex >= exit.inputCount) revert NothingToExit();
        Side storage side = exit.inputs[args.inputIndex];
        _piggyback(exit, exitId, side, args.inputIndex);
        emit InFlightExitInputPiggybacked(msg.sender, txHash, args.inputIndex);
    }

    /// The owner of an output asks for it, in case the transaction is canonical.
    function piggybackInFlightExitOnOutput(PiggybackInFlightExitOnOutputArgs calldata args)
        external
        payable
        guarded
    {
        bytes memory raw = args.inFlightTx;
        bytes32 txHash = keccak256(raw);
        uint168 exitId = ExitIds.inFlight(txHash);
        InFlight storage exit = _inFirstPhase(exitId);
        Output memory output = Transactions.outputOf(raw, args.outputIndex);
        Side storage side = exit.outputs[args.outputIndex];
        _fill(side, ExitIds.outputIdAt(raw, args.outputIndex), output);
        _piggyback(exit, exitId, side, OUTPUT_BITS + args.outputIndex);
        emit InFlightExitOutputPiggybacked(msg.sender, txHash, args.outputIndex);
    }

    function _tellStarted(StartExitArgs calldata args) private {
        emit InFlightExitStarted(
            msg.sender,
            keccak256(args.inFlightTx),
            args.inFlightTx,
            args.inputUtxosPos,
            args.inFlightTxWitnesses,
            args.inputTxs
        );
    }

    /// Checks the inputs one by one and writes them down; answers them and the youngest's position.
    function _recordInputs(
        InFlight storage exit,
        Payment memory payment,
        StartExitArgs calldata args
    ) private returns (Output[] memory inputs, uint256 youngest) {
        inputs = new Output[](payment.inputs.length);
        bytes32[] memory ids = new bytes32[](inputs.length);
        for (uint16 i = 0; i < inputs.length; ++i) {
            uint256 position = args.inputUtxosPos[i];
            bytes memory inputTx = args.inputTxs[i];
            _requireIncluded(inputTx, position, args.inputTxsInclusionProofs[i]);
            inputs[i] = Transactions.outputOf(inputTx, Positions.outputIndex(position));
            _requireSpends(payment, i, position, inputs[i].owner, args.inFlightTxWitnesses[i]);
            ids[i] = ExitIds.outputId(inputTx, position);
            // By id, not by position: a bad authority can put one transaction into two blocks.
            for (uint256 j = 0; j < i; ++j) {
                if (ids[j] == ids[i]) revert SameInputTwice(ids[i]);
            }
            _fill(exit.inputs[i], ids[i], inputs[i]);
            if (position > youngest) youngest = position;
        }
    }

    function _fill(Side storage side, bytes32 outputId, Output memory output) private {
        side.outputId = outputId;
        side.owner = output.owner;
        side.token = output.token;
        side.amount = output.amount;
    }

    /// No token may leave in a larger amount than it came in.
    function _requireCovered(Output[] memory inputs, Output[] memory outputs) private pure {
        for (uint256 i = 0; i < outputs.length; ++i) {
            address token = outputs[i].token;
            if (_sumOf(outputs, token) > _sumOf(inputs, token)) revert MoreOutThanIn(token);
        }
    }

    /// Checked arithmetic: a sum beyond 256 bits reverts.
    function _sumOf(Output[] memory outputs, address token) private pure returns (uint256 sum) {
        for (uint256 i = 0; i < outputs.length; ++i) {
            if (outputs[i].token == token) sum += outputs[i].amount;
        }
    }

    function _inFirstPhase(uint168 exitId) private view returns (InFlight storage exit) {
        exit = _startedExit(exitId);
        if (!_isFirstPhase(exit)) revert FirstPhaseIsOver();
    }

    function _piggyback(InFlight storage exit, uint168 exitId, Side storage side, uint256 bit)
        private
    {
        (uint128 bond, uint128 bounty) = _piggybackBond.sizes();
        if (msg.value != bond) revert WrongBond(bond);
        if (side.owner != msg.sender) revert NotTheOwner(side.owner);
        if (side.amount == 0) revert NothingToExit();
        if (_hasBit(exit, bit)) revert AlreadyPiggybacked(bit);
        address token = side.token;
        uint64 exitableAt = _exitableAtOfToken(exit, token);
        if (exitableAt == 0) exitableAt = _enqueue(exit, exitId, token);
        exit.map |= uint16(1 << bit);
        side.bond = uint96(bond);
        side.bounty = uint96(bounty);
        side.exitableAt = exitableAt;
    }

    /// One entry per token, made by the first piggyback in it. An entry of the same priority can be left
    /// from a piggyback that was challenged; then that one serves.
    function _enqueue(InFlight storage exit, uint168 exitId, address token)
        private
        returns (uint64 exitableAt)
    {
        uint256 position = exit.position;
        (, uint256 timestamp) = framework.blocks(Positions.blknum(position));
        exitableAt = ExitIds.exitableAt(position, timestamp, _minExitPeriod, false);
        uint256 vaultId = _vaultIdOf(token);
        uint256 priority = ExitIds.priority(exitableAt, position, exitId);
        if (!framework.isQueued(vaultId, token, priority)) {
            framework.enqueue(vaultId, token, exitableAt, position, exitId);
        }
    }
}
