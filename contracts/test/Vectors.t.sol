// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ExitIds } from "../src/lib/ExitIds.sol";
import { Merkle } from "../src/lib/Merkle.sol";
import { Signatures } from "../src/lib/Signatures.sol";
import { Payment, Transactions } from "../src/lib/Transactions.sol";
import { TypedData } from "../src/lib/TypedData.sol";
import { Check } from "./base/Check.sol";
import { Encode } from "./base/Encode.sol";

/// Known answers: spec/vectors/exits.json, checked against deployed contracts of the same dialect.
contract VectorsTest is Check {
    string private json;

    function setUp() public {
        json = vm.readFile("../spec/vectors/exits.json");
    }

    function data(string memory key) private view returns (bytes memory) {
        return vm.parseJsonBytes(json, key);
    }

    function number(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(json, key);
    }

    function word(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, key);
    }

    function test_exitIdsOfADepositAndOfBothOutputsOfAPayment() public view {
        bytes memory deposit = data(".deposit.txbytes");
        uint256 position = number(".deposit.position");
        eq(
            ExitIds.standard(ExitIds.outputId(deposit, position)),
            number(".deposit.exit_id_v2"),
            "deposit"
        );
        bytes memory payment = data(".payment.txbytes");
        eq(
            ExitIds.standard(ExitIds.outputId(payment, 1000 * 1e9 + 1)),
            number(".payment.exit_id_out1_at_1000_v2"),
            "output 1"
        );
        eq(ExitIds.inFlight(keccak256(payment)), number(".payment.ife_id_v2"), "in flight");
    }

    function test_priorityOfAnExit() public view {
        // The vector's exit is that of output 1, exitable at 1795219671.
        uint168 exitId = uint168(number(".payment.exit_id_out1_at_1000_v2"));
        eq(
            ExitIds.priority(1795219671, 1000 * 1e9 + 1, exitId),
            number(".payment.priority_v2"),
            "priority"
        );
    }

    function test_digestAndSignatureOfAPayment() public view {
        Payment memory payment = Transactions.decodePayment(data(".payment.txbytes"));
        bytes32 digest = TypedData.digestOf(
            TypedData.domainOf(vm.parseJsonAddress(json, ".framework")), payment
        );
        eq(digest, word(".payment.eip712_v2"), "digest");
        eq(
            Signatures.signerOf(digest, data(".payment.sig_v2")),
            vm.parseJsonAddress(json, ".alice"),
            "signer"
        );
        eq(keccak256(data(".payment.txbytes")), word(".payment.txhash"), "hash");
    }

    function test_rootsAndProofsOfBlocks() public view {
        eq(Merkle.rootOfSingle(data(".deposit.txbytes")), word(".deposit.block_root"), "deposit");
        eq(Merkle.rootOfSingle(data(".payment.txbytes")), word(".payment.block_root_single"), "one");
        yes(
            Merkle.contains(
                word(".deposit.block_root"), data(".deposit.txbytes"), 0, data(".deposit.proof")
            ),
            "proof of a deposit"
        );
        bytes[] memory txs = vm.parseJsonBytesArray(json, ".two_tx_block.txs");
        bytes32 root = word(".two_tx_block.root");
        bytes memory proof = data(".two_tx_block.proof1");
        yes(Merkle.contains(root, txs[1], 1, proof), "proof of the second");
        yes(!Merkle.contains(root, txs[1], 0, proof), "at another index");
        yes(!Merkle.contains(root, txs[0], 1, proof), "of another transaction");
    }

    function test_theTestsOwnEncoderAgreesWithTheVectors() public view {
        bytes[] memory txs = vm.parseJsonBytesArray(json, ".two_tx_block.txs");
        (bytes32 root, bytes memory proof) = Encode.tree(txs, 1);
        eq(root, word(".two_tx_block.root"), "root");
        eq(proof, data(".two_tx_block.proof1"), "proof");
        Payment memory payment = Transactions.decodePayment(txs[0]);
        eq(Encode.payment(payment.inputs, payment.outputs), txs[0], "payment");
    }
}
