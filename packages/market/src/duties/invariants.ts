/** Laws of complaints. */
import { heldFor, holds, type Invariant } from '@palisade/chain';
import { type KeyValueReader, toHex } from '@palisade/core';
import { complaintPurpose } from './complaint.ts';
import { COMPLAINT_STATE, complaints, openComplaints } from './records.ts';

type Sum = {
  readonly account: Uint8Array;
  readonly partner: Uint8Array;
  count: number;
  held: bigint;
};

/** Open complaints by partner. A partner's account never changes. */
function sumsOf(state: KeyValueReader): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const [[, , , partner], { account, deposit, state: at }] of complaints.list(state)) {
    if (at !== COMPLAINT_STATE.open) continue;
    const sum = sums.get(toHex(partner)) ?? { account, partner, count: 0, held: 0n };
    sum.count++;
    sum.held += deposit;
    sums.set(toHex(partner), sum);
  }
  return sums;
}

/** Every deposit is held on its account, and nothing is held that is no deposit. */
const depositsAreHeld: Invariant = {
  name: 'market: open complaints = what is counted, and what accounts hold for them',
  check(state) {
    const sums = sumsOf(state);
    let deposits = 0n;
    for (const { account, partner, count, held } of sums.values()) {
      deposits += held;
      const found = heldFor(state, account, complaintPurpose(partner));
      const counted = openComplaints.get(state, partner) ?? 0;
      if (found !== held || counted !== count)
        return `${toHex(partner)}: ${count} with ${held}, counted ${counted}, held ${found}`;
    }
    let held = 0n;
    for (const [[, key], amount] of holds.list(state))
      if (key.includes(':market.complaint/')) held += amount;
    if (held !== deposits) return `deposits add up to ${deposits}, holds to ${held}`;
    for (const [[partner]] of openComplaints.list(state))
      if (!sums.has(toHex(partner))) return `${toHex(partner)}: counted, and none is open`;
    return undefined;
  },
};

export const dutyInvariants: readonly Invariant[] = [depositsAreHeld];
