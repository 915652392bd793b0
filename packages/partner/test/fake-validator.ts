/**
 * A validator for tests that are about one message at a time: it signs with a real key, answers what
 * it is told to answer, and keeps what it was sent.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Catalogue,
  catalogue,
  type Declaration,
  type Domain,
  isRefusal,
  nodeSigner,
  type Opened,
  open,
  type Signer,
  signEnvelope,
  signingDomain,
  toHex,
} from '@palisade/core';
import {
  noticeAck,
  offer,
  partnerConnectReport,
  ready,
  readyAck,
  signOff,
  subscribe,
  workAnswer,
  workQuery,
} from '@palisade/market/schema';

export const domain: Domain = signingDomain(new Uint8Array(32).fill(77));
const known: Catalogue = catalogue([
  ready,
  signOff,
  offer,
  subscribe,
  noticeAck,
  workQuery,
  partnerConnectReport,
]);

export type Refused = { readonly status: number; readonly error: Record<string, unknown> };

export class FakeValidator {
  readonly signer;
  readonly announced: Opened[] = [];
  readonly offers: Opened[] = [];
  readonly acknowledged: Opened[] = [];
  readonly signedOff: Opened[] = [];
  readonly reports: Opened[] = [];
  /** Questions for work so far, and what they are answered with. */
  asked = 0;
  work: readonly Uint8Array[] = [];
  reason = '';
  /** Signs answers to questions for work; a liar's is another key. */
  voice: Signer | undefined;
  readonly #streams = new Set<ServerResponse>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  url = '';
  /** Streams that were opened so far. */
  subscriptions = 0;
  /** Answers the next messages with this instead. */
  refusal: Refused | undefined;
  /** Messages that were refused so far. */
  refused = 0;
  /** What an acknowledgement says instead of the id of what came. */
  acknowledges: Uint8Array | undefined;
  /** Sent at the beginning of every stream. */
  greeting: readonly string[] = [];

  constructor(seed: number) {
    this.signer = nodeSigner(new Uint8Array(32).fill(seed));
  }

  get entry() {
    return { nodeKey: this.signer.id, url: this.url };
  }

  get streams(): number {
    return this.#streams.size;
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answerWork({ id }: Opened, response: ServerResponse): Promise<void> {
    this.asked++;
    const { reason, work } = this;
    const none = { item: '', score: 0, threshold: 0, next: '' };
    const words = { query: id, height: 1n, jobs: work.length, reason, ...none };
    const answer = await this.sign(workAnswer, words, this.voice ?? this.signer);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ answer: toHex(answer), notices: work.map(toHex) }));
  }

  sign<T>(
    declaration: Declaration<T>,
    value: T,
    signer: Signer = this.signer,
  ): Promise<Uint8Array> {
    return signEnvelope(declaration, value, domain, signer);
  }

  /** Sends an event to every open stream. */
  tell(event: string, message: Uint8Array): void {
    for (const stream of this.#streams)
      stream.write(`event: ${event}\ndata: ${JSON.stringify({ message: toHex(message) })}\n\n`);
  }

  write(text: string): void {
    for (const stream of this.#streams) stream.write(text);
  }

  breakStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const part of request as AsyncIterable<Uint8Array>) parts.push(part);
    const { pathname } = new URL(request.url!, 'http://any');
    if (this.refusal) {
      this.refused++;
      const { status, error } = this.refusal;
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error }));
    } else if (pathname === '/v1/notices') this.#stream(response);
    else await this.#message(pathname, new Uint8Array(Buffer.concat(parts)), response);
  }

  #stream(response: ServerResponse): void {
    this.subscriptions++;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': welcome\n\n');
    for (const text of this.greeting) response.write(text);
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
  }

  async #message(path: string, body: Uint8Array, response: ServerResponse): Promise<void> {
    const opened = open(body, known, domain);
    if (isRefusal(opened)) throw new Error(opened.message);
    if (path === '/v1/work') return this.#answerWork(opened, response);
    const places: Record<string, Opened[]> = {
      '/v1/offers': this.offers,
      '/v1/notices/acknowledgements': this.acknowledged,
      '/v1/partners/sign-off': this.signedOff,
    };
    const isReport = path.endsWith('/connect-reports');
    (isReport ? this.reports : (places[path] ?? this.announced)).push(opened);
    const { sender: partner } = opened;
    const heard = { ready: this.acknowledges ?? opened.id, partner, sequence: 0n };
    const word = await this.sign(readyAck, { ...heard, session: 0n, height: 1n });
    response.writeHead(202, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ acknowledgement: toHex(word) }));
  }
}
