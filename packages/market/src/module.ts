/** The market's table. */
import type { Module } from '@palisade/chain';
import type { Domain } from '@palisade/core';
import { answerAuditHandler } from './commands/answer.ts';
import { cancelHandler } from './commands/cancel.ts';
import { completeHandler, partnerCompleteHandler } from './commands/complete.ts';
import { fileVoucherHandler } from './commands/file-voucher.ts';
import { postBondHandler } from './commands/post-bond.ts';
import { renewHandler } from './commands/renew.ts';
import { requestHandler } from './commands/request.ts';
import { returnBondHandler } from './commands/return-bond.ts';
import { startHandler } from './commands/start.ts';
import { marketEvents } from './events.ts';
import { marketInvariants } from './invariants.ts';
import { closeJobFile } from './job-file.ts';
import { checkedParams, marketParams, params } from './params.ts';
import { openPayoutStore } from './payout.ts';
import { marketQueries } from './queries.ts';
import { closeSession } from './settlement.ts';
import { standingEvents } from './standing/events.ts';
import { standingInvariants } from './standing/invariants.ts';
import { noteOffence } from './standing/notes.ts';
import { standingQueries } from './standing/queries.ts';

export function marketModule(domain: Domain): Module {
  return {
    name: 'market',
    provenStores: ['payouts'],
    commands: [
      requestHandler,
      startHandler(domain),
      answerAuditHandler,
      fileVoucherHandler(domain),
      completeHandler(domain),
      partnerCompleteHandler(domain),
      cancelHandler,
      renewHandler,
      postBondHandler,
      returnBondHandler,
    ],
    queries: [...marketQueries, ...standingQueries],
    events: [...marketEvents, ...standingEvents],
    invariants: [...marketInvariants, ...standingInvariants],
    hooks: {
      genesis({ state }, json) {
        params.set(state, [], checkedParams(marketParams.fromJson(json ?? null, 'market')));
        openPayoutStore(state);
      },
      blockEnd: closeJobFile,
      sessionEnd: closeSession,
      offence: noteOffence,
    },
  };
}
