/**
 * Transactions of the child chain, and their one encoding (RLP):
 * payment [1, inputs, outputs, 0, metadata], fee claim [3, [output], nonce]; signed, the list begins
 * with the signatures. A deposit is a payment without inputs. What decodes is well formed; whether it
 * may be executed is judged in `rules/`.
 */
import { concat, type Refusal, refuse } from '@palisade/core';
import { keccak256 } from '@palisade/core/crypto';
import { decodeRlp, encodeRlp, type RlpItem } from '@palisade/formats';
import type { Dialect } from '../dialect/dialect.ts';
import { minimalOf, numberOf, WORD, wordOf } from './integers.ts';
import { isPosition, type Position } from './position.ts';

/** First member of a transaction. */
export const TX_TYPE = { payment: 1, fee: 3 } as const;
/** First member of an output: who may make it. */
export const OUTPUT_TYPE = { payment: 1, fee: 2 } as const;

/** Money of one token in one hand. */
export type Output = {
  readonly type: number;
  /** 20 bytes. */
  readonly owner: Uint8Array;
  /** 20 bytes; zero for ether. */
  readonly token: Uint8Array;
  /** Base units, below 2^256. */
  readonly amount: bigint;
};

/** Spends outputs and makes others; a deposit spends none. */
export type Payment = {
  readonly type: typeof TX_TYPE.payment;
  readonly inputs: readonly Position[];
  readonly outputs: readonly Output[];
  /** 32 bytes that mean what the users of a wallet agree on. */
  readonly metadata: Uint8Array;
};

/** Pays the fees of one token in a block to its claimer; comes after all payments. */
export type FeeClaim = {
  readonly type: typeof TX_TYPE.fee;
  readonly outputs: readonly [Output];
  /** 32 bytes: keccak256 of block number and token, each as a word. */
  readonly nonce: Uint8Array;
};

/** Whatever can be in a child block. */
export type Transaction = Payment | FeeClaim;

/** A transaction with its signatures, one per input and in their order; a fee claim has none. */
export type Signed<T extends Transaction = Transaction> = {
  readonly transaction: T;
  readonly signatures: readonly Uint8Array[];
  /** The encoding without signatures: what is hashed, proven and put into blocks' trees. */
  readonly raw: Uint8Array;
};

/** r, s and v. */
export const SIGNATURE_BYTES = 65;
const ADDRESS_BYTES = 20;
/** Bytes of a signed transaction at most: 5 signatures, inputs and outputs of full size take 1 003. */
export const MAX_TX_BYTES = 1_024;
/** A signed transaction, its five members, 5 signatures, 5 inputs, and 5 outputs of six items each. */
const BOUNDS = { maxBytes: MAX_TX_BYTES, maxDepth: 4, maxItems: 64 };

/** What is wrong with bytes: names as in the reference, which its clients know. */
export function malformed(name: string, why: string): Refusal {
  return refuse(`payments/${name}`, `The transaction cannot be read: ${why}.`);
}

/** Left behind by the first reader that finds something wrong; never leaves this file. */
class Malformed extends Error {
  readonly refusal: Refusal;
  constructor(name: string, why: string) {
    super(why);
    this.refusal = malformed(name, why);
  }
}

function bytesOf(item: RlpItem | undefined, name: string, length?: number): Uint8Array {
  if (!(item instanceof Uint8Array)) throw new Malformed(name, 'a list stands where bytes belong');
  if (length !== undefined && item.length !== length)
    throw new Malformed(name, `${item.length} bytes stand where ${length} belong`);
  return item;
}

function listOf(item: RlpItem | undefined, name: string, max: number): readonly RlpItem[] {
  if (item === undefined || item instanceof Uint8Array)
    throw new Malformed(name, 'bytes stand where a list belongs');
  if (item.length > max) throw new Malformed(name, `${item.length} entries, at most ${max} can be`);
  return item;
}

function integerOf(item: RlpItem | undefined, name: string): bigint {
  const bytes = bytesOf(item, name);
  if (bytes.length > WORD) throw new Malformed(name, 'a number has more than 32 bytes');
  if (bytes[0] === 0) throw new Malformed(name, 'a number begins with a zero');
  return numberOf(bytes);
}

function readInput(dialect: Dialect, item: RlpItem): Position {
  const position = numberOf(bytesOf(item, 'malformed_inputs', WORD));
  if (!isPosition(dialect, position))
    throw new Malformed('malformed_inputs', `${position} is the position of no output`);
  return position;
}

function readOutput(item: RlpItem): Output {
  const name = 'malformed_outputs';
  const [type, data, ...more] = listOf(item, name, 2);
  const [owner, token, amount] = listOf(data, name, 3);
  const value = integerOf(type, name);
  if (more.length > 0 || value === 0n || value > 0xffffn)
    throw new Malformed('unrecognized_output_type', `there is no output type ${value}`);
  const output = {
    type: Number(value),
    owner: bytesOf(owner, name, ADDRESS_BYTES),
    token: bytesOf(token, name, ADDRESS_BYTES),
    amount: integerOf(amount, name),
  };
  if (isZero(output.owner))
    throw new Malformed('output_guard_cant_be_zero', 'an output belongs to nobody');
  return output;
}

