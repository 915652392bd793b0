/**
 * Contracts that speak the first version's dialect, for tests: ours, with each difference as one replacement.
 * They have that version's exit ids, priorities, typed data, limits and thin events; their rules stay ours.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** File, what stands there once, and what the first version has in its place. */
const DIFFERENCES = [
  ['lib/Transactions.sol', 'MAX_INPUTS = 5;', 'MAX_INPUTS = 4;'],
  ['lib/Transactions.sol', 'MAX_OUTPUTS = 5;', 'MAX_OUTPUTS = 4;'],
  ['lib/ExitIds.sol', 'uint160(1) << 167', 'uint160(1) << 151'],
  ['lib/ExitIds.sol', 'uint160(uint256(txHash) >> 89)', 'uint160(uint256(txHash) >> 105)'],
  ['lib/ExitIds.sol', '<< 224 |', '<< 214 |'],
  ['lib/ExitIds.sol', '<< 168 |', '<< 160 |'],
  [
    'lib/ExitIds.sol',
    `standard(bytes32 output) internal pure returns (uint160) {
        return uint160(uint256(output) >> 89);`,
    `standard(bytes memory raw, uint256 position) internal pure returns (uint160) {
        bytes32 hash = Positions.isDeposit(position)
            ? keccak256(abi.encodePacked(raw, position))
            : keccak256(raw);
        return uint160((uint256(hash) >> 105) | (uint256(Positions.outputIndex(position)) << 152));`,
  ],
  [
    'exits/StandardExits.sol',
    'ExitIds.standard(ExitIds.outputId(isDeposit, txBytes, utxoPos))',
    'ExitIds.standard(txBytes, utxoPos)',
  ],
  ['exits/StandardExits.sol', 'ExitIds.standard(outputId)', 'ExitIds.standard(raw, position)'],
  [
    'exits/StandardExits.sol',
    'uint160 exitId, uint256 utxoPos, bytes outputTx);',
    'uint160 exitId);',
  ],
  [
    'exits/StandardExits.sol',
    'ExitStarted(msg.sender, exitId, position, raw)',
    'ExitStarted(msg.sender, exitId)',
  ],
  ['exits/StandardExits.sol', '        uint256 bountySize;\n    }', '    }'],
  [
    'exits/StandardExits.sol',
    'bondSize: record.bond,\n                bountySize: record.bounty',
    'bondSize: record.bond',
  ],
  ['exits/InFlightRecords.sol', '        uint256 bountySize;\n', ''],
  [
    'exits/InFlightRecords.sol',
    'piggybackBondSize: side.bond,\n            bountySize: side.bounty',
    'piggybackBondSize: side.bond',
  ],
  [
    'exits/InFlightExits.sol',
    `bytes32 indexed txHash,
        bytes inFlightTx,
        uint256[] inputUtxosPos,
        bytes[] inFlightTxWitnesses,
        bytes[] inputTxs
    );`,
    'bytes32 indexed txHash\n    );',
  ],
  [
    'exits/InFlightExits.sol',
    `keccak256(args.inFlightTx),
            args.inFlightTx,
            args.inputUtxosPos,
            args.inFlightTxWitnesses,
            args.inputTxs
        );`,
    'keccak256(args.inFlightTx)\n        );',
  ],
  [
    'exits/InFlightChallenges.sol',
    `uint256 challengeTxPosition,
        uint16 inFlightTxInputIndex,
        bytes challengeTx,
        uint16 challengeTxInputIndex,
        bytes challengeTxWitness
    );`,
    'uint256 challengeTxPosition\n    );',
  ],
  [
    'exits/InFlightChallenges.sol',
    `txHash,
            position,
            args.inFlightTxInputIndex,
            competing,
            args.competingTxInputIndex,
            args.competingTxWitness
        );`,
    'txHash,\n            position\n        );',
  ],
  [
    'exits/InFlightProcessing.sol',
    '    event InFlightExitFinalized(uint160 indexed exitId);\n',
    '',
  ],
  ['exits/InFlightProcessing.sol', '            emit InFlightExitFinalized(exitId);\n', ''],
  [
    'framework/ExitQueues.sol',
    'ProcessedExitsNum(uint256 processedNum, uint256 indexed vaultId, address indexed token)',
    'ProcessedExitsNum(uint256 processedNum, uint256 vaultId, address token)',
  ],
  ['framework/Blocks.sol', '        emit AuthorityChanged(newAuthority);\n', ''],
  ['lib/TypedData.sol', 'keccak256("2")', 'keccak256("1")'],
  [
    'lib/TypedData.sol',
    'uint256 txType,Input[] inputs,Output[] outputs,',
    `uint256 txType,${members('Input', 'input')},${members('Output', 'output')},`,
  ],
  ...['input', 'output'].map((name) => [
    'lib/TypedData.sol',
    `bytes32[] memory ${name}s = new bytes32[](payment.${name}s.length);
        for (uint256 i = 0; i < ${name}s.length; ++i) {`,
    `bytes32[] memory ${name}s = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) ${name}s[i] = ${
          name === 'input'
            ? 'keccak256(abi.encode(INPUT_TYPE, 0, 0, 0))'
            : 'keccak256(abi.encode(OUTPUT_TYPE, 0, bytes20(0), address(0), 0))'
        };
        for (uint256 i = 0; i < payment.${name}s.length; ++i) {`,
  ]),
  [
    'lib/TypedData.sol',
    `abi.encode(
                TRANSACTION_TYPE,
                uint256(1),
                keccak256(abi.encodePacked(inputs)),
                keccak256(abi.encodePacked(outputs)),`,
    `abi.encodePacked(
                TRANSACTION_TYPE,
                uint256(1),
                inputs,
                outputs,`,
  ],
];

function members(type, name) {
  return [0, 1, 2, 3].map((i) => `${type} ${name}${i}`).join(',');
}

/** Writes the sources of that version into a folder, made from ours. */
export function writeV1(from, into) {
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into, { recursive: true });
  cpSync(from, into, { recursive: true });
  const texts = new Map();
  for (const name of readdirSync(into, { recursive: true }))
    if (name.endsWith('.sol'))
      texts.set(name, readFileSync(join(into, name), 'utf8').replaceAll('uint168', 'uint160'));
  for (const [name, ours, theirs] of DIFFERENCES) {
    const text = texts.get(name);
    if (text.split(ours).length !== 2) throw new Error(`${name} has not once: ${ours}`);
    texts.set(
      name,
      text.replace(ours, () => theirs),
    );
  }
  for (const [name, text] of texts) writeFileSync(join(into, name), text);
}
