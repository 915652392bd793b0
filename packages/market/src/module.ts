/** The market's table. */
import type { Module } from '@palisade/chain';
import type { Domain } from '@palisade/core';
import { answerAuditHandler } from './commands/answer.ts';
import { cancelHandler } from './commands/cancel.ts';
import { completeHandler, partnerCompleteHandler } from './commands/complete.ts';
import { renewHandler } from './commands/renew.ts';
import { requestHandler } from './commands/request.ts';
import { startHandler } from './commands/start.ts';
import { marketEvents } from './events.ts';
import { marketInvariants } from './invariants.ts';
import { closeJobFile } from './job-file.ts';
import { checkedParams, marketParams, params } from './params.ts';
import { openPayoutStore } from './payout.ts';
import { marketQueries } from './queries.ts';
import { closeSession } from './settlement.ts';

export function marketModule(domain: Domain): Module {
  return {
    name: 'market',
    provenStores: ['payouts'],
    commands: [
      requestHandler,
      startHandler(domain),
      answerAuditHandler,
      completeHandler(domain),
      partnerCompleteHandler(domain),
      cancelHandler,
      renewHandler,
    ],
    queries: marketQueries,
    events: marketEvents,
    invariants: marketInvariants,
    hooks: {
      genesis({ state }, json) {
        params.set(state, [], checkedParams(marketParams.fromJson(json ?? null, 'market')));
        openPayoutStore(state);
      },
      blockEnd: closeJobFile,
      sessionEnd: closeSession,
    },
  };
}
