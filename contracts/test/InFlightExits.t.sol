// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ExitGame } from "../src/exits/ExitGame.sol";
import { InFlightChallenges } from "../src/exits/InFlightChallenges.sol";
import { InFlightExits } from "../src/exits/InFlightExits.sol";
import { InFlightProcessing } from "../src/exits/InFlightProcessing.sol";
import { InFlightRecords } from "../src/exits/InFlightRecords.sol";
import { StandardExits } from "../src/exits/StandardExits.sol";
import { Log } from "./base/Vm.sol";
import { Placed, World } from "./base/World.sol";

contract InFlightExitsTest is World {
    uint256 private constant BOND = 0.0269 ether;
    uint256 private constant PIGGYBACK = 0.0309 ether;
    uint256 private constant BOUNTY = 0.025 ether;

    Placed private input;
    bytes private payment;
    bytes private competitor;

    function setUp() public override {
        super.setUp();
        input = deposit(alice, 10 ether);
        payment = pay(ins(input.position), outs(out(bob, ETH, 6 ether), out(alice, ETH, 4 ether)));
        competitor = pay(ins(input.position), outs(out(carol, ETH, 10 ether)));
    }

    function start() private returns (uint168) {
        return startInFlight(bob, payment, input, 0, sign(ALICE, payment));
    }

    function record(uint168 exitId) private view returns (InFlightRecords.InFlightExit memory) {
        uint168[] memory ids = new uint168[](1);
        ids[0] = exitId;
        return game.inFlightExits(ids)[0];
    }

    function compete(address challenger, bytes memory other, uint256 position, bytes memory proof)
        private
    {
        InFlightChallenges.ChallengeCanonicityArgs memory args;
        args.inputTx = input.raw;
        args.inputUtxoPos = input.position;
        args.inFlightTx = payment;
        args.competingTx = other;
        args.competingTxPos = position;
        args.competingTxInclusionProof = proof;
        args.competingTxWitness = sign(ALICE, other);
        vm.prank(challenger);
        game.challengeInFlightExitNotCanonical(args);
    }

    function blockInput(address challenger, bytes memory other, uint256 key) private {
        InFlightChallenges.ChallengeInputSpentArgs memory args;
        args.inFlightTx = payment;
        args.challengingTx = other;
        args.challengingTxWitness = sign(key, other);
        args.inputTx = input.raw;
        args.inputUtxoPos = input.position;
        args.senderData = senderData(challenger);
        vm.prank(challenger);
        game.challengeInFlightExitInputSpent(args);
    }

    function blockOutput(address challenger, Placed memory placed, uint256 index, uint256 key)
        private
    {
        bytes memory spend = pay(ins(placed.position + index), outs(out(carol, ETH, 1 ether)));
        InFlightChallenges.ChallengeOutputSpent memory args;
        args.inFlightTx = payment;
        args.inFlightTxInclusionProof = placed.proof;
        args.outputUtxoPos = placed.position + index;
        args.challengingTx = spend;
        args.challengingTxWitness = sign(key, spend);
        args.senderData = senderData(challenger);
        vm.prank(challenger);
        game.challengeInFlightExitOutputSpent(args);
    }

    function test_aCanonicalTransactionPaysItsOutputs() public {
        uint168 exitId = start();
        joinOutput(bob, payment, 0);
        joinOutput(alice, payment, 1);
        joinInput(alice, payment, 0);
        eq(record(exitId).exitMap, 1 | 1 << 5 | 1 << 6, "map");
        (uint256 a, uint256 b) = (alice.balance, bob.balance);
        later(2 * PERIOD + 1);
        uint256 processor = carol.balance;
        eq(process(1, ETH), 1, "one entry for the token");
        eq(bob.balance, b + 6 ether + BOND + PIGGYBACK - BOUNTY, "bob: output and both bonds");
        eq(alice.balance, a + 4 ether + 2 * (PIGGYBACK - BOUNTY), "alice: output, not the input");
        eq(carol.balance, processor + 3 * BOUNTY, "bounties");
        eq(record(exitId).exitStartTimestamp, 0, "record is gone");
        eq(address(game).balance, 0, "no bond stays");
    }

    function test_oneThatIsNotCanonicalGivesItsInputsBack() public {
        uint168 exitId = start();
        joinInput(alice, payment, 0);
        joinOutput(bob, payment, 0);
        compete(carol, competitor, 0, "");
        yes(!record(exitId).isCanonical, "not canonical");
        eq(record(exitId).oldestCompetitorPosition, type(uint256).max, "in no block");
        (uint256 a, uint256 b, uint256 c) = (alice.balance, bob.balance, carol.balance);
        later(2 * PERIOD + 1);
        process(1, ETH);
        eq(alice.balance, a + 10 ether + PIGGYBACK - BOUNTY, "alice: input");
        eq(bob.balance, b + PIGGYBACK - BOUNTY, "bob: bond of the piggyback alone");
        eq(carol.balance, c + BOND + 2 * BOUNTY, "carol: the last word's bond, and bounties");
        yes(game.gaveInputsBack(exitId), "remembered");
    }

    /// Were it to pay outputs after it gave inputs back, the same money would leave twice.
    function test_startedAgainItPaysNoOutputsForInputsItGaveBack() public {
        deposit(carol, 50 ether);
        start();
        joinInput(alice, payment, 0);
        compete(carol, competitor, 0, "");
        later(2 * PERIOD + 1);
        process(1, ETH);
        start();
        joinOutput(bob, payment, 0);
        later(2 * PERIOD + 1);
        uint256 before = bob.balance;
        uint256 vault = address(ethVault).balance;
        process(1, ETH);
        eq(address(ethVault).balance, vault, "nothing leaves");
        eq(bob.balance, before + BOND + PIGGYBACK - BOUNTY, "bonds alone");
    }

    function test_whoProvesAnOlderPlaceMakesItCanonicalAgain() public {
        uint168 exitId = start();
        joinOutput(bob, payment, 0);
        Placed memory own = mine(payment);
        Placed memory other = mine(competitor);
        compete(carol, competitor, other.position, other.proof);
        vm.prank(alice);
        game.respondToNonCanonicalChallenge(payment, own.position, own.proof);
        yes(record(exitId).isCanonical, "canonical");
        eq(record(exitId).bondOwner, alice, "the last word");
        // An unincluded competitor, or the same again, is younger than the transaction's own place.
        vm.expectPartialRevert(InFlightChallenges.NotOlder.selector);
        this.competeOut(other.position, other.proof);
        vm.expectPartialRevert(InFlightChallenges.NotOlder.selector);
        this.competeOut(0, "");
        later(2 * PERIOD + 1);
        uint256 before = bob.balance;
        process(1, ETH);
        eq(bob.balance, before + 6 ether + PIGGYBACK - BOUNTY, "output paid");
    }

    /// Else anybody could take the last word, and its bond, by naming an older output of the same place.
    function test_oneCompetitorIsShownOnceWhateverOutputItsPlaceNames() public {
        start();
        Placed memory other = mine(competitor);
        compete(carol, competitor, other.position + 7, other.proof);
        vm.expectPartialRevert(InFlightChallenges.NotOlder.selector);
        this.competeOut(other.position, other.proof);
    }

    function test_oneResponseIsGivenOnceWhateverOutputItsPlaceNames() public {
        start();
        Placed memory own = mine(payment);
        compete(carol, competitor, 0, "");
        game.respondToNonCanonicalChallenge(payment, own.position + 3, own.proof);
        vm.expectPartialRevert(InFlightChallenges.NotOlder.selector);
        game.respondToNonCanonicalChallenge(payment, own.position + 2, own.proof);
    }

    function competeOut(uint256 position, bytes memory proof) external {
        compete(carol, competitor, position, proof);
    }

    function test_anOlderCompetitorReplacesAYoungerOneOnly() public {
        start();
        Placed memory first = mine(competitor);
        Placed memory second = mine(pay(ins(input.position), outs(out(bob, ETH, 1 ether))));
        bytes memory other = second.raw;
        compete(carol, other, second.position, second.proof);
        compete(carol, competitor, first.position, first.proof);
        vm.expectPartialRevert(InFlightChallenges.NotOlder.selector);
        this.competeWith(other, second.position, second.proof);
        Placed memory own = mine(payment);
        vm.expectPartialRevert(InFlightChallenges.NotOlder.selector);
        game.respondToNonCanonicalChallenge(payment, own.position, own.proof);
    }

    function competeWith(bytes memory other, uint256 position, bytes memory proof) external {
        compete(carol, other, position, proof);
    }

    function test_competitorsMustBeOthersThatSpendTheInput() public {
        start();
        vm.expectRevert(InFlightChallenges.SameTransaction.selector);
        this.competeWith(payment, 0, "");
        bytes memory elsewhere = pay(ins(input.position + 1e9), outs(out(carol, ETH, 1)));
        vm.expectPartialRevert(ExitGame.NotSpentHere.selector);
        this.competeWith(elsewhere, 0, "");
        InFlightChallenges.ChallengeCanonicityArgs memory args;
        args.inputTx = input.raw;
        // The same bytes at another place are another output.
        args.inputUtxoPos = input.position + 1e9;
        args.inFlightTx = payment;
        args.competingTx = elsewhere;
        args.competingTxWitness = sign(ALICE, elsewhere);
        vm.expectPartialRevert(InFlightChallenges.NotTheInput.selector);
        game.challengeInFlightExitNotCanonical(args);
        args.inputUtxoPos = input.position;
        args.competingTx = competitor;
        args.competingTxWitness = sign(BOB, competitor);
        vm.expectPartialRevert(ExitGame.NotSignedByOwner.selector);
        game.challengeInFlightExitNotCanonical(args);
    }

    function test_theFirstPhaseEndsAtHalfThePeriod() public {
        uint168 exitId = start();
        vm.expectRevert(InFlightRecords.FirstPhaseIsNotOver.selector);
        game.deleteNonPiggybackedInFlightExit(exitId);
        later(PERIOD / 2);
        vm.expectRevert(InFlightRecords.FirstPhaseIsOver.selector);
        this.competeOut(0, "");
        vm.prank(alice);
        vm.expectRevert(InFlightRecords.FirstPhaseIsOver.selector);
        game.piggybackInFlightExitOnInput{ value: PIGGYBACK }(
            InFlightExits.PiggybackInFlightExitOnInputArgs(payment, 0)
        );
    }

    function test_anExitThatNobodyJoinedIsDeletedAndItsBondGoesBack() public {
        uint256 before = bob.balance;
        uint168 exitId = start();
        later(PERIOD / 2);
        game.deleteNonPiggybackedInFlightExit(exitId);
        eq(bob.balance, before, "bond");
        eq(record(exitId).inputs[0].outputId, 0, "inputs are gone, too");
        vm.expectPartialRevert(InFlightRecords.NoSuchInFlightExit.selector);
        game.deleteNonPiggybackedInFlightExit(exitId);
    }

    function test_aJoinedExitIsNotDeleted() public {
        uint168 exitId = start();
        joinInput(alice, payment, 0);
        later(PERIOD / 2);
        vm.expectRevert(InFlightChallenges.StillPiggybacked.selector);
        game.deleteNonPiggybackedInFlightExit(exitId);
    }

    /// The entry of an exit that was deleted must not pay the one that is started after it early.
    function test_theEntryOfADeletedExitDoesNotEndALaterOne() public {
        later(5 * PERIOD);
        start();
        joinInput(alice, payment, 0);
        blockInput(carol, competitor, ALICE);
        later(PERIOD / 2);
        uint168 exitId = start_deleteAndStartAgain();
        joinOutput(bob, payment, 0);
        eq(framework.queueLength(1, ETH), 2, "both entries");
        later(PERIOD / 2 + 1);
        uint256 vault = address(ethVault).balance;
        vm.recordLogs();
        eq(process(1, ETH), 1, "the old entry");
        eq(
            countOf(vm.getRecordedLogs(), InFlightProcessing.InFlightExitOmitted.selector),
            1,
            "omitted"
        );
        eq(address(ethVault).balance, vault, "nothing leaves early");
        yes(record(exitId).exitStartTimestamp != 0, "the later one stays");
        later(PERIOD);
        eq(process(1, ETH), 1, "its own entry");
        eq(address(ethVault).balance, vault - 6 ether, "paid in its time");
    }

    /// Nor end one that nobody has joined yet.
    function test_theEntryOfADeletedExitLeavesALaterOneThatNobodyJoinedYet() public {
        later(5 * PERIOD);
        start();
        joinInput(alice, payment, 0);
        blockInput(carol, competitor, ALICE);
        later(PERIOD);
        uint168 exitId = start_deleteAndStartAgain();
        later(1);
        eq(process(1, ETH), 1, "the old entry");
        yes(record(exitId).exitStartTimestamp != 0, "the later one stays");
        joinOutput(bob, payment, 0);
    }

    /// A piggyback that is placed again has the time of its own entry, not that of the first.
    function test_aPiggybackPlacedAgainIsNotPaidAtTheTimeOfTheFirst() public {
        later(5 * PERIOD);
        uint168 exitId = start();
        joinInput(alice, payment, 0);
        blockInput(carol, competitor, ALICE);
        later(100);
        joinInput(alice, payment, 0);
        later(PERIOD - 99);
        eq(process(1, ETH), 1, "the first entry");
        eq(record(exitId).exitMap, 1, "the piggyback stays");
        later(100);
        eq(process(1, ETH), 1, "its own entry");
        eq(record(exitId).exitStartTimestamp, 0, "done");
    }

    function test_theNamedInputMustBeThePaymentsOwn() public {
        bytes memory signature = sign(ALICE, payment);
        input = deposit(alice, 10 ether);
        vm.expectPartialRevert(ExitGame.NotSpentHere.selector);
        this.startOut(signature);
    }

    function start_deleteAndStartAgain() private returns (uint168 exitId) {
        exitId = record0();
        game.deleteNonPiggybackedInFlightExit(exitId);
        start();
    }

    function record0() private view returns (uint168) {
        return game.getInFlightExitId(payment);
    }

    function test_aPiggybackThatWasChallengedCanBePlacedAgain() public {
        uint168 exitId = start();
        joinInput(alice, payment, 0);
        uint256 before = carol.balance;
        blockInput(carol, competitor, ALICE);
        eq(carol.balance, before + PIGGYBACK, "bond with bounty");
        eq(record(exitId).exitMap, 0, "bit cleared");
        vm.expectPartialRevert(InFlightChallenges.NotPiggybacked.selector);
        this.blockInputOut();
        // In the same second: the entry that is left serves again.
        joinInput(alice, payment, 0);
        eq(framework.queueLength(1, ETH), 1, "one entry");
        blockInput(carol, competitor, ALICE);
        later(10);
        joinInput(alice, payment, 0);
        eq(record(exitId).exitMap, 1, "placed a third time");
    }

    function blockInputOut() external {
        blockInput(carol, competitor, ALICE);
    }

    function test_anOutputThatWasSpentIsBlocked() public {
        uint168 exitId = start();
        joinOutput(bob, payment, 0);
        joinOutput(alice, payment, 1);
        Placed memory own = mine(payment);
        uint256 before = carol.balance;
        blockOutput(carol, own, 0, BOB);
        eq(carol.balance, before + PIGGYBACK, "bond");
        eq(record(exitId).exitMap, 1 << 6, "the other stays");
        vm.expectPartialRevert(ExitGame.NotSignedByOwner.selector);
        this.blockOutputOut(own, 1, BOB);
    }

    function blockOutputOut(Placed memory placed, uint256 index, uint256 key) external {
        blockOutput(carol, placed, index, key);
    }

    function test_inputsThatLeftByAnotherExitMakeItNotCanonical() public {
        deposit(carol, 50 ether);
        startExit(alice, input, 0);
        start();
        joinOutput(bob, payment, 0);
        joinInput(alice, payment, 0);
        later(2 * PERIOD + 1);
        uint256 vault = address(ethVault).balance;
        eq(process(1, ETH), 2, "both");
        eq(address(ethVault).balance, vault - 10 ether, "the deposit once, and nothing else");
    }

    function test_aStandardExitOfAnOutputThatLeftInFlightIsOmittedAndItsBondReturned() public {
        deposit(carol, 50 ether);
        start();
        joinOutput(bob, payment, 0);
        Placed memory own = mine(payment);
        later(1);
        startExit(bob, own, 0);
        later(2 * PERIOD + 2);
        uint256 vault = address(ethVault).balance;
        vm.recordLogs();
        eq(process(1, ETH), 2, "both");
        eq(countOf(vm.getRecordedLogs(), StandardExits.ExitOmitted.selector), 1, "omitted");
        eq(address(ethVault).balance, vault - 6 ether, "once");
        eq(address(game).balance, 0, "no bond stays");
    }

    function test_moreOutThanInIsNoPayment() public {
        payment = pay(ins(input.position), outs(out(bob, ETH, 10 ether), out(alice, ETH, 1)));
        bytes memory signature = sign(ALICE, payment);
        vm.expectPartialRevert(InFlightExits.MoreOutThanIn.selector);
        this.startOut(signature);
        payment = pay(ins(input.position), outs(out(bob, address(coin), 1)));
        signature = sign(ALICE, payment);
        vm.expectPartialRevert(InFlightExits.MoreOutThanIn.selector);
        this.startOut(signature);
    }

    function startOut(bytes memory signature) external {
        startInFlight(bob, payment, input, 0, signature);
    }

    function test_unsignedOrUnprovenPaymentsDoNotStart() public {
        bytes memory forged = sign(BOB, payment);
        vm.expectPartialRevert(ExitGame.NotSignedByOwner.selector);
        this.startOut(forged);
        bytes memory good = sign(ALICE, payment);
        input.proof[0] ^= 0x01;
        vm.expectPartialRevert(ExitGame.NotIncluded.selector);
        this.startOut(good);
    }

    function test_oneTransactionInTwoBlocksIsNotTwoInputs() public {
        bytes memory split = pay(ins(input.position), outs(out(alice, ETH, 10 ether)));
        Placed memory a = mine(split);
        Placed memory b = mine(split);
        bytes memory raw = pay(ins(a.position, b.position), outs(out(bob, ETH, 20 ether)));
        bytes memory signature = sign(ALICE, raw);
        uint256 bond = game.startIFEBondSize();
        InFlightExits.StartExitArgs memory args = InFlightExits.StartExitArgs(
            raw,
            list2(a.raw, b.raw),
            ins(a.position, b.position),
            list2(a.proof, b.proof),
            list2(signature, signature)
        );
        vm.prank(bob);
        vm.expectPartialRevert(InFlightExits.SameInputTwice.selector);
        game.startInFlightExit{ value: bond }(args);
    }

    function test_twoTokensLeaveThroughTwoQueues() public {
        Placed memory coins = depositCoin(bob, 700);
        bytes memory raw = pay(
            ins(input.position, coins.position),
            outs(out(bob, ETH, 10 ether), out(alice, address(coin), 700))
        );
        uint256 bond = game.startIFEBondSize();
        InFlightExits.StartExitArgs memory args = InFlightExits.StartExitArgs(
            raw,
            list2(input.raw, coins.raw),
            ins(input.position, coins.position),
            list2(input.proof, coins.proof),
            list2(sign(ALICE, raw), sign(BOB, raw))
        );
        vm.prank(bob);
        game.startInFlightExit{ value: bond }(args);
        joinOutput(bob, raw, 0);
        joinOutput(alice, raw, 1);
        later(2 * PERIOD + 1);
        uint256 before = coin.balanceOf(alice);
        process(2, address(coin));
        eq(coin.balanceOf(alice), before + 700, "tokens");
        uint168 exitId = game.getInFlightExitId(raw);
        eq(record(exitId).exitMap, 1 << 5, "the other token is left");
        process(1, ETH);
        eq(record(exitId).exitStartTimestamp, 0, "done");
        eq(address(game).balance, 0, "no bond stays");
    }

    /// [X8] Each kind of challenge, by an account that never had anything.
    function test_X8_challengesNeedNeitherBondNorMoney() public {
        address challenger = address(0xc4a11e16e5);
        eq(challenger.balance, 0, "owns nothing");
        uint168 exitId = startExit(alice, input, 0);
        challengeExit(challenger, exitId, payment, 0, sign(ALICE, payment));
        uint256 had = challenger.balance;
        start();
        compete(challenger, competitor, 0, "");
        Placed memory own = mine(payment);
        vm.prank(challenger);
        game.respondToNonCanonicalChallenge(payment, own.position, own.proof);
        eq(challenger.balance, had, "neither took nor gave");
        joinInput(alice, payment, 0);
        joinOutput(bob, payment, 0);
        blockInput(challenger, competitor, ALICE);
        blockOutput(challenger, own, 0, BOB);
        later(PERIOD / 2);
        uint168 inFlightId = record0();
        vm.prank(challenger);
        game.deleteNonPiggybackedInFlightExit(inFlightId);
        eq(challenger.balance, had + 2 * PIGGYBACK + BOND, "paid for evidence and the last word");
    }

    /// [X8] None of the calls even takes money.
    function test_X8_challengesRefuseMoney() public {
        bytes4[6] memory selectors = [
            game.challengeStandardExit.selector,
            game.challengeInFlightExitNotCanonical.selector,
            game.respondToNonCanonicalChallenge.selector,
            game.challengeInFlightExitInputSpent.selector,
            game.challengeInFlightExitOutputSpent.selector,
            game.deleteNonPiggybackedInFlightExit.selector
        ];
        for (uint256 i = 0; i < selectors.length; ++i) {
            (bool good, bytes memory answer) =
                address(game).call{ value: 1 }(abi.encodePacked(selectors[i]));
            yes(!good && answer.length == 0, "refused before anything is read");
        }
    }
}
