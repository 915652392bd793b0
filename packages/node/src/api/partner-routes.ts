/** Routes for partners: being ready, hearing of jobs, asking for them, offering, signing off. */
import { fromHex, isRefusal, toBinaryString, toHex } from '@palisade/core';
import { NOTICE_MS, subscribe } from '@palisade/market';
import { sealQuestion, windowQuestion } from '@palisade/power';
import type { Context, Hono } from 'hono';
import { gate } from '../services/gate.ts';
import { openFromPartner, refuseStale } from '../services/pool.ts';
import type { ApiContext } from './context.ts';
import { refusalResponse } from './errors.ts';
import { bodyOf, hexParameter } from './parameters.ts';
import { standingJson } from './standing.ts';
import { type SseWriter, sse } from './streams.ts';

/**
 * Streams of notices of one partner at one validator: one, and another while a broken connection is
 * not noticed yet. A third ends the oldest, so that one key cannot take the places of all.
 */
const MAX_STREAMS_OF_PARTNER = 2;
/**
 * Streams that a partner may open at once; then one in every `NOTICE_MS`. Each begins with notices of
 * open jobs, of which every one is signed.
 */
const STREAM_BURST = 10;

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

export function partnerRoutes(app: Hono, { pool, service, report }: ApiContext): void {
  const noteStream = streamsOfPartners();
  const mayListen = gate(NOTICE_MS, STREAM_BURST, pool.nowMs);
  const { notifier, partners } = service;

  app.get('/v1/partners', (c) =>
    c.json({
      partners: pool.board.list(pool.nowMs()).map(({ nodeKey, envelope, lastSeenMs, rttMs }) => ({
        nodeKey: toHex(nodeKey),
        ready: toHex(envelope),
        lastSeenMs,
        rttMs: rttMs === undefined ? null : Math.round(rttMs),
        standing: standingJson(pool, nodeKey),
      })),
    }),
  );

  app.post('/v1/partners', async (c) => {
    const answer = await partners.announce(await bodyOf(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ acknowledgement: toHex(answer.acknowledgement) }, 202);
  });

  app.post('/v1/partners/sign-off', async (c) => {
    const refusal = partners.signOff(await bodyOf(c));
    return refusal ? refusalResponse(c, refusal) : c.json({}, 202);
  });

  app.post('/v1/offers', async (c) => {
    const refusal = partners.offer(await bodyOf(c));
    return refusal ? refusalResponse(c, refusal) : c.json({}, 202);
  });

  app.post('/v1/work', async (c) => {
    const answer = await partners.work(await bodyOf(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ answer: toHex(answer.answer), notices: answer.notices.map(toHex) });
  });

  app.post('/v1/sector-verdicts', async (c) => {
    const answer = await service.seals.judge(await bodyOf(c));
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ verdict: toHex(answer.verdict) });
  });

  app.post('/v1/window-verdicts', async (c) => {
    const answer = await service.proofs.answer(await bodyOf(c), windowQuestion);
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ verdict: toHex(answer.verdict) });
  });

  app.post('/v1/seal-verdicts', async (c) => {
    const answer = await service.proofs.answer(await bodyOf(c), sealQuestion);
    if (isRefusal(answer)) return refusalResponse(c, answer);
    return c.json({ verdict: toHex(answer.verdict) });
  });

  app.get('/v1/notices', (c) => {
    const elsewhere = service.self.redirect();
    if (elsewhere) return refusalResponse(c, elsewhere);
    const asked = fromHex(c.req.query('subscribe') ?? '');
    const opened = openFromPartner(asked, subscribe, pool.application);
    if (isRefusal(opened)) return refusalResponse(c, opened);
    const stale = refuseStale(opened.value.atMs, pool.nowMs());
    if (stale) return refusalResponse(c, stale);
    if (!mayListen(opened.sender))
      return refusalResponse(c, {
        code: 'market/too-often',
        message: `A stream of notices can be opened once in ${NOTICE_MS / 1000} s.`,
        next: 'Keep the stream that is open.',
        retry: 'later',
      });
    return sse(c, report, async (writer) => {
      const forget = noteStream(opened.sender, writer);
      const ending = await notifier.subscribe(opened.sender, (kind, message) =>
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

  app.post('/v1/notices/acknowledgements', async (c) => {
    const refusal = await notifier.acknowledged(await bodyOf(c));
    return refusal ? refusalResponse(c, refusal) : c.json({}, 202);
  });

  app.get('/v1/notices/acknowledgements/:job/:partner', (c: Context) => {
    const job = hexParameter(c.req.param('job')!);
    const partner = hexParameter(c.req.param('partner')!);
    const kept = notifier.evidenceOf(job, partner);
    if (kept) return c.json({ acknowledgement: toHex(kept) });
    return refusalResponse(c, {
      code: 'chain/not-found',
      message: 'That partner has not acknowledged a notice of that job by this validator.',
      retry: 'later',
    });
  });
}
