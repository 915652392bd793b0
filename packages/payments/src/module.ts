/** The table of payments. */
import type { Module } from '@palisade/chain';
import { reportRootHandler } from './commands/report-root.ts';
import { submitPaymentHandler } from './commands/submit.ts';
import { paymentEvents } from './events.ts';
import { beginBlock, closeWhenDue } from './forming.ts';
import { paymentInvariants } from './invariants.ts';
import { checkedParams, params, paymentsParams } from './params.ts';
import { paymentQueries } from './queries.ts';
import { agreed, applyAgreed, NOTHING_AGREED, nextEvent } from './root-event.ts';
import { CHILD_BLOCKS } from './state.ts';

export const paymentsModule: Module = {
  name: 'payments',
  provenStores: [CHILD_BLOCKS],
  commands: [submitPaymentHandler, reportRootHandler],
  queries: paymentQueries,
  events: paymentEvents,
  invariants: paymentInvariants,
  hooks: {
    // A chain whose genesis document says nothing of payments has none.
    genesis({ state }, json) {
      if (json === undefined) return;
      params.set(state, [], checkedParams(paymentsParams.fromJson(json, 'payments')));
      nextEvent.set(state, [], 0n);
      agreed.set(state, [], NOTHING_AGREED);
      beginBlock(state, 1n);
    },
    blockEnd(ctx) {
      if (!params.has(ctx.state)) return;
      closeWhenDue(ctx);
      // Credited and locked for the blocks after this one.
      applyAgreed(ctx);
    },
  },
};
