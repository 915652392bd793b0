/** Routes of the market's conversation: jobs, offers, matches, partners, notices. */
import { fromHex, isRefusal, toHex } from '@palisade/core';
import { subscribe } from '@palisade/market';
import type { Context, Hono } from 'hono';
import type { Pool } from '../services/pool.ts';
import { openMessage } from '../services/pool.ts';
import { SUBSCRIBE_FRESH_MS, type ValidatorService } from '../services/validator-service.ts';
import { refusalResponse } from './errors.ts';
import { sse } from './streams.ts';

/** Offers that a client may ask for (C2V-5), and how many it gets when it does not say. */
const OFFERS = { most: 32, usual: 8 } as const;
/** A stream of offers ends after this long, ms: the client asks again if it needs more. */
const OFFERS_MS = 30_000;

async function body(c: Context): Promise<Uint8Array> {
  return new Uint8Array(await c.req.arrayBuffer());
}

export function marketRoutes(app: Hono, pool: Pool, service: ValidatorService): void {
  const { domain } = pool.application;

  app.post('/v1/transactions', async (c) => {
    const answer = await service.submit(await body(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ id: toHex(answer.id), acknowledgement: toHex(answer.acknowledgement) }, 202);
  });

  app.post('/v1/jobs', async (c) => {
    const answer = await service.confirm(await body(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ job: toHex(answer.job), confirmation: toHex(answer.confirmation) }, 202);
  });

  app.get('/v1/jobs/:job/offers', (c) => {
    const job = fromHex(c.req.param('job'));
    const asked = Number(c.req.query('limit') ?? OFFERS.usual);
    const limit = Number.isInteger(asked)
      ? Math.min(Math.max(asked, 1), OFFERS.most)
      : OFFERS.usual;
    return sse(c, (writer) => {
      let left: number = limit;
      const finish = () => {
        writer.write({ event: 'end', data: {} });
        writer.close();
      };
      const timer = setTimeout(finish, OFFERS_MS);
      const stop = pool.board.watchOffers(job, (offer) => {
        if (left-- <= 0) return;
        writer.write({ event: 'offer', data: { offer: toHex(offer) } });
        if (left === 0) setImmediate(finish);
      });
      void pool.askAgain(job);
      return () => {
        clearTimeout(timer);
        stop();
      };
    });
  });

  app.post('/v1/jobs/:job/accept', async (c) => {
    const answer = await service.match(await body(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ match: toHex(answer.match) });
  });

  app.get('/v1/partners', (c) =>
    c.json({
      partners: pool.board.list(pool.nowMs()).map(({ nodeKey, envelope, lastSeenMs }) => ({
        nodeKey: toHex(nodeKey),
        ready: toHex(envelope),
        lastSeenMs,
      })),
    }),
  );

  app.post('/v1/partners', async (c) => {
    const answer = await service.announce(await body(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ acknowledgement: toHex(answer.acknowledgement) }, 202);
  });

  app.post('/v1/offers', async (c) => {
    const refusal = service.offer(await body(c));
    if (refusal) return refusalResponse(c, refusal);
    return c.json({}, 202);
  });

  app.get('/v1/notices', (c) => {
    const opened = openMessage(fromHex(c.req.query('subscribe') ?? ''), subscribe, domain);
    if (isRefusal(opened)) return refusalResponse(c, opened);
    const age = pool.nowMs() - Number(opened.value.atMs);
    if (Math.abs(age) > SUBSCRIBE_FRESH_MS)
      return refusalResponse(c, {
        code: 'market/stale-subscription',
        message: `The subscription was signed ${Math.round(age / 1000)} s ago; at most ${SUBSCRIBE_FRESH_MS / 1000} s are allowed.`,
        next: 'Check your clock and sign again.',
        retry: 'now',
      });
    return sse(c, async (writer) => {
      const ending = await service.subscribe(opened.sender, (kind, message) =>
        writer.write({ event: kind, data: { message: toHex(message) } }),
      );
      if (!isRefusal(ending)) return ending;
      writer.write({ event: 'refused', data: ending });
      writer.close();
      return () => {};
    });
  });
}
