// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ExitIds } from "../lib/ExitIds.sol";
import { Positions } from "../lib/Positions.sol";
import { Payment, Transactions } from "../lib/Transactions.sol";
import { InFlightRecords } from "./InFlightRecords.sol";

/// Evidence against in-flight exits: an older transaction that spends the same input, an input or an output
/// that was spent elsewhere. None of these calls takes money.
abstract contract InFlightChallenges is InFlightRecords {
    error SameTransaction();
    error NoSuchInput(uint16 index);
    error NotTheInput(bytes32 outputId);
    error NotOlder(uint256 position);
    error NotPiggybacked(uint256 bit);
    error StillPiggybacked();

    event InFlightExitChallenged(
        address indexed challenger,
        bytes32 indexed txHash,
        uint256 challengeTxPosition,
        uint16 inFlightTxInputIndex,
        bytes challengeTx,
        uint16 challengeTxInputIndex,
        bytes challengeTxWitness
    );
    event InFlightExitChallengeResponded(
        address indexed challenger, bytes32 indexed txHash, uint256 challengeTxPosition
    );
    event InFlightExitInputBlocked(
        address indexed challenger, bytes32 indexed txHash, uint16 inputIndex
    );
    event InFlightExitOutputBlocked(
        address indexed challenger, bytes32 indexed txHash, uint16 outputIndex
    );
    event InFlightExitDeleted(uint168 indexed exitId);

    struct ChallengeCanonicityArgs {
        bytes inputTx;
        uint256 inputUtxoPos;
        bytes inFlightTx;
        uint16 inFlightTxInputIndex;
        bytes competingTx;
        uint16 competingTxInputIndex;
        uint256 competingTxPos;
        bytes competingTxInclusionProof;
        bytes competingTxWitness;
    }

    struct ChallengeInputSpentArgs {
        bytes inFlightTx;
        uint16 inFlightTxInputIndex;
        bytes challengingTx;
        uint16 challengingTxInputIndex;
        bytes challengingTxWitness;
        bytes inputTx;
        uint256 inputUtxoPos;
        bytes32 senderData;
    }

    struct ChallengeOutputSpent {
        bytes inFlightTx;
        bytes inFlightTxInclusionProof;
        uint256 outputUtxoPos;
        bytes challengingTx;
        uint16 challengingTxInputIndex;
        bytes challengingTxWitness;
        bytes32 senderData;
    }

    /// A competitor that is in no block counts as the youngest of all.
    uint256 private constant NOT_INCLUDED = type(uint256).max;

    /// Shows another transaction that spends an input of this one and is older than any shown before.
    /// The bond goes to whoever had the last word when the exit ends.
    function challengeInFlightExitNotCanonical(ChallengeCanonicityArgs calldata args)
        external
        guarded
    {
        (InFlight storage exit, bytes32 txHash) = _startedByTx(args.inFlightTx);
        if (!_isFirstPhase(exit)) revert FirstPhaseIsOver();
        bytes memory competing = args.competingTx;
        _requireOtherSpend(
            exit,
            txHash,
            args.inFlightTxInputIndex,
            competing,
            args.competingTxInputIndex,
            args.competingTxWitness,
            args.inputTx,
            args.inputUtxoPos
        );
        uint256 position = NOT_INCLUDED;
        if (args.competingTxPos != 0) {
            // Places are compared; an output index would let the same place be shown again as older.
            position = Positions.firstOutput(args.competingTxPos);
            _requireIncluded(competing, position, args.competingTxInclusionProof);
        }
        uint256 oldest = exit.oldestCompetitor;
        if (oldest != 0 && position >= oldest) revert NotOlder(oldest);
        exit.oldestCompetitor = position;
        exit.bondOwner = msg.sender;
        exit.isCanonical = false;
        emit InFlightExitChallenged(
            msg.sender,
            txHash,
            position,
            args.inFlightTxInputIndex,
            competing,
            args.competingTxInputIndex,
            args.competingTxWitness
        );
    }

    /// Answers that the transaction itself is in a block older than the oldest competitor.
    function respondToNonCanonicalChallenge(
        bytes memory inFlightTx,
        uint256 inFlightTxPos,
        bytes memory inFlightTxInclusionProof
    ) external guarded {
        (InFlight storage exit, bytes32 txHash) = _startedByTx(inFlightTx);
        uint256 oldest = exit.oldestCompetitor;
        uint256 position = Positions.firstOutput(inFlightTxPos);
        if (position >= oldest) revert NotOlder(oldest);
        _requireIncluded(inFlightTx, position, inFlightTxInclusionProof);
        exit.oldestCompetitor = position;
        exit.bondOwner = msg.sender;
        exit.isCanonical = true;
        emit InFlightExitChallengeResponded(msg.sender, txHash, position);
    }

    /// Removes the piggyback of an input that another transaction spends; pays its bond.
    function challengeInFlightExitInputSpent(ChallengeInputSpentArgs calldata args)
        external
        guarded
        onlyAddressee(args.senderData)
    {
        (InFlight storage exit, bytes32 txHash) = _startedByTx(args.inFlightTx);
        uint16 index = args.inFlightTxInputIndex;
        uint256 bond = _takePiggyback(exit, index, index);
        _requireOtherSpend(
            exit,
            txHash,
            index,
            args.challengingTx,
            args.challengingTxInputIndex,
            args.challengingTxWitness,
            args.inputTx,
            args.inputUtxoPos
        );
        emit InFlightExitInputBlocked(msg.sender, txHash, index);
        _reward(msg.sender, bond);
    }

    /// Removes the piggyback of an output that was spent after its transaction got into a block.
    function challengeInFlightExitOutputSpent(ChallengeOutputSpent calldata args)
        external
        guarded
        onlyAddressee(args.senderData)
    {
        bytes memory raw = args.inFlightTx;
        (InFlight storage exit, bytes32 txHash) = _startedByTx(raw);
        uint16 index = Positions.outputIndex(args.outputUtxoPos);
        uint256 bond = _takePiggyback(exit, OUTPUT_BITS + index, index);
        _requireIncluded(raw, args.outputUtxoPos, args.inFlightTxInclusionProof);
        _requireSpends(
            Transactions.decodePayment(args.challengingTx),
            args.challengingTxInputIndex,
            args.outputUtxoPos,
            exit.outputs[index].owner,
            args.challengingTxWitness
        );
        emit InFlightExitOutputBlocked(msg.sender, txHash, index);
        _reward(msg.sender, bond);
    }

    /// Ends an exit that nobody joined; anybody may call it once the first phase is over.
    function deleteNonPiggybackedInFlightExit(uint168 exitId) external guarded {
        InFlight storage exit = _startedExit(exitId);
        if (_isFirstPhase(exit)) revert FirstPhaseIsNotOver();
        if (exit.map != 0) revert StillPiggybacked();
        address bondOwner = exit.bondOwner;
        uint256 bond = exit.bond;
        _remove(exitId);
        emit InFlightExitDeleted(exitId);
        _returnBond(bondOwner, bond);
    }

    /// Clears the bit and answers the bond that was behind it.
    function _takePiggyback(InFlight storage exit, uint256 bit, uint16 index)
        private
        returns (uint256 bond)
    {
        if (index >= OUTPUT_BITS || !_hasBit(exit, bit)) revert NotPiggybacked(bit);
        exit.map &= ~uint16(1 << bit);
        bond = _sideAt(exit, bit).bond;
    }

    /// Requires that `other`, not the in-flight transaction itself, spends its input with the owner's
    /// signature. The position is bound to the recorded output by the bytes of the input's transaction.
    function _requireOtherSpend(
        InFlight storage exit,
        bytes32 inFlightHash,
        uint16 index,
        bytes memory other,
        uint16 otherIndex,
        bytes memory signature,
        bytes memory inputTx,
        uint256 inputPosition
    ) private view {
        if (keccak256(other) == inFlightHash) revert SameTransaction();
        if (index >= exit.inputCount) revert NoSuchInput(index);
        Side storage input = exit.inputs[index];
        if (ExitIds.outputId(inputTx, inputPosition) != input.outputId) {
            revert NotTheInput(input.outputId);
        }
        Payment memory payment = Transactions.decodePayment(other);
        _requireSpends(payment, otherIndex, inputPosition, input.owner, signature);
    }
}
