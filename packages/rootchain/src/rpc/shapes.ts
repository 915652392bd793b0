/** What answers of a root-chain node must look like, and the questions that are asked here. */
import type { Address, Hex } from 'viem';
import * as z from 'zod';
import type { Question } from './rpc.ts';

/** A JSON-RPC quantity: no leading zeros, at most 256 bits. */
export const quantity = z
  .string()
  .regex(/^0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})$/, 'not a quantity')
  .transform((text) => BigInt(text));
/** Whole bytes of any length. */
export const hexData = z
  .string()
  .regex(/^0x(?:[0-9a-fA-F]{2})*$/, 'not hex data')
  .transform((text) => text as Hex);
export const hash = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/, 'not a hash')
  .transform((text) => text.toLowerCase() as Hex);
export const addressOf = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'not an address')
  .transform((text) => text.toLowerCase() as Address);

export const blockHeader = z.object({
  number: quantity,
  hash,
  parentHash: hash,
  timestamp: quantity,
  /** Wei; absent before EIP-1559. */
  baseFeePerGas: quantity.optional(),
});
export type BlockHeader = z.output<typeof blockHeader>;

export const rawLog = z.object({
  address: addressOf,
  /** At most four by the EVM's instructions. */
  topics: z.array(hash).max(4),
  data: hexData,
  blockNumber: quantity,
  blockHash: hash,
  transactionHash: hash,
  transactionIndex: quantity,
  logIndex: quantity,
  removed: z.boolean().optional(),
});
export type RawLog = z.output<typeof rawLog>;

export const receipt = z.object({
  transactionHash: hash,
  blockNumber: quantity,
  blockHash: hash,
  status: quantity,
  gasUsed: quantity,
  effectiveGasPrice: quantity,
  contractAddress: addressOf.nullish().transform((value) => value ?? undefined),
});
/** A transaction's fate; `status` 1 is success, 0 a revert that cost its gas. */
export type Receipt = z.output<typeof receipt>;

const toHex = (value: bigint): Hex => `0x${value.toString(16)}`;

/** The head of the chain as the node sees it. */
export const headBlock: Question<BlockHeader> = {
  method: 'eth_getBlockByNumber',
  params: ['latest', false],
  result: blockHeader,
};

/** A block by its number; undefined beyond the node's head. */
export function blockAt(number: bigint): Question<BlockHeader | undefined> {
  return {
    method: 'eth_getBlockByNumber',
    params: [toHex(number), false],
    result: blockHeader
      .refine((block) => block.number === number, 'another block')
      .nullable()
      .transform((block) => block ?? undefined),
  };
}

/** Logs of a range of blocks, both ends included. At most 100,000: a batch has a few hundred. */
export function logsBetween(
  from: bigint,
  to: bigint,
  addresses: readonly Address[],
): Question<RawLog[]> {
  return {
    method: 'eth_getLogs',
    params: [{ fromBlock: toHex(from), toBlock: toHex(to), address: addresses }],
    result: z.array(rawLog).max(100_000),
  };
}

/** What a call of a contract would answer, in the state after a block of exactly this hash. */
export function callAt(to: Address, data: Hex, blockHash: Hex): Question<Hex> {
  return {
    method: 'eth_call',
    params: [
      { to, data },
      { blockHash, requireCanonical: true },
    ],
    result: hexData,
  };
}

/** The receipt of a transaction; undefined while it is in no block. */
export function receiptOf(transaction: Hex): Question<Receipt | undefined> {
  return {
    method: 'eth_getTransactionReceipt',
    params: [transaction],
    result: receipt
      .refine((value) => value.transactionHash === transaction, 'another transaction')
      .nullable()
      .transform((value) => value ?? undefined),
  };
}

/** How many transactions of the account are in blocks: the nonce that comes next. */
export function nonceOf(account: Address): Question<bigint> {
  return { method: 'eth_getTransactionCount', params: [account, 'latest'], result: quantity };
}

export function balanceOf(account: Address): Question<bigint> {
  return { method: 'eth_getBalance', params: [account, 'latest'], result: quantity };
}

export const chainIdQuestion: Question<bigint> = {
  method: 'eth_chainId',
  params: [],
  result: quantity,
};

/** What validators of the root chain ask for at present, wei of gas. */
export const tipQuestion: Question<bigint> = {
  method: 'eth_maxPriorityFeePerGas',
  params: [],
  result: quantity,
};

export type Call = {
  readonly from: Address;
  readonly to?: Address | undefined;
  readonly data?: Hex | undefined;
  readonly value?: bigint | undefined;
};

/** Gas that a transaction would take; refused when it would revert. */
export function gasOf({ from, to, data, value }: Call): Question<bigint> {
  return {
    method: 'eth_estimateGas',
    params: [
      {
        from,
        ...(to === undefined ? {} : { to }),
        ...(data === undefined ? {} : { data }),
        ...(value === undefined ? {} : { value: toHex(value) }),
      },
    ],
    result: quantity,
  };
}

/** Hands a signed transaction to the node. */
export function broadcast(signed: Hex): Question<Hex> {
  return { method: 'eth_sendRawTransaction', params: [signed], result: hash };
}
