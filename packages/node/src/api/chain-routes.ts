/** Routes that read the chain: queries, proofs, blocks, transactions, events. */
import { fromHex, isRefusal, openedToJson, toHex, utf8 } from '@palisade/core';
import { commitMessage, headerMessage } from '@palisade/formats';
import type { Context, Hono } from 'hono';
import type { Drop } from '../events/dropped.ts';
import type { ChainEvent } from '../events/event-index.ts';
import type { Pool } from '../services/pool.ts';
import type { ApiContext } from './context.ts';
import { refusalResponse } from './errors.ts';
import { hexParameter, parseHeight, sessionParameter } from './parameters.ts';
import { type SseWriter, sse } from './streams.ts';

/** Events written to a stream before others get a turn: about 1 ms of work. */
const PAGE = 256;

/** As a number is written: an empty text, hex and powers are numbers to JavaScript alone. */
const DECIMAL = /^(0|[1-9]\d{0,9})$/;
const TRUTH: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);

/**
 * Query parameters that are numbers up to 32 bits or truth values in their JSON form. What is
 * neither stays the text that it is, and the schema refuses it.
 */
function queryJson(pool: Pool, name: string, given: Record<string, string>): string {
  const handler = pool.application.modules
    .flatMap((module) => module.queries ?? [])
    .find(({ declaration }) => declaration.name === name);
  const fields = new Map(Object.entries(handler?.declaration.params.fields ?? {}));
  const typed = Object.entries(given).map(([key, value]) => {
    const type = fields.get(key)?.jsonSchema.type;
    if (type === 'integer' && DECIMAL.test(value)) return [key, Number(value)];
    if (type === 'boolean') return [key, TRUTH.get(value) ?? value];
    return [key, value];
  });
  return JSON.stringify(Object.fromEntries(typed));
}

/** Whether an event is of one of the topics: a name or the beginning of one. */
function matches(event: ChainEvent, topics: readonly string[]): boolean {
  return topics.length === 0 || topics.some((topic) => event.name.startsWith(topic));
}

function notFound(what: string) {
  return { code: 'chain/not-found', message: `There is no ${what}.`, retry: 'later' as const };
}

/** A transaction that is in no block: why it can be in none, or that nobody knows it. */
function droppedResponse(c: Context, id: Uint8Array, drop: Drop | undefined) {
  if (!drop) return refusalResponse(c, notFound(`transaction ${toHex(id)}`));
  const { height, code, message } = drop;
  const error = { code, message, retry: 'later' as const };
  return c.json({ id: toHex(id), status: 'dropped', height: `${height}`, error });
}

/** Writes the events from a place on, page by page, as fast as the reader takes them. */
async function replay(
  pool: Pool,
  place: { readonly height: bigint; readonly index: number },
  write: (event: ChainEvent) => void,
  writer: SseWriter,
): Promise<void> {
  let { height, index } = place;
  for (;;) {
    let count = 0;
    for (const event of pool.index.from(height, index)) {
      write(event);
      height = BigInt(event.height);
      index = event.index + 1;
      if (++count === PAGE) break;
    }
    if (count < PAGE) return;
    await new Promise(setImmediate);
    if (!(await writer.room())) return;
  }
}

