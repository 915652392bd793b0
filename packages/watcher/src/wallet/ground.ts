/** What a wallet stands on: its watcher, the contracts, and an account on the root chain. */
import { PalisadeError, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import { paymentDomain, v2 } from '@palisade/payments';
import {
  bindings,
  createSender,
  httpRpc,
  publicClient,
  type RootContracts,
  type Sender,
} from '@palisade/rootchain';
import type { Address, Hex, PublicClient } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type * as z from 'zod';
import { askWatcher } from './ask.ts';
import * as shapes from './shapes.ts';

export type WalletOptions = {
  /** Base URL of the watcher's API. */
  readonly watcher: string;
  /** RPC address of the root chain. */
  readonly rootChain: string;
  /** secp256k1 secret of the account, 32 bytes; without one it only looks. */
  readonly secret?: Uint8Array;
  readonly signal?: AbortSignal;
};

/** 2000 gwei: more than the root chain has ever asked for long. */
const MAX_FEE_PER_GAS = 2_000n * 10n ** 9n;
const RECEIPT_POLL_MS = 250;

/** By this name, because the type behind it is too long to be written out. */
export interface Client extends PublicClient {}

export type Ground = Awaited<ReturnType<typeof openGround>>;

/** @throws PalisadeError `wallet/no-watcher`, `wallet/bad-answer` */
export async function openGround({ watcher, rootChain, secret, signal }: WalletOptions) {
  const ask = <T>(method: string, body: unknown, answer: z.ZodType<T>) =>
    askWatcher(watcher, method, body, answer);
  const rpc = httpRpc({ urls: [rootChain] });
  const client: Client = publicClient(rpc, signal ? { signal } : {});
  const { contract_addr: at } = await ask('status.get', {}, shapes.contractsOf);
  const contracts: RootContracts = {
    chainId: await client.getChainId(),
    deployedAt: 0n,
    framework: at.plasma_framework,
    ethVault: at.eth_vault,
    erc20Vault: at.erc20_vault,
    exitGame: at.payment_exit_game,
  };
  const domain = paymentDomain(v2, shapes.bytesOf(contracts.framework));
  let sender: Sender | undefined;

  const needSecret = (): Uint8Array => {
    if (secret) return secret;
    throw new PalisadeError({ code: 'wallet/no-key', message: 'This needs an account key.' });
  };
  const address = () => toHex(secp256k1.addressOf(needSecret())) as Address;

  /** Sends to a contract. @throws PalisadeError `wallet/refused`, `wallet/reverted` */
  const call = async (to: Address, data: Hex, value = 0n) => {
    sender ??= createSender({
      ...{ rpc, account: privateKeyToAccount(toHex(needSecret()) as Hex) },
      ...{ chainId: contracts.chainId, maxFeePerGas: MAX_FEE_PER_GAS },
      receiptPollMs: RECEIPT_POLL_MS,
      ...(signal ? { signal } : {}),
    });
    const outcome = await sender.send({ to, data, value });
    if (outcome.kind === 'mined') return outcome.receipt;
    if (outcome.kind === 'refused') {
      const { message, next } = outcome.refusal;
      throw new PalisadeError({
        code: 'wallet/refused',
        message: `The root chain does not take it: ${message}`,
        ...(next === undefined ? {} : { next }),
      });
    }
    throw new PalisadeError({
      code: 'wallet/reverted',
      message: `The transaction ${outcome.receipt.transactionHash} was ${outcome.kind}.`,
      next: 'It cost gas and changed nothing: something else came before it. Look again, and run it again if it is still wanted.',
    });
  };

  return { ask, client, contracts, domain, address, needSecret, call, ...bindings(contracts) };
}
