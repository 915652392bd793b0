/**
 * Every transaction pays its fee and uses up its nonce, also when its command is refused: a
 * refusal costs the network the same work (spec/ power chapter, P1).
 */
import { type KeyValueReader, type Opened, type Refusal, refuse, toHex } from '@palisade/core';
import { formatAmount } from '../format-amount.ts';
import type { Sender } from '../module/module.ts';
import { type ChainParams, params } from '../params.ts';
import type { State } from '../state/overlay.ts';
import { balanceOf, moduleAccount, transfer } from './ledger.ts';
import { nodeKeys, nonces } from './state.ts';

/** The pot into which the fees of a session go. */
export const FEE_POT = moduleAccount('fees');

/** Fee of a transaction of `size` bytes, base units. */
export function feeOf({ feeBase, feePerByte }: ChainParams, size: number): bigint {
  return feeBase + feePerByte * BigInt(size);
}

type Payable = { readonly nonce: bigint; readonly maxFee: bigint };

/** Who pays for a transaction. A revoked or unknown node key can send nothing. */
export function senderOf(state: KeyValueReader, opened: Opened): Sender | Refusal {
  if (opened.declaration.signer === 'account') return { account: opened.sender };
  const bound = nodeKeys.get(state, opened.sender);
  if (!bound)
    return refuse('accounts/unbound-node-key', `${toHex(opened.sender)} is bound to no account.`, {
      retry: 'later',
      next: 'Bind it with accounts.bind-node-key.',
    });
  if (bound.revoked === 1)
    return refuse(
      'accounts/revoked-node-key',
      `${toHex(opened.sender)} was revoked by its account.`,
    );
  return { account: bound.account, nodeKey: opened.sender };
}

function nextNonce(state: KeyValueReader, sender: Sender, lane: string): bigint {
  if (sender.nodeKey) return nodeKeys.need(state, sender.nodeKey).nonce;
  return nonces.get(state, sender.account, lane) ?? 0n;
}

/** Why a transaction cannot pay: then it leaves no trace at all. */
export function cannotPay(
  state: KeyValueReader,
  sender: Sender,
  opened: Opened,
): Refusal | undefined {
  const { nonce, maxFee } = opened.value as Payable;
  const expected = nextNonce(state, sender, opened.declaration.lane);
  if (nonce !== expected)
    return refuse(
      nonce < expected ? 'accounts/nonce-used' : 'accounts/nonce-gap',
      `The nonce is ${nonce}; the next one of this sender is ${expected}.`,
      {
        retry: nonce < expected ? 'never' : 'later',
        data: { expected },
        next: 'Sign again with the expected nonce.',
      },
    );
  const fee = feeOf(params.need(state), opened.size);
  if (maxFee < fee)
    return refuse(
      'accounts/fee-too-low',
      `The fee is ${formatAmount(fee)}; at most ${formatAmount(maxFee)} was offered.`,
      {
        data: { fee },
        next: `Offer a maxFee of at least ${fee} base units.`,
      },
    );
  const { free, held } = balanceOf(state, sender.account);
  const deposit = params.need(state).existentialDeposit;
  if (free < fee || free + held - fee < deposit)
    return refuse(
      'accounts/cannot-pay-fee',
      `${toHex(sender.account)} has ${formatAmount(free)} free; the fee is ${formatAmount(fee)}, and at least ${formatAmount(deposit)} must be left.`,
      { retry: 'later', next: 'Send it funds first.' },
    );
  return undefined;
}

/** Takes the fee and counts the nonce; the caller has asked `cannotPay`. Returns the fee. */
export function charge(state: State, sender: Sender, opened: Opened): bigint {
  const fee = feeOf(params.need(state), opened.size);
  transfer(state, sender.account, FEE_POT, fee);
  if (sender.nodeKey) {
    const bound = nodeKeys.need(state, sender.nodeKey);
    nodeKeys.set(state, [sender.nodeKey], { ...bound, nonce: bound.nonce + 1n });
  } else {
    const { lane } = opened.declaration;
    const nonce = nonces.get(state, sender.account, lane) ?? 0n;
    nonces.set(state, [sender.account, lane], nonce + 1n);
  }
  return fee;
}
