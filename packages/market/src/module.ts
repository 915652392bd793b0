/** The market's table. */
import type { CommandHandler, Module } from '@palisade/chain';
import type { Domain } from '@palisade/core';
import { drawKeepers } from './archive/draw.ts';
import { dropRows } from './archive/drop.ts';
import { archiveEvents } from './archive/events.ts';
import { archiveInvariants } from './archive/invariants.ts';
import { archiveQueries } from './archive/queries.ts';
import { drawChallenges, forgetChallenges } from './challenges/draw.ts';
import { challengeEvents } from './challenges/events.ts';
import { challengeInvariants } from './challenges/invariants.ts';
import { challengeQueries } from './challenges/queries.ts';
import { answerAuditHandler } from './commands/answer.ts';
import { cancelHandler } from './commands/cancel.ts';
import { complainHandler } from './commands/complain.ts';
import { completeHandler, partnerCompleteHandler } from './commands/complete.ts';
import { fileVoucherHandler } from './commands/file-voucher.ts';
import { postBondHandler } from './commands/post-bond.ts';
import { rebutHandler } from './commands/rebut.ts';
import { renewHandler } from './commands/renew.ts';
import { reportChallengeHandler } from './commands/report-challenge.ts';
import { reportOmissionHandler } from './commands/report-omission.ts';
import { reportResultHandler } from './commands/report-result.ts';
import { requestHandler } from './commands/request.ts';
import { returnBondHandler } from './commands/return-bond.ts';
import { startHandler } from './commands/start.ts';
import { closeComplaints } from './duties/complaint.ts';
import { dutyEvents } from './duties/events.ts';
import { dutyInvariants } from './duties/invariants.ts';
import { openRoster } from './duties/roster.ts';
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

/** @param others handlers of the other modules' commands, whose omission can be reported, too */
export function marketModule(domain: Domain, others: readonly CommandHandler[] = []): Module {
  const commands = [
    requestHandler,
    startHandler(domain),
    answerAuditHandler,
    fileVoucherHandler(domain),
    completeHandler(domain),
    partnerCompleteHandler(domain),
    cancelHandler,
    renewHandler,
    reportResultHandler(domain),
    postBondHandler,
    returnBondHandler,
    complainHandler(domain),
    rebutHandler(domain),
    reportChallengeHandler(domain),
  ];
  return {
    name: 'market',
    provenStores: ['payouts'],
    commands: [...commands, reportOmissionHandler(domain, [...commands, ...others])],
    queries: [...marketQueries, ...standingQueries, ...challengeQueries, ...archiveQueries],
    events: [
      ...marketEvents,
      ...standingEvents,
      ...dutyEvents,
      ...challengeEvents,
      ...archiveEvents,
    ],
    invariants: [
      ...marketInvariants,
      ...standingInvariants,
      ...dutyInvariants,
      ...challengeInvariants,
      ...archiveInvariants,
    ],
    hooks: {
      genesis({ state }, json) {
        params.set(state, [], checkedParams(marketParams.fromJson(json ?? null, 'market')));
        openPayoutStore(state);
      },
      blockStart(ctx) {
        openRoster(ctx);
        drawChallenges(ctx);
        drawKeepers(ctx);
      },
      blockEnd(ctx) {
        closeJobFile(ctx);
        dropRows(ctx);
      },
      sessionEnd(ctx) {
        closeSession(ctx);
        closeComplaints(ctx);
        forgetChallenges(ctx);
      },
      offence: noteOffence,
    },
  };
}
