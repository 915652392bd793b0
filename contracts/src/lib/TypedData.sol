// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Output, Payment } from "./Transactions.sol";

/// What a wallet signs for a payment: EIP-712, version 2 of the network's domain.
library TypedData {
    bytes32 private constant DOMAIN_TYPE = keccak256(
        "EIP712Domain(string name,string version,address verifyingContract,bytes32 salt)"
    );
    bytes32 private constant SALT =
        0xfad5c7f626d80f9256ef01929f3beb96e058b8b4b0e3fe52d84f054c0e2a7a83;
    bytes32 private constant INPUT_TYPE =
        keccak256("Input(uint256 blknum,uint256 txindex,uint256 oindex)");
    bytes32 private constant OUTPUT_TYPE = keccak256(
        "Output(uint256 outputType,bytes20 outputGuard,address currency,uint256 amount)"
    );
    bytes32 private constant TRANSACTION_TYPE = keccak256(
        "Transaction(uint256 txType,Input[] inputs,Output[] outputs,uint256 txData,bytes32 metadata)Input(uint256 blknum,uint256 txindex,uint256 oindex)Output(uint256 outputType,bytes20 outputGuard,address currency,uint256 amount)"
    );

    function domainOf(address framework) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(DOMAIN_TYPE, keccak256("OMG Network"), keccak256("2"), framework, SALT)
        );
    }

    function digestOf(bytes32 domain, Payment memory payment) internal pure returns (bytes32) {
        bytes32[] memory inputs = new bytes32[](payment.inputs.length);
        for (uint256 i = 0; i < inputs.length; ++i) {
            uint256 position = payment.inputs[i];
            inputs[i] = keccak256(
                abi.encode(INPUT_TYPE, position / 1e9, (position / 1e4) % 1e5, position % 1e4)
            );
        }
        bytes32[] memory outputs = new bytes32[](payment.outputs.length);
        for (uint256 i = 0; i < outputs.length; ++i) {
            Output memory output = payment.outputs[i];
            outputs[i] = keccak256(
                abi.encode(
                    OUTPUT_TYPE,
                    output.outputType,
                    bytes20(output.owner),
                    output.token,
                    output.amount
                )
            );
        }
        bytes32 content = keccak256(
            abi.encode(
                TRANSACTION_TYPE,
                uint256(1),
                keccak256(abi.encodePacked(inputs)),
                keccak256(abi.encodePacked(outputs)),
                uint256(0),
                payment.metadata
            )
        );
        return keccak256(abi.encodePacked("\x19\x01", domain, content));
    }
}
