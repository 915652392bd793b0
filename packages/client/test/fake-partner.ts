/** A partner of the fake network: what it holds and serves, with faults to order. */
import type { ServerResponse } from 'node:http';
import {
  catalogue,
  concat,
  describeContent,
  fromHex,
  isRefusal,
  nodeSigner,
  open,
  type Signer,
  signEnvelope,
  toHex,
} from '@palisade/core';
import { clientReceipt, isOpen, partnerReceipt, rateVoucher, start } from '@palisade/market/schema';
import type { FakeChain } from './fake-chain.ts';
import { json, refuseWith, serve, type TestServer } from './http-server.ts';

export type FakePartner = {
  readonly server: TestServer;
  readonly signer: Signer;
  price: bigint;
  /** What validators say the chain knows of it. */
  standing?: {
    readonly score: number;
    readonly receipts: number;
    readonly bond: string;
    readonly challengeFinding?: number;
    readonly challengeSession?: string;
  };
  /** Taken at the price of its READY. */
  direct: boolean;
  /** What it holds, by job; content by id. */
  readonly uploads: Map<string, Uint8Array>;
  readonly contents: Map<string, Uint8Array>;
  /** Group roots that it was sent, by job. */
  readonly outlines: Map<string, Uint8Array>;
  takesOutlines: boolean;
  /** Changes what it serves. */
  serveBytes: (bytes: Uint8Array, from: number) => Uint8Array;
  /** Breaks the connection after this many bytes of a download. */
  breakAfter: number | undefined;
  /** Takes the bytes but never files a start. */
  neverStarts: boolean;
  /** Signs its offers; a forger's is another key. */
  voice: Signer;
};

/** A partner over HTTP; `i` tells it from the others. */
export async function startFakePartner(chain: FakeChain, i: number): Promise<FakePartner> {
  const desk = new Desk(chain);
  const signer = nodeSigner(new Uint8Array(32).fill(100 + i));
  const self: FakePartner = {
    signer,
    voice: signer,
    price: BigInt(1000 + i),
    direct: false,
    uploads: new Map(),
    contents: new Map(),
    outlines: new Map(),
    takesOutlines: true,
    serveBytes: (bytes) => bytes,
    breakAfter: undefined,
    neverStarts: false,
    server: await serve(async (request, response, body) => {
      const [, kind, id = '', verb = ''] = /^\/v1\/([a-z]+)\/?([^/]*)\/?(\w*)/.exec(request.path)!;
      if (kind === 'receipts') return desk.countersign(self, response, body);
      if (kind === 'content') return serveContent(self, id, verb, request.headers.range, response);
      if (request.method === 'POST') return desk.takeVoucher(self, response, body);
      if (verb === 'outline') {
        if (!self.takesOutlines)
          return refuseWith(response, 404, { code: 'x/not-found', message: '', retry: 'never' });
        self.outlines.set(id, new Uint8Array(body));
        return json(response, desk.progress(self, id));
      }
      if (verb === 'content') return desk.takeBytes(self, id, request.query, response, body);
      return json(response, desk.progress(self, id));
    }),
  };
  return self;
}

/** What a partner does with what clients send it. */
class Desk {
  readonly #chain: FakeChain;
  readonly #vouchers = new Map<
    string,
    { sequence: number; rate: bigint; sessions: number; signature: Uint8Array }
  >();

  constructor(chain: FakeChain) {
    this.#chain = chain;
  }

  async takeVoucher(self: FakePartner, response: ServerResponse, body: Buffer): Promise<void> {
    const opened = open(body, catalogue([rateVoucher]), this.#chain.domain);
    if (isRefusal(opened)) return refuseWith(response, 400, opened as never);
    const { job, ...terms } = opened.value as {
      job: Uint8Array;
      sequence: number;
      rate: bigint;
      sessions: number;
    };
    const entry = this.#chain.jobs.get(toHex(job));
    if (entry && !isOpen(entry.job))
      return refuseWith(response, 410, {
        code: 'market/job-over',
        message: entry.job.reason,
        retry: 'later',
      });
    const id = toHex(job);
    this.#vouchers.set(id, { ...terms, signature: opened.signature });
    if (!self.uploads.has(id)) self.uploads.set(id, new Uint8Array(0));
    if (terms.sequence > 1) await this.#fileStart(self, id);
    json(response, this.progress(self, id), 201);
  }

  progress(self: FakePartner, id: string) {
    const found = this.#chain.jobs.get(id);
    const size = Number(found?.job.size ?? 0n);
    const offset = self.uploads.get(id)?.length ?? 0;
    const runs = found?.agreements.has(toHex(self.signer.id));
    const state = runs ? 'complete' : offset === size ? 'starting' : 'upload';
    return { state, offset: `${offset}`, size: `${size}` };
  }

  async takeBytes(
    self: FakePartner,
    id: string,
    query: URLSearchParams,
    response: ServerResponse,
    body: Buffer,
  ): Promise<void> {
    const held = self.uploads.get(id)!;
    if (Number(query.get('offset')) !== held.length)
      return refuseWith(response, 409, { code: 'storage/wrong-offset', message: '', retry: 'now' });
    const all = concat(held, body);
    self.uploads.set(id, all);
    const { job } = this.#chain.jobs.get(id)!;
    if (BigInt(all.length) === job.size) {
      const { contentId } = describeContent([all]);
      if (toHex(contentId) !== toHex(job.subject))
        return refuseWith(response, 400, {
          code: 'partner/other-content',
          message: '',
          retry: 'never',
        });
      self.contents.set(toHex(contentId), all);
      if (!self.neverStarts) await this.#fileStart(self, id);
    }
    json(response, this.progress(self, id));
  }

  async #fileStart(self: FakePartner, id: string): Promise<void> {
    const voucher = this.#vouchers.get(id)!;
    const { signature: clientSignature, sequence, rate, sessions } = voucher;
    const nonce = this.#chain.nonces.get(`${toHex(self.signer.id)}/node`) ?? 0n;
    const fields = { job: fromHex(id), sequence, rate, sessions, clientSignature };
    const value = { ...fields, nonce, maxFee: 1n << 60n };
    const opened = this.#chain.open(
      await signEnvelope(start, value, this.#chain.domain, self.signer),
    );
    if ('declaration' in opened) this.#chain.take(opened);
  }

  async countersign(self: FakePartner, response: ServerResponse, body: Buffer): Promise<void> {
    const opened = open(body, catalogue([clientReceipt]), this.#chain.domain);
    if (isRefusal(opened)) return refuseWith(response, 400, opened as never);
    const said = await signEnvelope(
      partnerReceipt,
      opened.value as never,
      this.#chain.domain,
      self.voice,
    );
    json(response, { receipt: toHex(said) });
  }
}

function serveContent(
  self: FakePartner,
  id: string,
  verb: string,
  range: string | undefined,
  response: ServerResponse,
): void {
  const bytes = self.contents.get(id);
  if (!bytes) {
    refuseWith(response, 404, { code: 'storage/unknown', message: 'no such', retry: 'never' });
    return;
  }
  if (verb === 'outline') {
    response.end(self.serveBytes(describeContent([bytes]).roots, -1));
    return;
  }
  const from = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
  const served = self.serveBytes(bytes.slice(from), from);
  response.writeHead(range ? 206 : 200, { 'content-length': served.length });
  if (self.breakAfter === undefined || self.breakAfter >= served.length) {
    response.end(served);
    return;
  }
  response.write(served.subarray(0, self.breakAfter), () => response.socket?.destroy());
}
