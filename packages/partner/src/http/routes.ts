/** The partner's part of spec/api.md: which request goes where. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fromHex, type Refusal, refuse, toHex } from '@palisade/core';
import type { OperatorPages } from '@palisade/daemon';
import type { TunnelTerms } from '../access/door.ts';
import type { Desk, DeskView } from '../agreements/desk.ts';
import type { ChallengeDesk } from '../pool/challenge-desk.ts';
import type { Outcome } from '../storage/index.ts';
import { contentMissing } from '../storage/outcome.ts';
import { readLargeBody, readSmallBody } from './body.ts';
import { type ContentOptions, sendContent } from './content.ts';
import { COMMON_HEADERS, type Headers, sendJson, sendRefusal, sendText } from './reply.ts';

/** Vouchers and receipts have some 270 bytes. */
const MAX_ENVELOPE = 4096;
/** Outline of the largest content, 256 GiB. */
const MAX_OUTLINE = 8 * 2 ** 20;

export type Routes = {
  /** Undefined until the chain is known: then only contents can be had. */
  readonly agreements: () => Desk | undefined;
  /** The same for validators that look whether this partner is there. */
  readonly challenges: () => ChallengeDesk | undefined;
  readonly content: ContentOptions;
  /** Where access is offered. */
  readonly tunnel?: TunnelTerms | undefined;
  /** A proof file by its id, where sectors are kept. */
  readonly proof?: ((id: Uint8Array) => Promise<Uint8Array | undefined>) | undefined;
  readonly pages: OperatorPages;
  readonly isStopping: () => boolean;
  /** How long a head or a small body may take, ms; `REQUEST_MS` unless told otherwise. */
  readonly requestMs?: number | undefined;
  readonly onReceived: (bytes: number) => void;
};

type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What the path held in place of the id. */
  readonly id: Uint8Array;
  readonly query: URLSearchParams;
  readonly routes: Routes;
};
type Handler = (exchange: Exchange) => Promise<void>;

type Route = {
  /** Short name for metrics. */
  readonly name: string;
  readonly path: RegExp;
  readonly methods: Readonly<Record<string, Handler>>;
};

const ID = '(0x[0-9a-f]{64})';
const at = (path: string) => new RegExp(`^${path.replace('ID', ID)}$`);

const table: readonly Route[] = [
  { name: 'voucher', path: at('/v1/agreements'), methods: { POST: postVoucher } },
  { name: 'agreement', path: at('/v1/agreements/ID'), methods: { GET: getAgreement } },
  { name: 'outline-in', path: at('/v1/agreements/ID/outline'), methods: { PUT: putOutline } },
  { name: 'upload', path: at('/v1/agreements/ID/content'), methods: { PUT: putContent } },
  { name: 'result', path: at('/v1/agreements/ID/result'), methods: { GET: getResult } },
  { name: 'output', path: at('/v1/agreements/ID/output'), methods: { GET: getOutput } },
  { name: 'content', path: at('/v1/content/ID'), methods: { GET: getContent, HEAD: getContent } },
  { name: 'outline', path: at('/v1/content/ID/outline'), methods: { GET: getOutline } },
  { name: 'tunnel', path: at('/v1/tunnel'), methods: { GET: getTunnel } },
  { name: 'receipt', path: at('/v1/receipts'), methods: { POST: postReceipt } },
  { name: 'proof', path: at('/v1/proofs/ID'), methods: { GET: getProof } },
  { name: 'challenge', path: at('/v1/challenges'), methods: { POST: postChallenge } },
];

/** A day: what is allowed here does not change while a daemon runs. */
const PREFLIGHT_SECONDS = 86_400;

/** Answers one request; the name of its route is for the metrics. Throws what nobody expected. */
export async function answer(
  routes: Routes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<string> {
  const [path, search] = split(request.url ?? '/');
  for (const { name, path: pattern, methods } of table) {
    const match = pattern.exec(path);
    if (!match) continue;
    const handler = methods[request.method ?? ''];
    if (request.method === 'OPTIONS') preflight(response, Object.keys(methods));
    else if (!handler) sendRefusal(response, wrongMethod(Object.keys(methods)));
    else {
      const id = fromHex(match[1] ?? '0x');
      await handler({ request, response, id, query: new URLSearchParams(search), routes });
    }
    return name;
  }
  if (request.method === 'GET' || request.method === 'HEAD') {
    const page = await routes.pages(path);
    if (page) {
      sendText(response, page.status, page.contentType, page.body);
      return 'operator';
    }
  }
  sendRefusal(response, notFound());
  return 'unknown';
}

function split(url: string): readonly [path: string, search: string] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}

async function postVoucher({ request, response, routes }: Exchange): Promise<void> {
  const agreements = openFor(routes, response);
  if (!agreements) return;
  const outcome = await agreements.takeVoucher(
    await readSmallBody(request, MAX_ENVELOPE, routes.requestMs),
  );
  sendAgreement(response, 201, outcome);
}

async function getAgreement({ response, routes, id }: Exchange): Promise<void> {
  const agreements = openFor(routes, response);
  if (agreements) sendAgreement(response, 200, await agreements.view(id));
}

