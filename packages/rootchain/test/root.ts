/** A root chain with the contracts on it, and what people do there, in the words of the protocol. */

import { fromHex, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import {
  depositOf,
  encodeTransaction,
  type Payment,
  paymentDomain,
  signingDigest,
  v2,
} from '@palisade/payments/schema';
import { encodeFunctionData, type Hex } from 'viem';
import { type HDAccount, mnemonicToAccount } from 'viem/accounts';
import {
  type Anvil,
  bindings,
  createSender,
  deploy,
  httpRpc,
  type Receipt,
  type RootContracts,
  type Sender,
  startAnvil,
} from '../src/index.ts';

/** The mnemonic that development nodes of Ethereum share; its accounts hold nothing anywhere else. */
const MNEMONIC = 'test test test test test test test test test test test junk';
export const GWEI = 1_000_000_000n;

export type Root = {
  readonly anvil: Anvil;
  readonly contracts: RootContracts;
  readonly operator: Sender;
  readonly bound: ReturnType<typeof bindings>;
  /** A sender of account number `index`. */
  sender(index: number): Sender;
  mine(blocks: number): Promise<void>;
  stop(): Promise<void>;
};

const accounts = new Map<number, HDAccount>();
/** Derived once: that is slow on purpose. */
export function account(index: number): HDAccount {
  const known = accounts.get(index) ?? mnemonicToAccount(MNEMONIC, { addressIndex: index });
  accounts.set(index, known);
  return known;
}
export const secretOf = (index: number): Uint8Array => account(index).getHdKey().privateKey!;
export const hex = (bytes: Uint8Array): Hex => toHex(bytes) as Hex;
export const bytes = (text: string): Uint8Array => fromHex(text);

export function senderOf(url: string, index: number): Sender {
  return createSender({
    rpc: httpRpc({ urls: [url] }),
    account: account(index),
    chainId: 31_337,
    maxFeePerGas: 1000n * GWEI,
    receiptPollMs: 5,
    firstPauseMs: 5,
  });
}

/** `minExitPeriodS` seconds; blocks come with transactions. Account 0 is operator and maintainer. */
export async function startRoot(minExitPeriodS = 600n): Promise<Root> {
  const anvil = await startAnvil({ accounts: 6 });
  const operator = senderOf(anvil.url, 0);
  const contracts = await deploy({
    sender: operator,
    chainId: 31_337,
    minExitPeriodS,
    authority: { account: operator.address },
  });
  return {
    anvil,
    contracts,
    operator,
    bound: bindings(contracts),
    sender: (index) => senderOf(anvil.url, index),
    mine: async (blocks) => void (await anvil.control('anvil_mine', `0x${blocks.toString(16)}`)),
    stop: () => anvil.stop(),
  };
}

/** Throws unless the transaction was mined and did not revert. */
export async function mined(outcome: ReturnType<Sender['send']>): Promise<Receipt> {
  const done = await outcome;
  if (done.kind !== 'mined')
    throw new Error(
      `not mined but ${JSON.stringify(done, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`,
    );
  return done.receipt;
}

export const ETHER = new Uint8Array(20);

/** The bytes of a deposit. */
export function depositTx(owner: Hex, amount: bigint): Uint8Array {
  return encodeTransaction(depositOf(bytes(owner), ETHER, amount));
}

export function payment(
  inputs: readonly bigint[],
  to: readonly (readonly [owner: Hex, amount: bigint])[],
): { readonly payment: Payment; readonly raw: Uint8Array } {
  const made: Payment = {
    type: 1,
    inputs,
    outputs: to.map(([owner, amount]) => ({ type: 1, owner: bytes(owner), token: ETHER, amount })),
    metadata: new Uint8Array(32),
  };
  return { payment: made, raw: encodeTransaction(made) };
}

export function signPayment(framework: Hex, made: Payment, index: number): Hex {
  const digest = signingDigest(paymentDomain(v2, bytes(framework)), made);
  return hex(secp256k1.sign(digest, secretOf(index)));
}

export function depositCall(root: Root, owner: Hex, amount: bigint) {
  return {
    to: root.contracts.ethVault,
    value: amount,
    data: encodeFunctionData({
      ...root.bound.ethVault,
      functionName: 'deposit',
      args: [hex(depositTx(owner, amount))],
    }),
  };
}

export function submitCall(root: Root, blockRoot: Hex) {
  return {
    to: root.contracts.framework,
    data: encodeFunctionData({
      ...root.bound.framework,
      functionName: 'submitBlock',
      args: [blockRoot],
    }),
  };
}
