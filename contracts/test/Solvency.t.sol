// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { InFlightChallenges } from "../src/exits/InFlightChallenges.sol";
import { ExitIds } from "../src/lib/ExitIds.sol";
import { Placed, World } from "./base/World.sol";

/**
 * Random lives of a child chain with honest blocks: deposits, payments, exits of everything that ever
 * existed, in-flight exits, challenges of everything that is wrong, processing at random times.
 */
contract Actor is World {
    struct Coin_ {
        Placed placed;
        uint256 index;
        uint256 key;
        uint256 amount;
        bytes spend;
        Placed spendAt;
        bool spent;
    }

    Coin_[] private coins;
    uint256 public taken;
    uint256 private last;
    bytes private lastRaw;
    uint256 private lastTo;

    constructor() {
        World.setUp();
        for (uint256 i = 0; i < 3; ++i) {
            deposit_(i, 1 ether + i);
        }
    }

    function setUp() public pure override { }

    function held() external view returns (uint256) {
        return address(ethVault).balance;
    }

    function owner(uint256 key) private pure returns (address) {
        return vm.addr(key);
    }

    function someKey(uint256 seed) private pure returns (uint256) {
        return seed % 3 == 0 ? ALICE : seed % 3 == 1 ? BOB : CAROL;
    }

    function deposit_(uint256 seed, uint256 amount) public {
        if (coins.length > 30 || framework.nextDepositBlock() % 1000 > 990) return;
        amount = amount % 5 ether + 1;
        uint256 key = someKey(seed);
        Coin_ storage made = coins.push();
        made.placed = deposit(owner(key), amount);
        made.key = key;
        made.amount = amount;
        taken += amount;
    }

    /// Spends an unspent output into two, in a block of its own.
    function spend(uint256 seed, uint256 to, uint256 share) external {
        if (coins.length > 30) return;
        uint256 which = seed % coins.length;
        Coin_ storage used = coins[which];
        // An honest chain does not spend what has left.
        if (used.spent || used.amount < 2 || hasLeft(used)) return;
        uint256 first = share % (used.amount - 1) + 1;
        uint256 a = someKey(to);
        uint256 b = someKey(to / 3);
        bytes memory raw = pay(
            ins(used.placed.position + used.index),
            outs(out(owner(a), ETH, first), out(owner(b), ETH, used.amount - first))
        );
        Placed memory placed = mine(raw);
        uint256 rest = used.amount - first;
        used.spent = true;
        used.spend = raw;
        used.spendAt = placed;
        watch(used);
        add(placed, 0, a, first);
        add(placed, 1, b, rest);
    }

    function add(Placed memory placed, uint256 index, uint256 key, uint256 amount) private {
        Coin_ storage made = coins.push();
        made.placed = placed;
        made.index = index;
        made.key = key;
        made.amount = amount;
    }

    /// A standard exit of an output, spent or not.
    function exit(uint256 seed) external {
        Coin_ storage c = coins[seed % coins.length];
        try this.startExitOut(owner(c.key), c.placed, c.index) { } catch { }
        watch(c);
    }

    /// What a watcher does about a spent output: it challenges its exit, standard or in flight.
    function watch(Coin_ storage c) private {
        if (!c.spent) return;
        uint168[] memory ids = new uint168[](1);
        ids[0] = exitIdOf(c.placed, c.index);
        if (game.standardExits(ids)[0].exitable) {
            challengeExit(carol, ids[0], c.spend, 0, sign(c.key, c.spend));
        }
        ids[0] = ExitIds.inFlight(keccak256(c.placed.raw));
        if ((game.inFlightExits(ids)[0].exitMap >> (5 + c.index)) & 1 != 0) blockOutput(c);
    }

    function startExitOut(address who, Placed memory placed, uint256 index) external {
        startExit(who, placed, index);
    }

    /// An in-flight exit of an included spend, joined on all sides; wrong piggybacks are challenged.
    function exitInFlight(uint256 seed, uint8 sides) external {
        Coin_ storage c = coins[seed % coins.length];
        if (!c.spent) return;
        bytes memory raw = c.spend;
        try this.startInFlightOut(c.placed, c.index, raw, sign(c.key, raw)) { } catch { }
        if (sides & 1 != 0) try this.joinOut(owner(c.key), raw, 0, true) { } catch { }
        for (uint16 i = 0; i < 2; ++i) {
            (uint256 which, bool found) = find(c.spendAt.position, i);
            if (!found || (sides >> (i + 1)) & 1 == 0) continue;
            Coin_ storage o = coins[which];
            try this.joinOut(owner(o.key), raw, i, false) { }
            catch {
                continue;
            }
            watch(o);
        }
    }

    function startInFlightOut(
        Placed memory placed,
        uint256 index,
        bytes memory raw,
        bytes memory sig
    ) external {
        startInFlight(bob, raw, placed, index, sig);
    }

    function joinOut(address who, bytes memory raw, uint16 index, bool input) external {
        if (input) joinInput(who, raw, index);
        else joinOutput(who, raw, index);
    }

    function find(uint256 position, uint256 index) private view returns (uint256, bool) {
        for (uint256 i = 0; i < coins.length; ++i) {
            if (coins[i].placed.position == position && coins[i].index == index) return (i, true);
        }
        return (0, false);
    }

    function blockOutput(Coin_ storage c) private {
        InFlightChallenges.ChallengeOutputSpent memory args;
        args.inFlightTx = c.placed.raw;
        args.inFlightTxInclusionProof = c.placed.proof;
        args.outputUtxoPos = c.placed.position + c.index;
        args.challengingTx = c.spend;
        args.challengingTxWitness = sign(c.key, c.spend);
        args.senderData = senderData(carol);
        vm.prank(carol);
        game.challengeInFlightExitOutputSpent(args);
    }

    /// A spend that never got into a block: its exit pays the output, or is not canonical and gives the input
    /// back. Rivals of it are started, too, also of what has left; some ask for too much.
    function exitUnincluded(uint256 seed, uint256 to, bool compete) external {
        Coin_ storage c = coins[seed % coins.length];
        if (c.spent && c.spendAt.position != 0) return;
        uint256 amount = to % 7 == 0 ? c.amount + 1 : c.amount;
        bytes memory raw =
            pay(ins(c.placed.position + c.index), outs(out(owner(someKey(to)), ETH, amount)));
        if (!startAndJoin(c, raw, someKey(to))) return;
        last = seed % coins.length;
        lastRaw = raw;
        lastTo = someKey(to);
        // Every other payment of the output is known from here on, so it may not be spent any more.
        c.spent = true;
        c.spend = raw;
        watch(c);
        if (!compete) return;
        InFlightChallenges.ChallengeCanonicityArgs memory args;
        args.inputTx = c.placed.raw;
        args.inputUtxoPos = c.placed.position + c.index;
        args.inFlightTx = raw;
        args.competingTx = pay(ins(args.inputUtxoPos), outs(out(MAINTAINER, ETH, c.amount)));
        args.competingTxWitness = sign(c.key, args.competingTx);
        // Of an exit that was started before, the first phase may be over, or the same was shown.
        try game.challengeInFlightExitNotCanonical(args) { } catch { }
    }

    /// The last of those once more, whatever became of it.
    function exitAgain() external {
        if (lastRaw.length > 0) startAndJoin(coins[last], lastRaw, lastTo);
    }

    function startAndJoin(Coin_ storage c, bytes memory raw, uint256 to) private returns (bool) {
        try this.startInFlightOut(c.placed, c.index, raw, sign(c.key, raw)) { }
        catch {
            return false;
        }
        try this.joinOut(owner(c.key), raw, 0, true) { } catch { }
        try this.joinOut(owner(to), raw, 0, false) { } catch { }
        return true;
    }

    function processSome(uint256 wait) external {
        vm.warp(block.timestamp + wait % (3 * PERIOD));
        if (framework.queueLength(1, ETH) > 0) process(1, ETH);
    }

    /// A processed exit never stands in the way of the next, so nothing here may revert.
    function processAll() external {
        vm.warp(block.timestamp + 3 * PERIOD);
        while (framework.queueLength(1, ETH) > 0) process(1, ETH);
    }

    /// What the vault could not pay.
    function owed() external view returns (uint256) {
        return ethVault.owed(alice) + ethVault.owed(bob) + ethVault.owed(carol);
    }

    /// What is still good on the child chain: outputs that were neither spent nor paid out.
    function claims() external view returns (uint256 sum) {
        for (uint256 i = 0; i < coins.length; ++i) {
            if (!coins[i].spent && !hasLeft(coins[i])) sum += coins[i].amount;
        }
    }

    function hasLeft(Coin_ storage c) private view returns (bool) {
        return
            framework.isOutputFinalized(ExitIds.outputId(c.placed.raw, c.placed.position + c.index));
    }
}

