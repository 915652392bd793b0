/**
 * Bonds of collators: held on the owner's account, one purpose per node key. What a collator that
 * has gone had put up stays held, and can be slashed, until the unbonding time is over.
 */
import { type BlockContext, bytesKey, collection, release, u64Key } from '@palisade/chain';
import { address, type KeyValueReader, record, toHex, u128 } from '@palisade/core';
import { bondFreed } from '../events.ts';
import { params } from '../params.ts';
import type { Collator } from './collator.ts';

/** Purpose under which a collator's bond is held on its owner's account. */
export function bondPurpose(nodeKey: Uint8Array): string {
  return `power.bond/${toHex(nodeKey).slice(2, 42)}`;
}

export const endedBondRecord = record('EndedBond', { account: address, amount: u128 });

/** Bonds of registrations that have ended: node key, generation. */
export const endedBonds = collection({
  store: 'power',
  name: 'ended-bond',
  key: [bytesKey(32), u64Key],
  value: endedBondRecord,
});

/** When they are free: session, node key; the value is the generation. */
export const bondsDue = collection({
  store: 'power',
  name: 'bond-due',
  key: [u64Key, bytesKey(32), u64Key],
  value: u128.is('What it was when it ended, base units'),
});

/** Puts the bond of a registration that ends into the queue. */
export function beginUnbonding(
  { state, session }: BlockContext,
  nodeKey: Uint8Array,
  { account, bond, generation }: Collator,
): void {
  if (bond === 0n) return;
  const due = session.number + BigInt(params.need(state).unbondingSessions);
  endedBonds.set(state, [nodeKey, BigInt(generation)], { account, amount: bond });
  bondsDue.set(state, [due, nodeKey, BigInt(generation)], bond);
}

/** Frees the bonds whose time is over: called at the end of each session, after slashes. */
export function freeBonds(ctx: BlockContext): void {
  const { state, session } = ctx;
  for (const [[due, nodeKey, generation]] of [...bondsDue.list(state)]) {
    if (due > session.number) break;
    bondsDue.delete(state, due, nodeKey, generation);
    const ended = endedBonds.get(state, nodeKey, generation);
    if (!ended) continue;
    endedBonds.delete(state, nodeKey, generation);
    if (ended.amount === 0n) continue;
    release(state, ended.account, bondPurpose(nodeKey), ended.amount);
    ctx.emit(bondFreed, { collator: nodeKey, account: ended.account, amount: ended.amount });
  }
}

/** What may stand in for a bond: stake that others bring, as the mesh does. It adds no weight to the draw. */
export type VirtualStake = (state: KeyValueReader, nodeKey: Uint8Array) => bigint;