export function chainRoutes(app: Hono, { pool, acknowledged, report }: ApiContext): void {
  const { application, engine, index } = pool;

  app.get('/v1/query/:name', async (c) => {
    const name = c.req.param('name');
    const data = utf8(queryJson(pool, name, c.req.query()));
    const answer = await application.query({ path: `/q/${name}`, data, height: 0n, prove: false });
    if (answer.code !== 0)
      return refusalResponse(c, { code: answer.codespace, message: answer.log, retry: 'never' });
    const result: unknown = JSON.parse(Buffer.from(answer.value).toString());
    return c.json({ height: answer.height.toString(), result });
  });

  app.get('/v1/proof/:store/:key', async (c) => {
    const path = `/store/${c.req.param('store')}/key`;
    const data = fromHex(c.req.param('key'));
    const answer = await application.query({ path, data, height: 0n, prove: true });
    if (answer.code !== 0)
      return refusalResponse(c, { code: answer.codespace, message: answer.log, retry: 'never' });
    return c.json({
      height: answer.height.toString(),
      value: toHex(answer.value),
      proofOps: answer.proofOps.map(({ type, key, data: op }) => ({
        type,
        key: toHex(key),
        data: toHex(op),
      })),
    });
  });

  app.get('/v1/draws/:session/roots', async (c) => {
    const session = sessionParameter(c.req.param('session'));
    const found = await pool.drawRoots.find(session);
    if (found) return c.json(found);
    return refusalResponse(c, { ...notFound(`draw ${session}`), retry: 'never' });
  });

  app.get('/v1/blocks/:height', async (c) => {
    const height = parseHeight(c.req.param('height'), index.height);
    const block = await engine.block(height);
    if (!block) return refusalResponse(c, notFound(`block ${height}`));
    const results = await engine.blockResults(height);
    const opened = await application.opener.open(block.block.txs);
    const events = [];
    for (const event of index.from(height)) {
      if (event.height !== height.toString()) break;
      events.push(event);
    }
    return c.json({
      height: height.toString(),
      hash: toHex(block.blockId.hash),
      timeMs: (block.block.header.timeNs / 1_000_000n).toString(),
      proposer: toHex(block.block.header.proposerAddress),
      header: toHex(headerMessage.encode(block.block.header)),
      transactions: opened.map((tx, i) => ({
        ...(isRefusal(tx) ? { id: null, name: 'last votes' } : (openedToJson(tx) as object)),
        code: results?.txResults[i]?.code ?? 0,
      })),
      events,
    });
  });

  app.get('/v1/commits/:height', async (c) => {
    const height = parseHeight(c.req.param('height'), index.height);
    const stored = await engine.commit(height);
    const set = await engine.validators(height);
    if (!stored || !set) return refusalResponse(c, notFound(`commit ${height}`));
    return c.json({
      header: toHex(headerMessage.encode(stored.header)),
      commit: toHex(commitMessage.encode(stored.commit)),
      canonical: stored.canonical,
      validators: set.validators.map(({ publicKey, power }) => ({
        publicKey: toHex(publicKey),
        power: power.toString(),
      })),
    });
  });

  app.get('/v1/transactions/:id', async (c) => {
    const id = hexParameter(c.req.param('id'));
    const place = index.placeOf(id);
    if (!place && (acknowledged.has(id) || pool.jobFiles.find(id)))
      return c.json({ id: toHex(id), status: 'pending' });
    if (!place) return droppedResponse(c, id, acknowledged.dropOf(id));
    const results = await engine.blockResults(place.height);
    const result = results?.txResults[place.index];
    if (!result) return refusalResponse(c, notFound(`result of ${toHex(id)}`));
    return c.json({
      id: toHex(id),
      status: 'included',
      height: place.height.toString(),
      index: place.index,
      code: result.code,
      ...(result.code === 0
        ? {}
        : { error: { code: result.codespace, message: result.log, retry: 'never' } }),
      events: result.events.map(({ type, attributes }) => ({
        name: type,
        data: Object.fromEntries(attributes.map(({ key, value }) => [key, value])),
      })),
    });
  });

  app.get('/v1/jobs/:job/history', (c) =>
    c.json({ events: index.historyOf(hexParameter(c.req.param('job'))) }),
  );

  app.get('/v1/events', (c) => {
    const topics = (c.req.query('topics') ?? '').split(',').filter((topic) => topic !== '');
    const last = /^(\d{1,18})\.(\d{1,9})$/.exec(c.req.header('last-event-id') ?? '');
    const from = c.req.query('from');
    // Told before the stream begins: a refusal cannot follow its head.
    const asked = from === undefined ? undefined : parseHeight(from, index.height);
    const place = last
      ? { height: BigInt(last[1]!), index: Number(last[2]) + 1 }
      : asked !== undefined && { height: asked, index: 0 };
    return sse(c, report, async (writer) => {
      const write = (event: ChainEvent) => {
        if (matches(event, topics))
          writer.write({ id: `${event.height}.${event.index}`, event: event.name, data: event });
      };
      if (place) await replay(pool, place, write, writer);
      const sent = index.height;
      return index.onBlock((events, height) => {
        if (height > sent) for (const event of events) write(event);
      });
    });
  });
}
