/** Routes of the market's conversation: jobs, offers, matches, partners, notices. */
import { fromHex, isRefusal, toBinaryString, toHex } from '@palisade/core';
import { jobs, ROLE, standingView, standingViewOf, subscribe } from '@palisade/market';
import type { Context, Hono } from 'hono';
import { openFromPartner } from '../services/pool.ts';
import type { ApiContext } from './context.ts';
import { refusalResponse } from './errors.ts';
import { hexParameter } from './parameters.ts';
import { type SseWriter, sse } from './streams.ts';

/** Offers that a client may ask for (C2V-5), and how many it gets when it does not say. */
const OFFERS = { most: 32, usual: 8 } as const;
/** A stream of offers ends after this long, ms: the client asks again if it needs more. */
const OFFERS_MS = 30_000;
/** Partners are told again of a job at most this often, ms: each time costs a message to all. */
const ASK_AGAIN_MS = 2_000;
/** Jobs for which that is remembered; an older one is only told again too soon. */
const MAX_ASKED = 10_000;
/**
 * Streams of notices of one partner at one validator: one, and another while a broken connection is
 * not noticed yet. A third ends the oldest, so that one key cannot take the places of all.
 */
const MAX_STREAMS_OF_PARTNER = 2;
/** A subscription's signature must be this fresh, ms: else a recorded one would work for ever. */
const SUBSCRIBE_FRESH_MS = 60_000;

async function body(c: Context): Promise<Uint8Array> {
  return new Uint8Array(await c.req.arrayBuffer());
}

/** Says yes at most every `ASK_AGAIN_MS` for a job. */
function askingGate(nowMs: () => number): (job: Uint8Array) => boolean {
  const asked = new Map<string, number>();
  return (job) => {
    const key = toBinaryString(job);
    const now = nowMs();
    if (now - (asked.get(key) ?? -ASK_AGAIN_MS) < ASK_AGAIN_MS) return false;
    asked.delete(key);
    for (const oldest of asked.keys()) {
      if (asked.size < MAX_ASKED) break;
      asked.delete(oldest);
    }
    asked.set(key, now);
    return true;
  };
}

/** The open streams of each partner; makes room for a new one, and answers how to forget it. */
function streamsOfPartners(): (partner: Uint8Array, writer: SseWriter) => () => void {
  const open = new Map<string, Set<SseWriter>>();
  return (partner, writer) => {
    const key = toBinaryString(partner);
    const mine = open.get(key) ?? new Set();
    open.set(key, mine);
    const [oldest] = mine;
    if (oldest && mine.size >= MAX_STREAMS_OF_PARTNER) oldest.close();
    mine.add(writer);
    // What was closed may have taken the set away with it.
    open.set(key, mine);
    return () => {
      mine.delete(writer);
      if (mine.size === 0) open.delete(key);
    };
  };
}

export function marketRoutes(app: Hono, context: ApiContext): void {
  const { pool, service, acknowledged, report } = context;
  const mayAskAgain = askingGate(pool.nowMs);
  const noteStream = streamsOfPartners();
  // C2V-4.1: the client decides its risk by what the chain knows of a partner.
  const standingOf = (partner: Uint8Array) =>
    standingView.toJson(standingViewOf(pool.application.committed, ROLE.partner, partner));
  const isKnown = (job: Uint8Array) =>
    jobs.has(pool.application.committed, job) || pool.jobFiles.find(job) !== undefined;

  app.post('/v1/transactions', async (c) => {
    const answer = await service.submit(await body(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    acknowledged.add(answer.id);
    return c.json({ id: toHex(answer.id), acknowledgement: toHex(answer.acknowledgement) }, 202);
  });

  app.post('/v1/jobs', async (c) => {
    const answer = await service.confirmations.confirm(await body(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ job: toHex(answer.job), confirmation: toHex(answer.confirmation) }, 202);
  });

  app.get('/v1/jobs/:job/offers', (c) => {
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
    return sse(c, report, (writer) => {
      let left: number = limit;
      const finish = () => {
        writer.write({ event: 'end', data: {} });
        writer.close();
      };
      const timer = setTimeout(finish, OFFERS_MS);
      const stop = pool.board.watchOffers(job, (offer, partner) => {
        if (left-- <= 0) return;
        writer.write({
          event: 'offer',
          data: { offer: toHex(offer), standing: standingOf(partner) },
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
    const answer = await service.matchmaker.match(await body(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ match: toHex(answer.match) });
  });

  app.get('/v1/partners', (c) =>
    c.json({
      partners: pool.board.list(pool.nowMs()).map(({ nodeKey, envelope, lastSeenMs }) => ({
        nodeKey: toHex(nodeKey),
        ready: toHex(envelope),
        lastSeenMs,
        standing: standingOf(nodeKey),
      })),
    }),
  );

  app.post('/v1/partners', async (c) => {
    const answer = await service.partners.announce(await body(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ acknowledgement: toHex(answer.acknowledgement) }, 202);
  });

  app.post('/v1/offers', async (c) => {
    const refusal = service.partners.offer(await body(c));
    if (refusal) return refusalResponse(c, refusal);
    return c.json({}, 202);
  });

  app.get('/v1/notices', (c) => {
    const asked = fromHex(c.req.query('subscribe') ?? '');
    const opened = openFromPartner(asked, subscribe, pool.application);
    if (isRefusal(opened)) return refusalResponse(c, opened);
    const age = pool.nowMs() - Number(opened.value.atMs);
    if (Math.abs(age) > SUBSCRIBE_FRESH_MS)
      return refusalResponse(c, {
        code: 'market/stale-subscription',
        message: `The subscription was signed ${Math.round(age / 1000)} s ago; at most ${SUBSCRIBE_FRESH_MS / 1000} s are allowed.`,
        next: 'Check your clock and sign again.',
        retry: 'now',
      });
    return sse(c, report, async (writer) => {
      const forget = noteStream(opened.sender, writer);
      const ending = await service.notifier.subscribe(opened.sender, (kind, message) =>
        writer.write({ event: kind, data: { message: toHex(message) } }),
      );
      if (!isRefusal(ending))
        return () => {
          forget();
          ending();
        };
      writer.write({ event: 'refused', data: ending });
      writer.close();
      return forget;
    });
  });
}
