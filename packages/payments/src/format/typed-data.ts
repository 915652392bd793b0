/**
 * What the owner of an input signs: the payment as EIP-712 typed data of the root chain's framework
 * contract. The domain is the contracts', not this chain's own (`core/signing`).
 */
import { concat, toHex, utf8 } from '@palisade/core';
import { keccak256 } from '@palisade/core/crypto';
import type { Dialect } from '../dialect/dialect.ts';
import { WORD, writeWord } from './integers.ts';
import { type Position, placeOf } from './position.ts';
import type { Output, Payment } from './transaction.ts';

const DOMAIN_TYPE =
  'EIP712Domain(string name,string version,address verifyingContract,bytes32 salt)';
const DOMAIN_NAME = 'OMG Network';
/** The contracts' salt, in place of a chain id. */
const SALT = BigInt('0xfad5c7f626d80f9256ef01929f3beb96e058b8b4b0e3fe52d84f054c0e2a7a83');
const INPUT_TYPE = 'Input(uint256 blknum,uint256 txindex,uint256 oindex)';
const OUTPUT_TYPE =
  'Output(uint256 outputType,bytes20 outputGuard,address currency,uint256 amount)';

/** What signatures for one framework contract are made over. */
export type SigningDomain = {
  readonly dialect: Dialect;
  /** Address of the framework contract, 20 bytes. */
  readonly framework: Uint8Array;
  readonly separator: Uint8Array;
};

/** The signing domain of a framework contract (its address, 20 bytes). */
export function paymentDomain(dialect: Dialect, framework: Uint8Array): SigningDomain {
  const contract = new Uint8Array(WORD);
  contract.set(framework, WORD - framework.length);
  const salt = new Uint8Array(WORD);
  writeWord(salt, 0, SALT);
  const hashes = [DOMAIN_TYPE, DOMAIN_NAME, dialect.typedData.version].map(hashText);
  return { dialect, framework, separator: keccak256(concat(...hashes, contract, salt)) };
}

function hashText(text: string): Uint8Array {
  return keccak256(utf8(text));
}

const INPUT_HASH = hashText(INPUT_TYPE);
const OUTPUT_HASH = hashText(OUTPUT_TYPE);

/** Where structs are laid out to be hashed. */
const inputWords = concat(INPUT_HASH, new Uint8Array(3 * WORD));
const outputWords = concat(OUTPUT_HASH, new Uint8Array(4 * WORD));

function hashInput(position: Position): Uint8Array {
  const { blknum, txindex, oindex } = placeOf(position);
  writeWord(inputWords, WORD, BigInt(blknum));
  writeWord(inputWords, 2 * WORD, BigInt(txindex));
  writeWord(inputWords, 3 * WORD, BigInt(oindex));
  return keccak256(inputWords);
}

function hashOutput({ type, owner, token, amount }: Output): Uint8Array {
  writeWord(outputWords, WORD, BigInt(type));
  outputWords.fill(0, 2 * WORD, 4 * WORD);
  // `bytes20` stands at the left of its word, `address` at the right.
  outputWords.set(owner, 2 * WORD);
  outputWords.set(token, 4 * WORD - token.length);
  writeWord(outputWords, 4 * WORD, amount);
  return keccak256(outputWords);
}

const EMPTY_INPUT = hashInput(0n);
const NOBODY = new Uint8Array(20);
const EMPTY_OUTPUT = hashOutput({ type: 0, owner: NOBODY, token: NOBODY, amount: 0n });

const NO_PLACE = placeOf(0n);
const NO_OUTPUT = {
  outputType: 0,
  outputGuard: toHex(NOBODY),
  currency: toHex(NOBODY),
  amount: 0n,
};

/** Inputs and outputs as wallets write them in JSON. */
type Place = ReturnType<typeof placeOf>;
type PlainOutput = typeof NO_OUTPUT;

/** How a dialect writes the inputs and outputs into the struct. */
type Members = {
  /** The members that wallets see. */
  plain(
    inputs: readonly Place[],
    outputs: readonly PlainOutput[],
    dialect: Dialect,
  ): Readonly<Record<string, unknown>>;
  /** The struct's fields between type and data. */
  declare(dialect: Dialect): string;
  /** The words that stand for the hashes of a member's entries. */
  words(hashes: readonly Uint8Array[], empty: Uint8Array, max: number): readonly Uint8Array[];
};

