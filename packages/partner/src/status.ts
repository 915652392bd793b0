/** What `/status`, `/ready` and the gauges tell of a partner. */
import { toHex } from '@palisade/core';
import type { Live } from './live.ts';
import { workingValidators } from './network.ts';
import type { Parts } from './parts.ts';

/** Damaged contents listed at most: a page for people. */
const MAX_LISTED = 100;

export function statusOf(parts: Parts, url: string, live: Live | undefined) {
  const { signer, store, room, offers, terms } = parts;
  const reason = live ? live.speakers.closedReason() : 'not connected yet';
  return {
    nodeKey: toHex(signer.id),
    account: live ? toHex(live.account) : null,
    genesisHash: live ? toHex(live.domain.genesisHash) : null,
    url,
    accepting: reason === undefined,
    reason: reason ?? null,
    price: terms.price,
    freeBytes: room.free(),
    storage: store.usage(),
    agreements: countStates(parts),
    offers: offers.count,
    session: live?.session() ?? null,
    damaged: damagedContents(parts),
    validators: {
      known: live ? workingValidators(live.network).length : 0,
      reached: live?.speakers.announcer.reached ?? 0,
      streams: live?.speakers.notices.open ?? 0,
    },
    work: workOf(live),
    sectors: live?.miner?.status ?? null,
  };
}

/** What a validator said when work was asked for last. */
function workOf(live: Live | undefined) {
  const said = live?.speakers.seeker.last;
  if (!said) return null;
  const { reason, item, next, jobs, height } = said;
  return { height, jobs, reason, item, next };
}

/** Why no work can be had; undefined when all is well. A full disk is well: what is kept, earns. */
export function notReady(live: Live | undefined): string | undefined {
  if (!live) return 'no validator has answered yet';
  if (!live.speakers.announcer.isKnown) return 'no validator has a READY that still holds';
  if (live.speakers.notices.open === 0) return 'no stream of notices is open';
  return undefined;
}

export function setGauges(parts: Parts): void {
  const { metrics, room } = parts;
  for (const [state, count] of Object.entries(countStates(parts)))
    metrics.set('partner_agreements', count, { state });
  metrics.set('partner_free_bytes', room.free());
  metrics.set('partner_damaged_contents', damagedContents(parts).length);
  metrics.set('partner_accepting', room.fullReason() === undefined ? 1 : 0);
}

function countStates({ book, usage }: Parts) {
  const counts = { upload: 0, starting: 0, active: 0 };
  for (const { state } of [...book.all(), ...usage.all()]) if (state !== 'ended') counts[state]++;
  return counts;
}

/** Found by an audit, by a reader, or when the store was opened. */
function damagedContents({ store }: Parts) {
  return store
    .list()
    .flatMap(({ contentId, damage }) =>
      damage ? [{ contentId: toHex(contentId), why: damage.message }] : [],
    )
    .slice(0, MAX_LISTED);
}
