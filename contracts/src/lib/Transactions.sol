// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Rlp } from "./Rlp.sol";

// Both lists end here: an exit's bit map and loops are made for it.
uint256 constant MAX_INPUTS = 5;
uint256 constant MAX_OUTPUTS = 5;

/// What of an output matters to its exit.
struct Output {
    uint256 outputType;
    address owner;
    address token;
    uint256 amount;
}

/// A payment as it is signed: [1, inputs, outputs, 0, metadata].
struct Payment {
    uint256[] inputs;
    Output[] outputs;
    bytes32 metadata;
}

/// Decodes transactions of the child chain.
library Transactions {
    using Rlp for Rlp.Cursor;

    error NotAPayment();
    error NoSuchOutput(uint16 index);

    uint256 internal constant PAYMENT = 1;
    uint256 internal constant FEE = 3;
    uint256 internal constant PAYMENT_OUTPUT = 1;
    uint256 internal constant FEE_OUTPUT = 2;

    function decodePayment(bytes memory raw) internal pure returns (Payment memory payment) {
        Rlp.Cursor memory fields = Rlp.open(raw);
        if (fields.readUint() != PAYMENT) revert NotAPayment();
        payment = _paymentFields(fields);
    }

    /// One output of a payment or of a fee transaction.
    function outputOf(bytes memory raw, uint16 index) internal pure returns (Output memory) {
        Rlp.Cursor memory fields = Rlp.open(raw);
        uint256 txType = fields.readUint();
        if (txType == PAYMENT) {
            Payment memory payment = _paymentFields(fields);
            if (index >= payment.outputs.length) revert NoSuchOutput(index);
            return payment.outputs[index];
        }
        if (txType != FEE) revert NotAPayment();
        // [3, [output], nonce]: exactly one output.
        Rlp.Cursor memory outputs = fields.enter();
        Output memory output = _output(outputs, FEE_OUTPUT);
        outputs.close();
        fields.readWord();
        fields.close();
        if (index != 0) revert NoSuchOutput(index);
        return output;
    }

    function _paymentFields(Rlp.Cursor memory fields)
        private
        pure
        returns (Payment memory payment)
    {
        Rlp.Cursor memory list = fields.enter();
        uint256[] memory inputs = new uint256[](MAX_INPUTS);
        uint256 count;
        while (!list.isEmpty()) {
            if (count == MAX_INPUTS) revert NotAPayment();
            inputs[count] = uint256(list.readWord());
            if (inputs[count++] == 0) revert NotAPayment();
        }
        _shorten(inputs, count);
        payment.inputs = inputs;

        list = fields.enter();
        Output[] memory outputs = new Output[](MAX_OUTPUTS);
        count = 0;
        while (!list.isEmpty()) {
            if (count == MAX_OUTPUTS) revert NotAPayment();
            outputs[count++] = _output(list, PAYMENT_OUTPUT);
        }
        if (count == 0) revert NotAPayment();
        assembly ("memory-safe") {
            mstore(outputs, count)
        }
        payment.outputs = outputs;

        if (fields.readUint() != 0) revert NotAPayment();
        payment.metadata = fields.readWord();
        fields.close();
    }

    /// [type, [owner, token, amount]]
    function _output(Rlp.Cursor memory list, uint256 wanted)
        private
        pure
        returns (Output memory output)
    {
        Rlp.Cursor memory item = list.enter();
        output.outputType = item.readUint();
        if (output.outputType != wanted) revert NotAPayment();
        Rlp.Cursor memory data = item.enter();
        item.close();
        output.owner = data.readAddress();
        output.token = data.readAddress();
        output.amount = data.readUint();
        data.close();
        if (output.owner == address(0)) revert NotAPayment();
    }

    function _shorten(uint256[] memory list, uint256 length) private pure {
        assembly ("memory-safe") {
            mstore(list, length)
        }
    }
}
