/** Routes that read the chain: queries, proofs, blocks, transactions, events. */
import { fromHex, isRefusal, openedToJson, PalisadeError, toHex, utf8 } from '@palisade/core';
import { commitMessage, headerMessage } from '@palisade/formats';
import type { Hono } from 'hono';
import type { ChainEvent } from '../events/event-index.ts';
import type { Pool } from '../services/pool.ts';
import { refusalResponse } from './errors.ts';
import { sse } from './streams.ts';

/** Query parameters that are numbers up to 32 bits or truth values in their JSON form. */
function queryJson(pool: Pool, name: string, given: Record<string, string>): string {
  const handler = pool.application.modules
    .flatMap((module) => module.queries ?? [])
    .find(({ declaration }) => declaration.name === name);
  const fields = handler?.declaration.params.fields ?? {};
  const typed = Object.entries(given).map(([key, value]) => {
    const type = fields[key]?.jsonSchema.type;
    if (type === 'integer') return [key, Number(value)];
    if (type === 'boolean') return [key, value === 'true'];
    return [key, value];
  });
  return JSON.stringify(Object.fromEntries(typed));
}

function parseHeight(text: string, latest: bigint): bigint {
  if (text === 'latest') return latest;
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new PalisadeError({
    code: 'api/bad-height',
    message: `'${text.slice(0, 30)}' is not a block height: use a number or 'latest'.`,
  });
}

function hexParameter(text: string, length: number): Uint8Array {
  const bytes = fromHex(text);
  if (bytes.length === length) return bytes;
  throw new PalisadeError({
    code: 'api/bad-id',
    message: `'${text.slice(0, 20)}…' has ${bytes.length} bytes; ${length} are wanted.`,
  });
}

/** Whether an event is of one of the topics: a name or the beginning of one. */
function matches(event: ChainEvent, topics: readonly string[]): boolean {
  return topics.length === 0 || topics.some((topic) => event.name.startsWith(topic));
}

function notFound(what: string) {
  return { code: 'chain/not-found', message: `There is no ${what}.`, retry: 'later' as const };
}

export function chainRoutes(app: Hono, pool: Pool): void {
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
    const id = hexParameter(c.req.param('id'), 32);
    const place = index.placeOf(id);
    if (!place) return c.json({ id: toHex(id), status: 'pending' });
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
    c.json({ events: index.historyOf(hexParameter(c.req.param('job'), 32)) }),
  );

  app.get('/v1/events', (c) => {
    const topics = (c.req.query('topics') ?? '').split(',').filter((topic) => topic !== '');
    const last = /^(\d{1,18})\.(\d{1,9})$/.exec(c.req.header('last-event-id') ?? '');
    const from = c.req.query('from');
    return sse(c, (writer) => {
      const write = (event: ChainEvent) => {
        if (matches(event, topics))
          writer.write({ id: `${event.height}.${event.index}`, event: event.name, data: event });
      };
      let sent = index.height;
      if (last || from !== undefined) {
        const height = last ? BigInt(last[1]!) : parseHeight(from!, index.height);
        for (const event of index.from(height, last ? Number(last[2]) + 1 : 0)) write(event);
        sent = index.height;
      }
      return index.onBlock((events, height) => {
        if (height > sent) for (const event of events) write(event);
      });
    });
  });
}
