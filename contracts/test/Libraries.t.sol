// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ExitIds } from "../src/lib/ExitIds.sol";
import { Merkle } from "../src/lib/Merkle.sol";
import { Positions } from "../src/lib/Positions.sol";
import { PriorityHeap } from "../src/lib/PriorityHeap.sol";
import { Rlp } from "../src/lib/Rlp.sol";
import { Output, Payment, Transactions } from "../src/lib/Transactions.sol";
import { Check } from "./base/Check.sol";
import { Encode } from "./base/Encode.sol";

contract LibrariesTest is Check {
    using PriorityHeap for uint256[];

    uint256[] private heap;

    function decode(bytes memory raw) external pure returns (Payment memory) {
        return Transactions.decodePayment(raw);
    }

    function testFuzz_whatIsEncodedIsDecoded(
        uint256[5] memory positions,
        uint8 inputs,
        address[5] memory owners,
        address token,
        uint256[5] memory amounts,
        uint8 outputs
    ) public view {
        uint256[] memory ins = new uint256[](inputs % 6);
        for (uint256 i = 0; i < ins.length; ++i) {
            ins[i] = positions[i] == 0 ? 1 : positions[i];
        }
        Output[] memory outs = new Output[](1 + outputs % 5);
        for (uint256 i = 0; i < outs.length; ++i) {
            outs[i] = Output(1, owners[i] == address(0) ? address(1) : owners[i], token, amounts[i]);
        }
        Payment memory payment = this.decode(Encode.payment(ins, outs));
        eq(keccak256(abi.encode(payment.inputs)), keccak256(abi.encode(ins)), "inputs");
        eq(keccak256(abi.encode(payment.outputs)), keccak256(abi.encode(outs)), "outputs");
    }

    /// Strictness as a property: whatever decodes is the one encoding of what it decodes to.
    function testFuzz_oneEncodingPerPayment(uint256 index, bytes1 value) public view {
        bytes memory raw = sample();
        raw[index % raw.length] = value;
        try this.decode(raw) returns (Payment memory payment) {
            // The sample's metadata is the encoder's, unless the change was in there.
            if (payment.metadata == 0) {
                eq(Encode.payment(payment.inputs, payment.outputs), raw, "bytes");
            }
        } catch { }
    }

    function testFuzz_aCutPaymentIsRefused(uint256 length) public {
        bytes memory raw = sample();
        length = length % raw.length;
        assembly {
            mstore(raw, length)
        }
        vm.expectRevert();
        this.decode(raw);
    }

    function test_amountWithALeadingZeroIsRefused() public {
        bytes memory good = outputWithAmount(hex"05");
        this.decode(good);
        bytes memory bad = outputWithAmount(hex"820005");
        vm.expectRevert(Rlp.NotCanonicalRlp.selector);
        this.decode(bad);
    }

    function test_aByteBelow0x80InALongerFormIsRefused() public {
        bytes memory bad = outputWithAmount(hex"8105");
        vm.expectRevert(Rlp.NotCanonicalRlp.selector);
        this.decode(bad);
    }

    function test_anAmountOf33BytesIsRefused() public {
        bytes memory bad = outputWithAmount(bytes.concat(hex"a101", bytes32(0)));
        vm.expectRevert(Rlp.NotCanonicalRlp.selector);
        this.decode(bad);
    }

    function test_aListWhereANumberBelongsIsRefused() public {
        bytes memory bad = outputWithAmount(hex"c105");
        vm.expectRevert(Rlp.NotCanonicalRlp.selector);
        this.decode(bad);
    }

    function test_aListInTheLongFormThatFitsTheShortOneIsRefused() public {
        // [1, [], [output], 0, metadata], where the empty list says its length in a byte of its own.
        bytes memory output = Encode.output(Output(1, address(1), address(0), 5));
        bytes memory bad =
            Encode.list(bytes.concat(hex"01f800", Encode.list(output), hex"80a0", bytes32(0)));
        vm.expectRevert(Rlp.NotCanonicalRlp.selector);
        this.decode(bad);
    }

    function test_bytesAfterThePaymentAreRefused() public {
        bytes memory bad = bytes.concat(sample(), hex"00");
        vm.expectRevert(Rlp.NotCanonicalRlp.selector);
        this.decode(bad);
    }

    function test_sixOutputsAreRefused() public {
        Output[] memory outs = new Output[](6);
        for (uint256 i = 0; i < 6; ++i) {
            outs[i] = Output(1, address(1), address(0), 1);
        }
        bytes memory bad = Encode.payment(new uint256[](0), outs);
        vm.expectRevert(Transactions.NotAPayment.selector);
        this.decode(bad);
    }

    function testFuzz_theQueueGivesBackInOrder(uint256[] memory values) public {
        uint256 length = values.length % 40;
        for (uint256 i = 0; i < length; ++i) {
            heap.insert(values[i]);
            // Mixed with removals, as in life.
            if (values[i] % 5 == 0) {
                uint256 least = heap.top();
                eq(heap.removeTop(), least, "top");
                for (uint256 j = 0; j < heap.length; ++j) {
                    yes(heap[j] >= least, "least");
                }
            }
        }
        uint256 last = 0;
        while (heap.length > 0) {
            uint256 next = heap.removeTop();
            yes(next >= last, "order");
            last = next;
        }
    }

    function testFuzz_proofsHoldForTheirLeafAlone(uint8 count, uint8 index, uint8 other)
        public
        pure
    {
        bytes[] memory leaves = new bytes[](1 + count % 7);
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = abi.encodePacked("leaf", i);
        }
        uint256 i_ = index % leaves.length;
        (bytes32 root, bytes memory proof) = Encode.tree(leaves, i_);
        yes(Merkle.contains(root, leaves[i_], i_, proof), "own");
        uint256 j = other % leaves.length;
        if (i_ != j) yes(!Merkle.contains(root, leaves[j], i_, proof), "another's");
        yes(!Merkle.contains(root, leaves[i_], i_ + 65536, proof), "beyond the tree");
    }

    function testFuzz_soonerThenOlderThenById(
        uint32 soon,
        uint32 late,
        uint32 older,
        uint32 younger,
        uint160 a,
        uint160 b
    ) public pure {
        uint256 x = uint256(older) * 1e9;
        uint256 y = uint256(younger) * 1e9;
        if (soon < late) yes(ExitIds.priority(soon, y, a) < ExitIds.priority(late, x, b), "time");
        if (older < younger) {
            yes(ExitIds.priority(soon, x, a) < ExitIds.priority(soon, y, b), "age");
        }
        if (a < b) yes(ExitIds.priority(soon, x, a) < ExitIds.priority(soon, x, b), "id");
    }

    function txIndex(uint256 position) external pure returns (uint256) {
        return Positions.txIndex(position);
    }

    function test_positionsBeyondABlockOrBeyondAPriorityAreRefused() public {
        eq(this.txIndex(1e9 + 65535 * 1e4), 65535, "last place");
        vm.expectPartialRevert(Positions.PositionOutOfRange.selector);
        this.txIndex(1e9 + 65536 * 1e4);
        vm.expectPartialRevert(Positions.PositionOutOfRange.selector);
        this.txIndex(2 ** 56 * 1e4);
    }

    function sample() private pure returns (bytes memory) {
        uint256[] memory ins = new uint256[](1);
        ins[0] = 1001 * 1e9;
        Output[] memory outs = new Output[](2);
        outs[0] = Output(1, address(0xa11ce), address(0), 1 ether);
        outs[1] = Output(1, address(0xb0b), address(0xc01), 3);
        return Encode.payment(ins, outs);
    }

    /// A payment with one output, whose amount is these bytes.
    function outputWithAmount(bytes memory amount) private pure returns (bytes memory) {
        bytes memory owner = Encode.text(abi.encodePacked(address(1)));
        bytes memory output =
            Encode.list(bytes.concat(hex"01", Encode.list(bytes.concat(owner, owner, amount))));
        return Encode.list(bytes.concat(hex"01c0", Encode.list(output), hex"80a0", bytes32(0)));
    }
}
