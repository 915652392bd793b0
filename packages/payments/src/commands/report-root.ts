import { handle, validators } from '@palisade/chain';
import { SEAT } from '@palisade/chain/schema';
import { command, list, type Refusal, refuse, u64 } from '@palisade/core';
import { isPosition } from '../format/position.ts';
import { domainOf, params } from '../params.ts';
import { nextEvent, noteReport, ROOT_EVENT, type RootEvent, rootEvent } from '../root-event.ts';
import { notSetUp } from '../rules/errors.ts';

/** Events of one report: more would not be sooner agreed, and a report stays below 16 KiB. */
const MAX_EVENTS = 64;

/** A validator's word on what happened on the root chain. */
export const reportRoot = command({
  name: 'payments.report-root',
  title: 'Report on the root chain',
  doc: 'Says what happened on the root chain, in the order of its logs.',
  signer: 'node',
  fields: {
    first: u64.is('Number of the first event; the root chain’s first is 0'),
    events: list(rootEvent, MAX_EVENTS),
  },
});

export const reportRootHandler = handle(reportRoot, {
  verify({ state, sender }, { first, events }) {
    if (validators.get(state, sender.nodeKey!)?.seat !== SEAT.active)
      return refuse(
        'payments/not-a-validator',
        'Only active validators report on the root chain: this key has no seat.',
        { retry: 'later' },
      );
    const settings = params.get(state);
    if (!settings) return notSetUp();
    const next = nextEvent.need(state);
    const end = first + BigInt(events.length);
    if (events.length === 0 || end <= next)
      return refuse('payments/nothing-new', `All events before ${next} are agreed on.`, {
        next: 'Report what comes after.',
        data: { next },
      });
    if (end > next + BigInt(settings.maxAhead))
      return refuse(
        'payments/too-far-ahead',
        `Event ${next} is the next to agree on; ${settings.maxAhead} can wait.`,
        { retry: 'later', data: { next } },
      );
    const { dialect } = domainOf(settings);
    for (const event of events) {
      const wrong = misshaped(event, (position) => isPosition(dialect, position));
      if (wrong) return wrong;
    }
    return undefined;
  },
  apply(ctx, { first, events }) {
    const next = nextEvent.need(ctx.state);
    for (const [i, event] of events.entries()) {
      const number = first + BigInt(i);
      if (number >= next) noteReport(ctx, ctx.sender.nodeKey!, number, event);
    }
  },
});

function misshaped(
  { kind, positions }: RootEvent,
  isPlace: (position: bigint) => boolean,
): Refusal | undefined {
  const several = kind === ROOT_EVENT.exitStarted || kind === ROOT_EVENT.exitEnded;
  const known = Object.values<number>(ROOT_EVENT).includes(kind);
  const count = positions.length;
  const distinct = new Set(positions).size === count;
  if (known && distinct && (several ? count > 0 : count === 1) && positions.every(isPlace))
    return undefined;
  return refuse(
    'payments/bad-report',
    `An event of kind ${kind} with ${count} positions is none of the root chain's.`,
  );
}