/** Whether all bytes are zero. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function readPayment(dialect: Dialect, items: readonly RlpItem[]): Payment {
  const [, inputs, outputs, txData, metadata] = items;
  if (items.length !== 5)
    throw new Malformed('malformed_transaction', `a payment has 5 members, not ${items.length}`);
  const payment: Payment = {
    type: TX_TYPE.payment,
    inputs: listOf(inputs, 'malformed_inputs', dialect.maxInputs).map((item) =>
      readInput(dialect, item),
    ),
    outputs: listOf(outputs, 'malformed_outputs', dialect.maxOutputs).map(readOutput),
    metadata: bytesOf(metadata, 'malformed_metadata', WORD),
  };
  if (payment.outputs.length === 0) throw new Malformed('empty_outputs', 'it has no outputs');
  if (integerOf(txData, 'malformed_tx_data') !== 0n)
    throw new Malformed('malformed_tx_data', 'its data field is not zero');
  return payment;
}

function readFeeClaim(items: readonly RlpItem[]): FeeClaim {
  const [, outputs, nonce] = items;
  if (items.length !== 3)
    throw new Malformed('malformed_transaction', `a fee claim has 3 members, not ${items.length}`);
  const [output] = listOf(outputs, 'malformed_outputs', 1).map(readOutput);
  if (!output) throw new Malformed('empty_outputs', 'it has no output');
  return { type: TX_TYPE.fee, outputs: [output], nonce: bytesOf(nonce, 'malformed_nonce', WORD) };
}

function readTransaction(dialect: Dialect, items: readonly RlpItem[]): Transaction {
  const type = integerOf(items[0], 'malformed_transaction');
  if (type === BigInt(TX_TYPE.payment)) return readPayment(dialect, items);
  if (type === BigInt(TX_TYPE.fee)) return readFeeClaim(items);
  throw new Malformed('unrecognized_transaction_type', `there is no transaction type ${type}`);
}

function attempt<T>(bytes: Uint8Array, read: (items: readonly RlpItem[]) => T): T | Refusal {
  let item: RlpItem;
  try {
    item = decodeRlp(bytes, BOUNDS);
  } catch (error) {
    return malformed('malformed_transaction_rlp', (error as Error).message.replace(/\.$/, ''));
  }
  try {
    return read(listOf(item, 'malformed_transaction', 6));
  } catch (error) {
    if (error instanceof Malformed) return error.refusal;
    throw error;
  }
}

/** The transaction that bytes without signatures stand for, or why they stand for none. */
export function decodeTransaction(dialect: Dialect, raw: Uint8Array): Transaction | Refusal {
  return attempt(raw, (items) => readTransaction(dialect, items));
}

/** The signed transaction that bytes stand for, or why they stand for none. */
export function decodeSigned(dialect: Dialect, bytes: Uint8Array): Signed | Refusal {
  return attempt(bytes, ([signatures, ...members]) => {
    const transaction = readTransaction(dialect, members);
    const signed = listOf(signatures, 'malformed_witnesses', dialect.maxInputs);
    return {
      transaction,
      signatures: signed.map((item) => bytesOf(item, 'malformed_witnesses', SIGNATURE_BYTES)),
      raw: encodeRlp(members),
    };
  });
}

function outputItem({ type, owner, token, amount }: Output): RlpItem {
  return [minimalOf(BigInt(type)), [owner, token, minimalOf(amount)]];
}

const NOTHING = new Uint8Array();

function members(transaction: Transaction): readonly RlpItem[] {
  const type = Uint8Array.of(transaction.type);
  const outputs = transaction.outputs.map(outputItem);
  if (transaction.type === TX_TYPE.fee) return [type, outputs, transaction.nonce];
  return [type, transaction.inputs.map(wordOf), outputs, NOTHING, transaction.metadata];
}

/** Canonical bytes without signatures. */
export function encodeTransaction(transaction: Transaction): Uint8Array {
  return encodeRlp(members(transaction));
}

/** Canonical bytes with signatures. */
export function encodeSigned(
  transaction: Transaction,
  signatures: readonly Uint8Array[],
): Uint8Array {
  return encodeRlp([signatures, ...members(transaction)]);
}

/** A transaction's hash, 32 bytes: of the bytes without signatures. */
export function hashOf(raw: Uint8Array): Uint8Array {
  return keccak256(raw);
}

/** What a deposit of `amount` is on the child chain: the one transaction of its block. */
export function depositOf(owner: Uint8Array, token: Uint8Array, amount: bigint): Payment {
  const output = { type: OUTPUT_TYPE.payment, owner, token, amount };
  return { type: TX_TYPE.payment, inputs: [], outputs: [output], metadata: new Uint8Array(WORD) };
}

/** The claim of what a block collected in one token. */
export function feeClaimOf(
  blknum: number,
  claimer: Uint8Array,
  token: Uint8Array,
  amount: bigint,
): FeeClaim {
  const output = { type: OUTPUT_TYPE.fee, owner: claimer, token, amount };
  return { type: TX_TYPE.fee, outputs: [output], nonce: feeNonce(blknum, token) };
}

/** What makes the claims of different blocks differ. */
export function feeNonce(blknum: number, token: Uint8Array): Uint8Array {
  const padded = new Uint8Array(WORD);
  padded.set(token, WORD - token.length);
  return keccak256(concat(wordOf(BigInt(blknum)), padded));
}