async function putOutline({ request, response, routes, id }: Exchange): Promise<void> {
  const agreements = openFor(routes, response);
  if (!agreements) return;
  const roots = await readSmallBody(request, MAX_OUTLINE, routes.requestMs);
  sendAgreement(response, 200, await agreements.takeOutline(id, roots));
}

async function putContent({ request, response, routes, id, query }: Exchange): Promise<void> {
  const agreements = openFor(routes, response);
  if (!agreements) return;
  const offset = query.get('offset') ?? '0';
  if (!/^\d{1,15}$/.test(offset)) return sendRefusal(response, badOffset(offset));
  const body = readLargeBody(request, { onBytes: routes.onReceived });
  sendAgreement(response, 200, await agreements.takeContent(id, Number(offset), body));
}

async function getResult({ response, routes, id }: Exchange): Promise<void> {
  const agreements = openFor(routes, response);
  if (!agreements) return;
  const run = await agreements.viewRun(id);
  if (!run.ok) return sendRefusal(response, run.refusal);
  const { result, ...view } = run.value;
  sendJson(response, 200, { ...view, ...(result ? { result: toHex(result) } : {}) });
}

async function getOutput({ response, routes, id }: Exchange): Promise<void> {
  const agreements = openFor(routes, response);
  if (!agreements) return;
  const output = await agreements.output(id);
  if (!output.ok) return sendRefusal(response, output.refusal);
  sendBytes(response, output.value, 'no-store');
}

async function getContent({ request, response, routes, id }: Exchange): Promise<void> {
  await sendContent(routes.content, id, request, response);
}

async function getOutline({ response, routes, id }: Exchange): Promise<void> {
  if (routes.content.sizeOf(id) === undefined) return sendRefusal(response, contentMissing(id));
  const outline = await routes.content.store.outline(id);
  if (!outline.ok) return sendRefusal(response, outline.refusal);
  sendBytes(response, outline.value.roots, 'public, max-age=31536000, immutable');
}

function sendBytes(response: ServerResponse, bytes: Uint8Array, cacheControl: string): void {
  response.writeHead(200, {
    ...COMMON_HEADERS,
    'content-type': 'application/octet-stream',
    'content-length': bytes.length,
    'cache-control': cacheControl,
  });
  response.end(bytes);
}

async function getProof({ response, routes, id }: Exchange): Promise<void> {
  const bytes = await routes.proof?.(id);
  if (bytes) sendBytes(response, bytes, 'public, max-age=31536000, immutable');
  else sendRefusal(response, notFound());
}

async function getTunnel({ response, routes }: Exchange): Promise<void> {
  if (routes.tunnel) sendJson(response, 200, routes.tunnel);
  else sendRefusal(response, notFound());
}

async function postReceipt({ request, response, routes }: Exchange): Promise<void> {
  const agreements = openFor(routes, response);
  if (!agreements) return;
  const outcome = await agreements.takeReceipt(
    await readSmallBody(request, MAX_ENVELOPE, routes.requestMs),
  );
  if (outcome.ok) sendJson(response, 200, { receipt: toHex(outcome.value) });
  else sendRefusal(response, outcome.refusal);
}

async function postChallenge({ request, response, routes }: Exchange): Promise<void> {
  const challenges = routes.challenges();
  if (!challenges) return sendRefusal(response, notConnected());
  const outcome = await challenges.answer(
    await readSmallBody(request, MAX_ENVELOPE, routes.requestMs),
  );
  if (outcome.ok) sendBytes(response, outcome.value, 'no-store');
  else sendRefusal(response, outcome.refusal);
}

/** The door for agreements, or the refusal is sent. */
function openFor(routes: Routes, response: ServerResponse): Desk | undefined {
  const agreements = routes.agreements();
  if (routes.isStopping()) sendRefusal(response, stopping());
  else if (!agreements) sendRefusal(response, notConnected());
  else return agreements;
  return undefined;
}

function sendAgreement(response: ServerResponse, status: number, outcome: Outcome<DeskView>): void {
  if (!outcome.ok) {
    sendRefusal(response, outcome.refusal);
    return;
  }
  const { start, ...view } = outcome.value;
  sendJson(response, status, { ...view, ...(start ? { start: toHex(start) } : {}) });
}

function preflight(response: ServerResponse, methods: readonly string[]): void {
  const headers: Headers = {
    ...COMMON_HEADERS,
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': 'content-type, range, if-range',
    'access-control-max-age': PREFLIGHT_SECONDS,
  };
  response.writeHead(204, headers).end();
}

function notFound(): Refusal {
  return refuse('api/not-found', 'There is nothing at this path.', {
    next: 'spec/api.md lists what a partner answers; ids are 0x and 64 lower-case hex digits.',
  });
}

function wrongMethod(methods: readonly string[]): Refusal {
  return refuse('api/method-not-allowed', `This path takes ${methods.join(' and ')}.`);
}

function badOffset(offset: string): Refusal {
  return refuse('api/bad-offset', `'${offset.slice(0, 20)}' is no offset: it is a byte count.`);
}

function stopping(): Refusal {
  return refuse('partner/stopping', 'This partner is shutting down.', {
    retry: 'later',
    next: 'Go on from the offset it holds when it is back.',
  });
}

function notConnected(): Refusal {
  return refuse('partner/not-connected', 'This partner reaches no validator yet.', {
    retry: 'later',
    next: 'Try again in a minute, or ask another partner.',
  });
}
