// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ExitGame } from "../src/exits/ExitGame.sol";
import { StandardExits } from "../src/exits/StandardExits.sol";
import { ExitQueues } from "../src/framework/ExitQueues.sol";
import { BondSize } from "../src/lib/BondSize.sol";
import { EthPayouts } from "../src/lib/EthPayouts.sol";
import { Transactions } from "../src/lib/Transactions.sol";
import { Log } from "./base/Vm.sol";
import { BurningCoin, FreezingCoin, HeavyWallet } from "./base/Tokens.sol";
import { Placed, World } from "./base/World.sol";

contract StandardExitsTest is World {
    uint256 private constant BOND = 0.0233 ether;
    uint256 private constant BOUNTY = 0.00535 ether;

    function record(uint168 exitId) private view returns (StandardExits.StandardExit memory) {
        uint168[] memory ids = new uint168[](1);
        ids[0] = exitId;
        return game.standardExits(ids)[0];
    }

    function test_aDepositLeavesAfterOneExitPeriod() public {
        Placed memory placed = deposit(alice, 5 ether);
        uint256 before = alice.balance;
        uint168 exitId = startExit(alice, placed, 0);
        eq(record(exitId).utxoPos, placed.position, "position");
        eq(record(exitId).exitTarget, alice, "owner");
        later(PERIOD);
        eq(process(1, ETH), 0, "not before the period is over");
        later(1);
        uint256 processor = carol.balance;
        eq(process(1, ETH), 1, "processed");
        eq(alice.balance, before + 5 ether - BOUNTY, "amount and bond without bounty");
        eq(carol.balance, processor + BOUNTY, "bounty");
        eq(record(exitId).amount, 0, "record is gone");
        eq(address(game).balance, 0, "no bond stays");
    }

    function test_aYoungOutputWaitsTwoExitPeriodsAnOldOneOne() public {
        Placed memory input = deposit(alice, 5 ether);
        Placed memory paid = mine(pay(ins(input.position), outs(out(bob, ETH, 5 ether))));
        startExit(bob, paid, 0);
        eq(framework.getNextExit(1, ETH) >> 224, block.timestamp + 2 * PERIOD, "young");
        later(2 * PERIOD + 1);
        process(1, ETH);
        Placed memory old = mine(pay(ins(input.position), outs(out(carol, ETH, 1 ether))));
        later(3 * PERIOD);
        startExit(carol, old, 0);
        eq(framework.getNextExit(1, ETH) >> 224, block.timestamp + PERIOD, "old");
    }

    function test_onlyTheOwnerOfAnOutputThatIsThereStarts() public {
        Placed memory placed = deposit(alice, 5 ether);
        StandardExits.StartStandardExitArgs memory args =
            StandardExits.StartStandardExitArgs(placed.position, placed.raw, placed.proof);
        vm.prank(bob);
        vm.expectPartialRevert(ExitGame.NotTheOwner.selector);
        game.startStandardExit{ value: BOND }(args);
        vm.prank(alice);
        vm.expectPartialRevert(ExitGame.WrongBond.selector);
        game.startStandardExit{ value: BOND - 1 }(args);
        args.utxoPos = placed.position + 1;
        vm.prank(alice);
        vm.expectPartialRevert(Transactions.NoSuchOutput.selector);
        game.startStandardExit{ value: BOND }(args);
        // A block that is not there has root 0.
        args.utxoPos = 77 * 1e9;
        vm.prank(alice);
        vm.expectPartialRevert(ExitGame.NotIncluded.selector);
        game.startStandardExit{ value: BOND }(args);
        args = StandardExits.StartStandardExitArgs(placed.position + 1e4, placed.raw, placed.proof);
        vm.prank(alice);
        vm.expectPartialRevert(ExitGame.NotIncluded.selector);
        game.startStandardExit{ value: BOND }(args);
    }

    function test_anExitStartsOnceAndNotAgainAfterItWasPaid() public {
        Placed memory placed = deposit(alice, 5 ether);
        startExit(alice, placed, 0);
        StandardExits.StartStandardExitArgs memory args =
            StandardExits.StartStandardExitArgs(placed.position, placed.raw, placed.proof);
        vm.prank(alice);
        vm.expectPartialRevert(StandardExits.ExitAlreadyStarted.selector);
        game.startStandardExit{ value: BOND }(args);
        later(PERIOD + 1);
        process(1, ETH);
        vm.prank(alice);
        vm.expectPartialRevert(StandardExits.AlreadyFinalized.selector);
        game.startStandardExit{ value: BOND }(args);
    }

    function test_withoutAQueueForTheTokenNoExitStarts() public {
        FreezingCoin other = new FreezingCoin();
        other.mint(alice, 5);
        bytes memory raw = pay(new uint256[](0), outs(out(alice, address(other), 5)));
        vm.prank(alice);
        other.approve(address(erc20Vault), 5);
        vm.prank(alice);
        erc20Vault.deposit(raw);
        vm.prank(alice);
        vm.expectRevert(ExitQueues.QueueMissing.selector);
        game.startStandardExit{ value: BOND }(
            StandardExits.StartStandardExitArgs(1e9, raw, proofIn(list1(raw), 0))
        );
    }

    function test_aSpendInNoBlockStopsTheExitAndEarnsTheWholeBond() public {
        Placed memory placed = deposit(alice, 5 ether);
        uint168 exitId = startExit(alice, placed, 0);
        bytes memory spend = pay(ins(placed.position), outs(out(bob, ETH, 5 ether)));
        uint256 before = carol.balance;
        challengeExit(carol, exitId, spend, 0, sign(ALICE, spend));
        eq(carol.balance, before + BOND, "bond");
        yes(!record(exitId).exitable, "stopped");
        yes(record(exitId).amount != 0, "the record stays");
        later(PERIOD + 1);
        before = alice.balance;
        vm.recordLogs();
        eq(process(1, ETH), 1, "its entry is taken off");
        eq(countOf(vm.getRecordedLogs(), StandardExits.ExitOmitted.selector), 1, "omitted");
        eq(alice.balance, before, "nothing paid");
        eq(address(game).balance, 0, "no bond stays");
        // Omitted, it can start again, and be challenged again.
        startExit(alice, placed, 0);
        challengeExit(carol, exitId, spend, 0, sign(ALICE, spend));
    }

    function test_anExitIsChallengedOnceAndByTheAddresseeAlone() public {
        Placed memory placed = deposit(alice, 5 ether);
        uint168 exitId = startExit(alice, placed, 0);
        bytes memory spend = pay(ins(placed.position), outs(out(bob, ETH, 5 ether)));
        bytes memory signature = sign(ALICE, spend);
        vm.prank(bob);
        vm.expectRevert(ExitGame.WrongSenderData.selector);
        game.challengeStandardExit(
            StandardExits.ChallengeStandardExitArgs(
                exitId, "", spend, 0, signature, senderData(carol)
            )
        );
        challengeExit(carol, exitId, spend, 0, signature);
        vm.expectPartialRevert(StandardExits.NoSuchExit.selector);
        this.challengeExitOut(exitId, spend, signature);
    }

    function challengeExitOut(uint168 exitId, bytes memory spend, bytes memory signature) external {
        game.challengeStandardExit(
            StandardExits.ChallengeStandardExitArgs(
                exitId, "", spend, 0, signature, senderData(address(this))
            )
        );
    }

    /// A wallet that cannot take the reward is refused, so that it does not give it away; others can still
    /// challenge.
    function test_aChallengerThatNeedsMoreThanTheStipendIsRefused() public {
        HeavyWallet wallet = new HeavyWallet();
        Placed memory placed = deposit(alice, 5 ether);
        uint168 exitId = startExit(alice, placed, 0);
        bytes memory spend = pay(ins(placed.position), outs(out(bob, ETH, 5 ether)));
        bytes memory signature = sign(ALICE, spend);
        bytes memory challenge = abi.encodeCall(
            game.challengeStandardExit,
            StandardExits.ChallengeStandardExitArgs(
                exitId, "", spend, 0, signature, senderData(address(wallet))
            )
        );
        vm.expectRevert();
        wallet.call(address(game), challenge);
        yes(record(exitId).exitable, "still open");
        challengeExit(carol, exitId, spend, 0, signature);
    }

    function test_evidenceMustSpendThatOutputWithItsOwnersSignature() public {
        Placed memory placed = deposit(alice, 5 ether);
        uint168 exitId = startExit(alice, placed, 0);
        bytes memory spend = pay(ins(placed.position), outs(out(bob, ETH, 5 ether)));
        bytes memory forged = sign(BOB, spend);
        vm.expectPartialRevert(ExitGame.NotSignedByOwner.selector);
        this.challengeExitOut(exitId, spend, forged);
        bytes memory other = pay(ins(placed.position + 1e9), outs(out(bob, ETH, 5 ether)));
        bytes memory signature = sign(ALICE, other);
        vm.expectPartialRevert(ExitGame.NotSpentHere.selector);
        this.challengeExitOut(exitId, other, signature);
        vm.expectPartialRevert(ExitGame.NotSignedByOwner.selector);
        this.challengeExitOut(exitId, spend, hex"00");
    }

    /// A signature with the other half of the curve is the same evidence: a chain that took it must not
    /// have made the exit safe from challenges.
    function test_theOtherHalfOfTheCurveIsEvidenceToo() public {
        Placed memory placed = deposit(alice, 5 ether);
        uint168 exitId = startExit(alice, placed, 0);
        bytes memory spend = pay(ins(placed.position), outs(out(bob, ETH, 5 ether)));
        bytes memory low = sign(ALICE, spend);
        bytes32 r;
        uint256 s;
        assembly {
            r := mload(add(low, 32))
            s := mload(add(low, 64))
        }
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        uint8 v = uint8(low[64]) == 27 ? 28 : 27;
        challengeExit(carol, exitId, spend, 0, abi.encodePacked(r, order - s, v));
    }

    function test_tokensLeaveThroughTheirVaultAndQueue() public {
        Placed memory placed = depositCoin(alice, 500);
        uint256 before = coin.balanceOf(alice);
        startExit(alice, placed, 0);
        later(PERIOD + 1);
        eq(process(2, address(coin)), 1, "processed");
        eq(coin.balanceOf(alice), before + 500, "paid");
    }

    function test_aWalletThatNeedsMoreThanTheStipendCollectsLater() public {
        HeavyWallet wallet = new HeavyWallet();
        Placed memory placed = deposit(alice, 5 ether);
        Placed memory paid =
            mine(pay(ins(placed.position), outs(out(address(wallet), ETH, 5 ether))));
        bytes memory start = abi.encodeCall(
            game.startStandardExit,
            StandardExits.StartStandardExitArgs(paid.position, paid.raw, paid.proof)
        );
        wallet.call{ value: BOND }(address(game), start);
        later(2 * PERIOD + 1);
        eq(process(1, ETH), 1, "the queue goes on");
        eq(ethVault.owed(address(wallet)), 5 ether, "vault owes");
        eq(game.owed(address(wallet)), BOND - BOUNTY, "game owes");
        wallet.call(address(ethVault), abi.encodeCall(EthPayouts.collectOwed, ()));
        wallet.call(address(game), abi.encodeCall(EthPayouts.collectOwed, ()));
        eq(wallet.received(), 5 ether + BOND - BOUNTY, "all of it");
        vm.expectRevert();
        wallet.call(address(ethVault), abi.encodeCall(EthPayouts.collectOwed, ()));
    }

    function test_aFrozenReceiverDoesNotStopTheQueueAndCollectsLater() public {
        FreezingCoin frozen = new FreezingCoin();
        frozen.mint(alice, 10);
        framework.addExitQueue(2, address(frozen));
        vm.prank(alice);
        frozen.approve(address(erc20Vault), 10);
        bytes memory raw = pay(new uint256[](0), outs(out(alice, address(frozen), 10)));
        vm.prank(alice);
        erc20Vault.deposit(raw);
        startExit(alice, Placed(raw, 1e9, proofIn(list1(raw), 0)), 0);
        frozen.freeze(alice, true);
        later(PERIOD + 1);
        eq(process(2, address(frozen)), 1, "processed");
        eq(erc20Vault.owed(address(frozen), alice), 10, "owed");
        frozen.freeze(alice, false);
        vm.prank(alice);
        erc20Vault.collectOwed(address(frozen));
        eq(frozen.balanceOf(alice), 10, "collected");
    }

    function test_aTokenThatBurnsGasStopsNothingAndNobodyCanStarveATransfer() public {
        BurningCoin burning = new BurningCoin();
        burning.mint(alice, 10);
        framework.addExitQueue(2, address(burning));
        vm.prank(alice);
        burning.approve(address(erc20Vault), 10);
        bytes memory raw = pay(new uint256[](0), outs(out(alice, address(burning), 10)));
        vm.prank(alice);
        erc20Vault.deposit(raw);
        startExit(alice, Placed(raw, 1e9, proofIn(list1(raw), 0)), 0);
        later(PERIOD + 1);
        vm.prank(carol);
        (bool good,) = address(framework).call{ gas: 400_000 }(
            abi.encodeCall(framework.processExits, (2, address(burning), 0, 1, senderData(carol)))
        );
        yes(!good, "too little gas refuses the whole call");
        vm.prank(carol);
        eq(
            framework.processExits{ gas: 900_000 }(2, address(burning), 0, 1, senderData(carol)),
            1,
            "processed"
        );
        eq(erc20Vault.owed(address(burning), alice), 10, "owed");
    }

    function test_theQueuePaysTheOlderOutputFirst() public {
        Placed memory first = deposit(alice, 1 ether);
        Placed memory second = deposit(bob, 1 ether);
        uint168 younger = startExit(bob, second, 0);
        uint168 older = startExit(alice, first, 0);
        eq(uint168(framework.getNextExit(1, ETH)), older, "older first, although started later");
        later(PERIOD + 1);
        vm.prank(carol);
        framework.processExits(1, ETH, older, 1, senderData(carol));
        eq(uint168(framework.getNextExit(1, ETH)), younger, "then the younger");
    }

    function test_bondsChangeAfterTheWaitingPeriodWithinBounds() public {
        vm.expectRevert(ExitGame.OnlyMaintainer.selector);
        game.updateStartStandardExitBondSize(0.04 ether, 0.01 ether);
        vm.prank(MAINTAINER);
        vm.expectPartialRevert(BondSize.BondOutOfBounds.selector);
        game.updateStartStandardExitBondSize(0.0466 ether + 1, 0.01 ether);
        vm.prank(MAINTAINER);
        vm.expectPartialRevert(BondSize.BondOutOfBounds.selector);
        game.updateStartStandardExitBondSize(0.01165 ether - 1, 0.01 ether);
        vm.prank(MAINTAINER);
        vm.expectRevert(BondSize.BountyAboveBond.selector);
        game.updateStartStandardExitBondSize(0.04 ether, 0.04 ether + 1);
        vm.prank(MAINTAINER);
        game.updateStartStandardExitBondSize(0.0466 ether, 0.01 ether);
        later(2 days - 1);
        eq(game.startStandardExitBondSize(), BOND, "waits");
        later(1);
        eq(game.startStandardExitBondSize(), 0.0466 ether, "counts");
        eq(game.processStandardExitBountySize(), 0.01 ether, "bounty");
        // An exit keeps the bond with which it started.
        Placed memory placed = deposit(alice, 1 ether);
        uint168 exitId = startExit(alice, placed, 0);
        vm.prank(MAINTAINER);
        game.updateStartStandardExitBondSize(0.03 ether, 0);
        later(2 days);
        eq(record(exitId).bondSize, 0.0466 ether, "bond of its start");
        process(1, ETH);
        eq(address(game).balance, 0, "returned whole");
    }

    function testFuzz_whatLeavesIsWhatCameIn(uint96 amount, uint8 count) public {
        uint256 each = uint256(amount) % 10 ether + 1;
        uint256 number = 1 + count % 5;
        uint256 before = alice.balance;
        for (uint256 i = 0; i < number; ++i) {
            startExit(alice, deposit(alice, each), 0);
        }
        eq(address(ethVault).balance, each * number, "in");
        later(PERIOD + 1);
        eq(process(1, ETH), number, "processed");
        eq(address(ethVault).balance, 0, "out");
        eq(alice.balance, before - number * BOUNTY, "all back but the bounties");
    }
}