contract SolvencyTest is World {
    Actor private actor;

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function setUp() public override {
        actor = new Actor();
    }

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(actor);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory list) {
        list = new FuzzSelector[](1);
        list[0].addr = address(actor);
        list[0].selectors = new bytes4[](7);
        list[0].selectors[0] = Actor.deposit_.selector;
        list[0].selectors[1] = Actor.spend.selector;
        list[0].selectors[2] = Actor.exit.selector;
        list[0].selectors[3] = Actor.exitInFlight.selector;
        list[0].selectors[4] = Actor.exitUnincluded.selector;
        list[0].selectors[5] = Actor.processSome.selector;
        list[0].selectors[6] = Actor.exitAgain.selector;
    }

    /// Were an output paid twice, or an exit paid that was challenged, what is left would not cover the
    /// outputs that are still good.
    function invariant_theVaultCoversEveryOutputThatIsStillGood() public view {
        eq(actor.owed(), 0, "every payment was covered");
        yes(actor.held() <= actor.taken(), "no more is held than was taken");
        yes(actor.held() >= actor.claims(), "no less is held than is still good");
    }

    function afterInvariant() public {
        actor.processAll();
        eq(actor.owed(), 0, "every payment was covered");
        yes(actor.held() >= actor.claims(), "no less is held than is still good");
    }
}
