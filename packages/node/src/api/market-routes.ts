/** Routes of the market's conversation with clients: jobs, offers, matches. */
import { isRefusal, toHex } from '@palisade/core';
import { jobs } from '@palisade/market';
import type { Hono } from 'hono';
import { gate } from '../services/gate.ts';
import type { OfferRecord } from '../services/matchmaker.ts';
import type { ApiContext } from './context.ts';
import { refusalResponse } from './errors.ts';
import { bodyOf, hexParameter, wholeParameter } from './parameters.ts';
import { standingJson } from './standing.ts';
import { sse } from './streams.ts';

/** Offers that a client may ask for (C2V-5), and how many it gets when it does not say. */
const OFFERS = { most: 32, usual: 8 } as const;
/** A stream of offers ends after this long, ms: the client asks again if it needs more. */
const OFFERS_MS = 30_000;
/** Partners are told again of a job at most this often, ms: each time costs a message to all. */
const ASK_AGAIN_MS = 2_000;
/** An offer for a client; what the pool knows of the partner stands beside its own words. */
function offerJson({ partner, rate, ready, offer, freeBytes, ...seen }: OfferRecord) {
  return {
    partner: toHex(partner),
    rate: `${rate}`,
    ready: toHex(ready),
    direct: offer === undefined,
    ...(offer ? { offer: toHex(offer) } : {}),
    ...(freeBytes === undefined ? {} : { freeBytes: `${freeBytes}` }),
    ...seen,
  };
}

export function marketRoutes(app: Hono, context: ApiContext): void {
  const { pool, service, acknowledged, report } = context;
  const mayAskAgain = gate(ASK_AGAIN_MS, 1, pool.nowMs);
  const isKnown = (job: Uint8Array) =>
    jobs.has(pool.application.committed, job) || pool.jobFiles.find(job) !== undefined;

  app.post('/v1/transactions', async (c) => {
    const answer = await service.submit(await bodyOf(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    acknowledged.add(answer.id);
    return c.json({ id: toHex(answer.id), acknowledgement: toHex(answer.acknowledgement) }, 202);
  });

  app.post('/v1/jobs', async (c) => {
    const answer = await service.confirmations.confirm(await bodyOf(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ job: toHex(answer.job), confirmation: toHex(answer.confirmation) }, 202);
  });

  app.get('/v1/jobs/:job/offers', (c) => {
    const elsewhere = service.self.redirect();
    if (elsewhere) return refusalResponse(c, elsewhere);
    const job = hexParameter(c.req.param('job'));
    if (!isKnown(job))
      return refusalResponse(c, {
        code: 'market/no-such-job',
        message: `Job ${toHex(job)} is neither on the chain nor in a job file of this validator.`,
        next: 'Ask the validator that confirmed it, or wait for its block.',
        retry: 'later',
      });
    const asked = Number(c.req.query('limit') ?? OFFERS.usual);
    const limit = Number.isInteger(asked)
      ? Math.min(Math.max(asked, 1), OFFERS.most)
      : OFFERS.usual;
    const wish = {
      maxRate: wholeParameter(c.req.query('maxRate')),
      maxRttMs: wholeParameter(c.req.query('maxRttMs')),
      minScore: wholeParameter(c.req.query('minScore')),
    };
    return sse(c, report, (writer) => {
      let left: number = limit;
      const finish = () => {
        writer.write({ event: 'end', data: {} });
        writer.close();
      };
      const timer = setTimeout(finish, OFFERS_MS);
      // STOP is the client's closing of the stream.
      const stop = service.matchmaker.offers(job, wish, (offer) => {
        if (left-- <= 0) return;
        writer.write({
          event: 'offer',
          data: { ...offerJson(offer), standing: standingJson(pool, offer.partner) },
        });
        if (left === 0) setImmediate(finish);
      });
      if (mayAskAgain(job)) pool.askAgain(job).catch(report);
      return () => {
        clearTimeout(timer);
        stop();
      };
    });
  });

  app.post('/v1/jobs/:job/accept', async (c) => {
    hexParameter(c.req.param('job'));
    const answer = await service.matchmaker.match(await bodyOf(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ match: toHex(answer.match) });
  });

  app.post('/v1/jobs/:job/connect-reports', async (c) => {
    hexParameter(c.req.param('job'));
    const refusal = service.matchmaker.report(await bodyOf(c));
    return refusal ? refusalResponse(c, refusal) : c.json({}, 202);
  });
}
