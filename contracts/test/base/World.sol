// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { TestToken } from "../../src/dev/TestToken.sol";
import { PaymentExitGame } from "../../src/exits/PaymentExitGame.sol";
import { StandardExits } from "../../src/exits/StandardExits.sol";
import { InFlightExits } from "../../src/exits/InFlightExits.sol";
import { PlasmaFramework } from "../../src/framework/PlasmaFramework.sol";
import { ExitIds } from "../../src/lib/ExitIds.sol";
import { Output, Payment, Transactions } from "../../src/lib/Transactions.sol";
import { TypedData } from "../../src/lib/TypedData.sol";
import { Erc20Vault } from "../../src/vaults/Erc20Vault.sol";
import { EthVault } from "../../src/vaults/EthVault.sol";
import { Check } from "./Check.sol";
import { Encode } from "./Encode.sol";

/// A transaction of the child chain, and where it lies.
struct Placed {
    bytes raw;
    uint256 position;
    bytes proof;
}

/// All contracts, deployed and wired, and verbs in the words of the protocol.
abstract contract World is Check {
    uint256 internal constant PERIOD = 1000;
    uint256 internal constant ALICE = 0xa11ce;
    uint256 internal constant BOB = 0xb0b;
    uint256 internal constant CAROL = 0xca401;
    address internal immutable alice = vm.addr(ALICE);
    address internal immutable bob = vm.addr(BOB);
    address internal immutable carol = vm.addr(CAROL);
    address internal constant MAINTAINER = address(0x3a1);
    address internal constant ETH = address(0);

    PlasmaFramework internal framework;
    EthVault internal ethVault;
    Erc20Vault internal erc20Vault;
    PaymentExitGame internal game;
    TestToken internal coin;

    function setUp() public virtual {
        vm.warp(1_700_000_000);
        framework = new PlasmaFramework(PERIOD, 2, 2, address(this), MAINTAINER);
        ethVault = new EthVault(framework);
        erc20Vault = new Erc20Vault(framework);
        game = new PaymentExitGame(framework);
        coin = new TestToken();
        vm.prank(MAINTAINER);
        framework.registerVault(1, address(ethVault));
        vm.prank(MAINTAINER);
        framework.registerVault(2, address(erc20Vault));
        vm.prank(MAINTAINER);
        framework.registerExitGame(1, address(game), 2);
        framework.addExitQueue(1, ETH);
        framework.addExitQueue(2, address(coin));
        vm.deal(alice, 1000 ether);
        vm.deal(bob, 1000 ether);
        vm.deal(carol, 1000 ether);
        coin.mint(alice, 1e24);
        coin.mint(bob, 1e24);
    }

    receive() external payable { }

    function out(address owner, address token, uint256 amount)
        internal
        pure
        returns (Output memory)
    {
        return Output(1, owner, token, amount);
    }

    function outs(Output memory a) internal pure returns (Output[] memory list) {
        list = new Output[](1);
        list[0] = a;
    }

    function outs(Output memory a, Output memory b) internal pure returns (Output[] memory list) {
        list = new Output[](2);
        (list[0], list[1]) = (a, b);
    }

    function ins(uint256 a) internal pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = a;
    }

    function ins(uint256 a, uint256 b) internal pure returns (uint256[] memory list) {
        list = new uint256[](2);
        (list[0], list[1]) = (a, b);
    }

    function pay(uint256[] memory inputs, Output[] memory outputs)
        internal
        pure
        returns (bytes memory)
    {
        return Encode.payment(inputs, outputs);
    }

    function deposit(address owner, uint256 amount) internal returns (Placed memory placed) {
        placed.raw = pay(new uint256[](0), outs(out(owner, ETH, amount)));
        placed.position = framework.nextDepositBlock() * 1e9;
        placed.proof = proofIn(list1(placed.raw), 0);
        vm.prank(owner);
        ethVault.deposit{ value: amount }(placed.raw);
    }

    function depositCoin(address owner, uint256 amount) internal returns (Placed memory placed) {
        placed.raw = pay(new uint256[](0), outs(out(owner, address(coin), amount)));
        placed.position = framework.nextDepositBlock() * 1e9;
        placed.proof = proofIn(list1(placed.raw), 0);
        vm.prank(owner);
        coin.approve(address(erc20Vault), amount);
        vm.prank(owner);
        erc20Vault.deposit(placed.raw);
    }

    /// A child block with one transaction.
    function mine(bytes memory raw) internal returns (Placed memory placed) {
        return mine(list1(raw))[0];
    }

    function mine(bytes[] memory raws) internal returns (Placed[] memory placed) {
        uint256 blknum = framework.nextChildBlock();
        placed = new Placed[](raws.length);
        bytes32 root;
        for (uint256 i = 0; i < raws.length; ++i) {
            placed[i].raw = raws[i];
            placed[i].position = blknum * 1e9 + i * 1e4;
            (root, placed[i].proof) = Encode.tree(raws, i);
        }
        framework.submitBlock(root);
    }

    function list1(bytes memory raw) internal pure returns (bytes[] memory list) {
        list = new bytes[](1);
        list[0] = raw;
    }

    function list2(bytes memory a, bytes memory b) internal pure returns (bytes[] memory list) {
        list = new bytes[](2);
        (list[0], list[1]) = (a, b);
    }

    function proofIn(bytes[] memory raws, uint256 index)
        internal
        pure
        returns (bytes memory proof)
    {
        (, proof) = Encode.tree(raws, index);
    }

    function sign(uint256 key, bytes memory raw) internal view returns (bytes memory) {
        bytes32 digest = TypedData.digestOf(
            TypedData.domainOf(address(framework)), Transactions.decodePayment(raw)
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function senderData(address sender) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(sender));
    }

    function exitIdOf(Placed memory placed, uint256 index) internal pure returns (uint168) {
        return ExitIds.standard(ExitIds.outputId(placed.raw, placed.position + index));
    }

    function startExit(address owner, Placed memory placed, uint256 index)
        internal
        returns (uint168)
    {
        uint256 bond = game.startStandardExitBondSize();
        vm.prank(owner);
        game.startStandardExit{ value: bond }(
            StandardExits.StartStandardExitArgs(placed.position + index, placed.raw, placed.proof)
        );
        return exitIdOf(placed, index);
    }

    function challengeExit(
        address challenger,
        uint168 exitId,
        bytes memory challengeTx,
        uint16 index,
        bytes memory signature
    ) internal {
        vm.prank(challenger);
        game.challengeStandardExit(
            StandardExits.ChallengeStandardExitArgs(
                exitId, "", challengeTx, index, signature, senderData(challenger)
            )
        );
    }

    /// An in-flight exit of a payment with one input.
    function startInFlight(
        address starter,
        bytes memory raw,
        Placed memory input,
        uint256 index,
        bytes memory signature
    ) internal returns (uint168) {
        uint256 bond = game.startIFEBondSize();
        vm.prank(starter);
        game.startInFlightExit{ value: bond }(
            InFlightExits.StartExitArgs(
                raw,
                list1(input.raw),
                ins(input.position + index),
                list1(input.proof),
                list1(signature)
            )
        );
        return ExitIds.inFlight(keccak256(raw));
    }

    function joinInput(address owner, bytes memory raw, uint16 index) internal {
        uint256 bond = game.piggybackBondSize();
        vm.prank(owner);
        game.piggybackInFlightExitOnInput{ value: bond }(
            InFlightExits.PiggybackInFlightExitOnInputArgs(raw, index)
        );
    }

    function joinOutput(address owner, bytes memory raw, uint16 index) internal {
        uint256 bond = game.piggybackBondSize();
        vm.prank(owner);
        game.piggybackInFlightExitOnOutput{ value: bond }(
            InFlightExits.PiggybackInFlightExitOnOutputArgs(raw, index)
        );
    }

    function process(uint256 vaultId, address token) internal returns (uint256) {
        vm.prank(carol);
        return framework.processExits(vaultId, token, 0, 10, senderData(carol));
    }

    function later(uint256 seconds_) internal {
        vm.warp(block.timestamp + seconds_);
    }
}
