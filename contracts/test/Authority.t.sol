// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Validator, ValidatorAuthority } from "../src/authority/ValidatorAuthority.sol";
import { PlasmaFramework } from "../src/framework/PlasmaFramework.sol";
import { Check } from "./base/Check.sol";

contract AuthorityTest is Check {
    PlasmaFramework private framework;
    ValidatorAuthority private authority;
    Validator[] private set;
    uint256[] private keys;

    function setUp() public {
        framework = new PlasmaFramework(1000, 2, 2, address(this), address(this));
        install(4, 1, set, keys);
        authority = new ValidatorAuthority(framework, 7, set);
        framework.setAuthority(address(authority));
    }

    /// `count` validators with 10, 20, 30 ... votes, sorted by address.
    function install(
        uint256 count,
        uint256 seed,
        Validator[] storage into,
        uint256[] storage keysInto
    ) private {
        for (uint256 i = 0; i < count; ++i) {
            keysInto.push(seed * 1000 + i + 1);
        }
        for (uint256 i = 0; i < count; ++i) {
            for (uint256 j = i + 1; j < count; ++j) {
                if (vm.addr(keysInto[j]) < vm.addr(keysInto[i])) {
                    (keysInto[i], keysInto[j]) = (keysInto[j], keysInto[i]);
                }
            }
            into.push(Validator(vm.addr(keysInto[i]), uint96(10 * (i + 1))));
        }
    }

    function typed(bytes32 content) private view returns (bytes32) {
        return keccak256(abi.encodePacked("\x19\x01", authority.domain(), content));
    }

    function blockDigest(uint64 session, uint256 blknum, bytes32 root)
        private
        view
        returns (bytes32)
    {
        return typed(
            keccak256(
                abi.encode(
                    keccak256("BlockRoot(uint64 session,uint256 blknum,bytes32 root)"),
                    session,
                    blknum,
                    root
                )
            )
        );
    }

    /// Signatures of the validators whose bit is set.
    function signed(bytes32 digest, uint256 who) private view returns (bytes[] memory list) {
        list = new bytes[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            if ((who >> i) & 1 == 0) continue;
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[i], digest);
            list[i] = abi.encodePacked(r, s, v);
        }
    }

    function test_moreThanTwoThirdsOfTheVotesMakeABlock() public {
        // 10 + 20 + 40 of 100 votes.
        bytes[] memory signatures = signed(blockDigest(7, 1000, bytes32(uint256(5))), 11);
        vm.prank(address(0x5eed));
        authority.submitBlock(1000, bytes32(uint256(5)), set, signatures);
        (bytes32 root,) = framework.blocks(1000);
        eq(root, bytes32(uint256(5)), "root");
        eq(authority.submitterOf(1000), address(0x5eed), "submitter");
    }

    function testFuzz_exactlyTheMajorityCounts(uint8 who) public {
        who = who % 16;
        uint256 votes;
        for (uint256 i = 0; i < 4; ++i) {
            if ((who >> i) & 1 == 1) votes += set[i].votes;
        }
        bytes[] memory signatures = signed(blockDigest(7, 1000, 0), who);
        if (votes * 3 <= 200) vm.expectPartialRevert(ValidatorAuthority.NotEnoughVotes.selector);
        authority.submitBlock(1000, 0, set, signatures);
    }

    function test_twoThirdsExactlyAreNotEnough() public {
        Validator[] memory three = new Validator[](3);
        for (uint256 i = 0; i < 3; ++i) {
            three[i] = Validator(set[i].signer, 1);
        }
        ValidatorAuthority other = new ValidatorAuthority(framework, 7, three);
        vm.prank(address(authority));
        framework.setAuthority(address(other));
        authority = other;
        bytes[] memory all = signed(blockDigest(7, 1000, 0), 7);
        bytes[] memory two = new bytes[](3);
        (two[0], two[1]) = (all[0], all[1]);
        vm.expectPartialRevert(ValidatorAuthority.NotEnoughVotes.selector);
        authority.submitBlock(1000, 0, three, two);
        two[2] = all[2];
        authority.submitBlock(1000, 0, three, two);
    }

    function test_aSignatureIsForOneRootNumberAndSession() public {
        bytes[] memory signatures = signed(blockDigest(7, 1000, 0), 15);
        vm.expectPartialRevert(ValidatorAuthority.WrongSignature.selector);
        authority.submitBlock(1000, bytes32(uint256(1)), set, signatures);
        vm.expectPartialRevert(ValidatorAuthority.OutOfTurn.selector);
        authority.submitBlock(2000, 0, set, signatures);
        authority.submitBlock(1000, 0, set, signatures);
        vm.expectPartialRevert(ValidatorAuthority.OutOfTurn.selector);
        authority.submitBlock(1000, 0, set, signatures);
        vm.expectPartialRevert(ValidatorAuthority.WrongSignature.selector);
        authority.submitBlock(2000, 0, set, signatures);
        signatures = signed(blockDigest(8, 2000, 0), 15);
        vm.expectPartialRevert(ValidatorAuthority.WrongSignature.selector);
        authority.submitBlock(2000, 0, set, signatures);
    }

    function test_theSetMustBeTheOneOnRecord() public {
        bytes[] memory signatures = signed(blockDigest(7, 1000, 0), 15);
        Validator[] memory other = set;
        other[0].votes += 1000;
        vm.expectRevert(ValidatorAuthority.WrongSet.selector);
        authority.submitBlock(1000, 0, other, signatures);
        vm.expectRevert(ValidatorAuthority.WrongSet.selector);
        authority.submitBlock(1000, 0, set, new bytes[](3));
    }

    function test_sessionsHandOverByTheSameMajority() public {
        Validator[] memory next = new Validator[](1);
        next[0] = Validator(vm.addr(99), 1);
        bytes32 digest = typed(
            keccak256(
                abi.encode(
                    keccak256("Rotation(uint64 session,uint64 nextSession,bytes32 nextSet)"),
                    uint64(7),
                    uint64(9),
                    keccak256(abi.encode(next))
                )
            )
        );
        bytes[] memory few = signed(digest, 7);
        vm.expectPartialRevert(ValidatorAuthority.NotEnoughVotes.selector);
        authority.rotate(9, next, set, few);
        bytes[] memory enough = signed(digest, 14);
        vm.expectPartialRevert(ValidatorAuthority.SessionNotAhead.selector);
        authority.rotate(7, next, set, enough);
        authority.rotate(9, next, set, enough);
        eq(authority.session(), 9, "session");
        vm.expectPartialRevert(ValidatorAuthority.SessionNotAhead.selector);
        authority.rotate(9, next, set, enough);
        bytes[] memory old = signed(blockDigest(9, 1000, 0), 15);
        vm.expectRevert(ValidatorAuthority.WrongSet.selector);
        authority.submitBlock(1000, 0, set, old);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(99, blockDigest(9, 1000, 0));
        bytes[] memory one = new bytes[](1);
        one[0] = abi.encodePacked(r, s, v);
        authority.submitBlock(1000, 0, next, one);
    }

    function test_setsAreSortedWithVotesAndBounded() public {
        Validator[] memory twice = new Validator[](2);
        twice[0] = Validator(address(1), 1);
        twice[1] = Validator(address(1), 1);
        vm.expectRevert(ValidatorAuthority.SetNotSorted.selector);
        new ValidatorAuthority(framework, 1, twice);
        vm.expectRevert(ValidatorAuthority.NoVotes.selector);
        new ValidatorAuthority(framework, 1, new Validator[](0));
        vm.expectRevert(ValidatorAuthority.SetTooLarge.selector);
        new ValidatorAuthority(framework, 1, new Validator[](65));
    }
}