const numbered = (kind: string, name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${kind} ${name}${i}`).join(',');

const filled = <T>(name: string, entries: readonly T[], empty: T, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}${i}`, entries[i] ?? empty]));

const MEMBERS: Readonly<Record<Dialect['typedData']['members'], Members>> = {
  numbered: {
    plain: (inputs, outputs, { maxInputs, maxOutputs }) => ({
      ...filled('input', inputs, NO_PLACE, maxInputs),
      ...filled('output', outputs, NO_OUTPUT, maxOutputs),
    }),
    declare: ({ maxInputs, maxOutputs }) =>
      `${numbered('Input', 'input', maxInputs)},${numbered('Output', 'output', maxOutputs)}`,
    words: (hashes, empty, max) => [
      ...hashes,
      ...Array.from({ length: max - hashes.length }, () => empty),
    ],
  },
  lists: {
    plain: (inputs, outputs) => ({ inputs, outputs }),
    declare: () => 'Input[] inputs,Output[] outputs',
    words: (hashes) => [keccak256(concat(...hashes))],
  },
};

/** Name and type of a struct's fields, from the text that is hashed for it. */
function fieldsOf(type: string): readonly { readonly name: string; readonly type: string }[] {
  return type
    .slice(type.indexOf('(') + 1, type.indexOf(')'))
    .split(',')
    .map((field) => field.split(' '))
    .map(([kind, name]) => ({ name: name!, type: kind! }));
}

/** The typed data that wallets show and sign, in JSON's members: integers are numbers or bigints, bytes are hex. */
export function typedDataOf(
  { dialect, framework }: SigningDomain,
  { type, inputs, outputs, metadata }: Payment,
) {
  const plain = outputs.map(({ type: outputType, owner, token, amount }) => ({
    ...{ outputType, outputGuard: toHex(owner), currency: toHex(token), amount },
  }));
  return {
    domain: {
      name: DOMAIN_NAME,
      version: dialect.typedData.version,
      verifyingContract: toHex(framework),
      salt: `0x${SALT.toString(16)}`,
    },
    types: {
      EIP712Domain: fieldsOf(DOMAIN_TYPE),
      Transaction: fieldsOf(structOf(dialect)),
      Input: fieldsOf(INPUT_TYPE),
      Output: fieldsOf(OUTPUT_TYPE),
    },
    primaryType: 'Transaction',
    message: {
      txType: type,
      ...MEMBERS[dialect.typedData.members].plain(inputs.map(placeOf), plain, dialect),
      ...{ txData: 0, metadata: toHex(metadata) },
    },
  };
}

function structOf(dialect: Dialect): string {
  const fields = MEMBERS[dialect.typedData.members].declare(dialect);
  return `Transaction(uint256 txType,${fields},uint256 txData,bytes32 metadata)`;
}

const typeHashes = new Map<Dialect, Uint8Array>();

function typeHashOf(dialect: Dialect): Uint8Array {
  const known = typeHashes.get(dialect);
  if (known) return known;
  const hash = hashText(`${structOf(dialect)}${INPUT_TYPE}${OUTPUT_TYPE}`);
  typeHashes.set(dialect, hash);
  return hash;
}

const ZERO_WORD = new Uint8Array(WORD);
const PREFIX = Uint8Array.of(0x19, 0x01);

/** The 32 bytes that the owner of every input signs. */
export function signingDigest({ dialect, separator }: SigningDomain, payment: Payment): Uint8Array {
  const { words } = MEMBERS[dialect.typedData.members];
  const type = new Uint8Array(WORD);
  type[WORD - 1] = payment.type;
  const struct = keccak256(
    concat(
      typeHashOf(dialect),
      type,
      ...words(payment.inputs.map(hashInput), EMPTY_INPUT, dialect.maxInputs),
      ...words(payment.outputs.map(hashOutput), EMPTY_OUTPUT, dialect.maxOutputs),
      ZERO_WORD,
      payment.metadata,
    ),
  );
  return keccak256(concat(PREFIX, separator, struct));
}
