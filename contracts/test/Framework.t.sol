// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { PaymentExitGame } from "../src/exits/PaymentExitGame.sol";
import { Blocks } from "../src/framework/Blocks.sol";
import { ExitQueues } from "../src/framework/ExitQueues.sol";
import { Registries } from "../src/framework/Registries.sol";
import { EthPayouts } from "../src/lib/EthPayouts.sol";
import { Transactions } from "../src/lib/Transactions.sol";
import { Erc20Vault } from "../src/vaults/Erc20Vault.sol";
import { EthVault } from "../src/vaults/EthVault.sol";
import { Vault } from "../src/vaults/Vault.sol";
import { TaxedCoin } from "./base/Tokens.sol";
import { Placed, World } from "./base/World.sol";

contract FrameworkTest is World {
    function test_blocksAreNumberedInThousandsAndDepositsBetween() public {
        eq(framework.nextChildBlock(), 1000, "first block");
        eq(deposit(alice, 1 ether).position, 1 * 1e9, "first deposit");
        eq(deposit(alice, 1 ether).position, 2 * 1e9, "second deposit");
        framework.submitBlock(bytes32(uint256(7)));
        eq(framework.nextChildBlock(), 2000, "second block");
        eq(deposit(alice, 1 ether).position, 1001 * 1e9, "deposit after the block");
        (bytes32 root, uint256 timestamp) = framework.blocks(1000);
        eq(root, bytes32(uint256(7)), "root");
        eq(timestamp, block.timestamp, "time");
    }

    function test_the1000thDepositOfAnIntervalIsRefused() public {
        for (uint256 i = 1; i < 1000; ++i) {
            vm.prank(address(ethVault));
            eq(framework.submitDepositBlock(bytes32(i)), i, "number");
        }
        vm.prank(address(ethVault));
        vm.expectRevert(Blocks.TooManyDeposits.selector);
        framework.submitDepositBlock(bytes32(0));
        framework.submitBlock(bytes32(0));
        vm.prank(address(ethVault));
        eq(framework.submitDepositBlock(bytes32(0)), 1001, "after the next block");
    }

    function test_onlyTheAuthoritySubmitsAndHandsOver() public {
        vm.prank(bob);
        vm.expectRevert(Blocks.OnlyAuthority.selector);
        framework.submitBlock(bytes32(0));
        vm.prank(bob);
        vm.expectRevert(Blocks.OnlyAuthority.selector);
        framework.setAuthority(bob);
        framework.setAuthority(bob);
        vm.prank(bob);
        framework.submitBlock(bytes32(0));
    }

    function test_onlyVaultsMakeDepositBlocks() public {
        vm.expectRevert(Registries.OnlyVault.selector);
        framework.submitDepositBlock(bytes32(0));
    }

    function test_onlyTheMaintainerRegisters() public {
        vm.expectRevert(Registries.OnlyMaintainer.selector);
        framework.registerVault(3, address(1));
        vm.expectRevert(Registries.OnlyMaintainer.selector);
        framework.registerExitGame(3, address(1), 2);
    }

    function test_theThirdVaultIsQuarantinedForTwoExitPeriods() public {
        EthVault third = new EthVault(framework);
        vm.prank(MAINTAINER);
        framework.registerVault(3, address(third));
        bytes memory raw = pay(new uint256[](0), outs(out(alice, ETH, 1)));
        later(2 * PERIOD - 1);
        vm.prank(alice);
        vm.expectPartialRevert(Registries.InQuarantine.selector);
        third.deposit{ value: 1 }(raw);
        later(1);
        vm.prank(alice);
        third.deposit{ value: 1 }(raw);
    }

    function test_theThirdExitGameIsQuarantinedForFourExitPeriods() public {
        vm.prank(MAINTAINER);
        framework.registerExitGame(2, address(0x222), 2);
        vm.prank(MAINTAINER);
        framework.registerExitGame(4, address(0x444), 2);
        deposit(alice, 5);
        // The second is immune, like the first.
        vm.prank(address(0x222));
        ethVault.withdraw(address(0x222), 1);
        later(4 * PERIOD - 1);
        vm.prank(address(0x444));
        vm.expectPartialRevert(Registries.InQuarantine.selector);
        ethVault.withdraw(address(0x444), 1);
        vm.prank(address(0x444));
        vm.expectPartialRevert(Registries.InQuarantine.selector);
        framework.enqueue(1, ETH, 1, 1, 1);
        bytes32[] memory ids = new bytes32[](1);
        vm.prank(address(0x444));
        vm.expectPartialRevert(Registries.InQuarantine.selector);
        framework.flagOutputsFinalized(ids, 1);
        later(1);
        vm.prank(address(0x444));
        framework.enqueue(1, ETH, 1, 1, 1);
    }

    function test_strangersNeitherWithdrawNorQueueNorFlag() public {
        deposit(alice, 5);
        vm.expectRevert(Registries.OnlyExitGame.selector);
        ethVault.withdraw(address(this), 1);
        vm.expectRevert(Registries.OnlyExitGame.selector);
        erc20Vault.withdraw(address(this), address(coin), 1);
        vm.expectRevert(Registries.OnlyExitGame.selector);
        framework.enqueue(1, ETH, 1, 1, 1);
        vm.expectRevert(Registries.OnlyExitGame.selector);
        framework.flagOutputsFinalized(new bytes32[](1), 1);
    }

    function test_thePrioritiesOfAQueueAreUnique() public {
        vm.prank(address(game));
        framework.enqueue(1, ETH, 5, 1e9, 9);
        vm.prank(address(game));
        vm.expectPartialRevert(ExitQueues.AlreadyQueued.selector);
        framework.enqueue(1, ETH, 5, 1e9, 9);
    }

    function test_queuesAreOpenedOnceByAnybody() public {
        yes(!framework.hasExitQueue(2, address(9)), "not yet");
        vm.prank(bob);
        framework.addExitQueue(2, address(9));
        yes(framework.hasExitQueue(2, address(9)), "now");
        vm.expectRevert(ExitQueues.QueueExists.selector);
        framework.addExitQueue(2, address(9));
        vm.expectRevert(ExitQueues.UnknownVault.selector);
        framework.addExitQueue(7, address(9));
        vm.expectRevert(ExitQueues.QueueMissing.selector);
        framework.processExits(1, address(9), 0, 1, senderData(address(this)));
    }

    function test_processingIsBoundToItsSenderAndToTheTopThatWasSeen() public {
        Placed memory placed = deposit(alice, 5);
        uint168 exitId = startExit(alice, placed, 0);
        vm.expectRevert(ExitQueues.WrongSenderData.selector);
        framework.processExits(1, ETH, 0, 1, senderData(bob));
        vm.expectPartialRevert(ExitQueues.TopExitIsAnother.selector);
        framework.processExits(1, ETH, exitId + 1, 1, senderData(address(this)));
        eq(framework.processExits(1, ETH, exitId, 1, senderData(address(this))), 0, "too early");
    }

    function test_depositsMustBeWhatTheySay() public {
        bytes memory raw = pay(new uint256[](0), outs(out(alice, ETH, 5)));
        vm.prank(alice);
        vm.expectPartialRevert(Vault.WrongAmount.selector);
        ethVault.deposit{ value: 4 }(raw);
        vm.prank(bob);
        vm.expectRevert(Vault.NotTheDepositor.selector);
        ethVault.deposit{ value: 5 }(raw);
        bytes memory withInput = pay(ins(1e9), outs(out(alice, ETH, 5)));
        vm.prank(alice);
        vm.expectRevert(Vault.NotADeposit.selector);
        ethVault.deposit{ value: 5 }(withInput);
        bytes memory two = pay(new uint256[](0), outs(out(alice, ETH, 5), out(alice, ETH, 5)));
        vm.prank(alice);
        vm.expectRevert(Vault.NotADeposit.selector);
        ethVault.deposit{ value: 5 }(two);
        bytes memory coins = pay(new uint256[](0), outs(out(alice, address(coin), 5)));
        vm.prank(alice);
        vm.expectPartialRevert(Vault.WrongToken.selector);
        ethVault.deposit{ value: 5 }(coins);
        vm.prank(alice);
        vm.expectPartialRevert(Vault.WrongToken.selector);
        erc20Vault.deposit(raw);
        vm.prank(alice);
        vm.expectPartialRevert(Erc20Vault.TokenRefused.selector);
        erc20Vault.deposit(coins);
    }

    function test_aTokenThatKeepsAShareCannotBeDeposited() public {
        TaxedCoin taxed = new TaxedCoin();
        taxed.mint(alice, 10);
        bytes memory raw = pay(new uint256[](0), outs(out(alice, address(taxed), 5)));
        vm.prank(alice);
        vm.expectPartialRevert(Vault.WrongAmount.selector);
        erc20Vault.deposit(raw);
    }

    function test_anAddressWithoutCodeIsNoToken() public {
        bytes memory raw = pay(new uint256[](0), outs(out(alice, address(0x1234), 5)));
        vm.prank(alice);
        vm.expectRevert();
        erc20Vault.deposit(raw);
    }
}
