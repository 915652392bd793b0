/** Four validators and some partners over HTTP, on one fake chain, with faults to order. */
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
  type ValueOf,
} from '@palisade/core';
import {
  accept,
  acknowledgement,
  clientConnectReport,
  clientReceipt,
  confirmation,
  isOpen,
  match,
  offer,
  partnerReceipt,
  rateFor,
  rateVoucher,
  ready,
  start,
} from '@palisade/market/schema';
import { FakeChain } from './fake-chain.ts';
import { json, refuseWith, serve, type TestServer } from './http-server.ts';

export type FakeValidator = {
  readonly server: TestServer;
  readonly signer: Signer;
  /** Signs confirmations and acknowledgements; a liar's is another key. */
  voice: Signer;
};

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

export class FakeNetwork {
  readonly chain = new FakeChain();
  readonly validators: FakeValidator[] = [];
  readonly partners: FakePartner[] = [];
  /** Connection reports of clients, as they came. */
  readonly reports: ValueOf<typeof clientConnectReport>[] = [];
  readonly #offers = new Map<string, Map<string, Uint8Array>>();

  static async start(partners = 3): Promise<FakeNetwork> {
    const network = new FakeNetwork();
    for (const signer of network.chain.validators) await network.#addValidator(signer);
    for (let i = 0; i < partners; i++) await network.#addPartner(i);
    return network;
  }

  get urls(): string[] {
    return this.validators.map(({ server }) => server.url);
  }

  async stop(): Promise<void> {
    this.chain.stop();
    await Promise.all([...this.validators, ...this.partners].map(({ server }) => server.close()));
  }

  async #addValidator(signer: Signer): Promise<void> {
    const self: FakeValidator = {
      signer,
      voice: signer,
      server: await serve((request, response, body) => {
        const route = `${request.method} ${request.path}`;
        if (route.startsWith('GET /v1/query/')) {
          const name = request.path.slice('/v1/query/'.length);
          const result = this.chain.query(name, Object.fromEntries(request.query));
          if (result === undefined)
            return refuseWith(response, 404, {
              code: 'chain/not-found',
              message: 'There is no such thing.',
              retry: 'never',
            });
          return json(response, { height: `${this.chain.height}`, result });
        }
        return this.#answer(self, route, { request, response, body });
      }),
    };
    this.validators.push(self);
  }

  async #answer(
    self: FakeValidator,
    route: string,
    {
      request,
      response,
      body,
    }: {
      request: { headers: NodeJS.Dict<string | string[]>; query: URLSearchParams };
      response: ServerResponse;
      body: Buffer;
    },
  ): Promise<void> {
    const [, kind, id = '', verb = ''] = /^\w+ \/(?:v1\/)?([a-z]+)\/?([^/]*)\/?(\w*)/.exec(route)!;
    if (kind === 'status') return json(response, this.#status(self));
    if (route === 'POST /v1/transactions') return this.#submit(self, response, body);
    if (kind === 'transactions') return json(response, this.chain.transaction(id));
    if (route === 'POST /v1/jobs') return this.#confirm(self, response, body);
    if (verb === 'offers') return this.#streamOffers(response, id);
    if (route.endsWith('/connect-reports')) return this.#takeReport(response, body);
    if (verb === 'accept') return this.#accept(self, response, body);
    if (verb === 'history') {
      const events = this.chain.events.filter(({ data }) => (data as { job?: string }).job === id);
      return json(response, { events });
    }
    if (kind === 'partners') return json(response, { partners: await this.#board() });
    if (kind === 'faucet') return json(response, { amount: `${100n * 10n ** 18n}` }, 202);
    if (kind === 'events') return this.#streamEvents(response, request);
    return refuseWith(response, 404, { code: 'api/unknown', message: route, retry: 'never' });
  }

  #status({ signer, server }: FakeValidator) {
    return {
      chainId: 'fake',
      genesisHash: toHex(this.chain.domain.genesisHash),
      name: `validator ${server.url}`,
      nodeKey: toHex(signer.id),
      seat: 'active',
      url: server.url,
      height: `${this.chain.height}`,
      timeMs: '1000',
      session: `${this.chain.session}`,
      appHash: toHex(new Uint8Array(32)),
      engine: 'none',
      blockTimeMs: 25,
      version: '0',
      directory: this.validators.map((validator, i) => ({
        nodeKey: toHex(validator.signer.id),
        url: validator.server.url,
        name: `v${i}`,
        seat: 'active',
        weight: '10',
      })),
    };
  }

  async #submit(self: FakeValidator, response: ServerResponse, body: Buffer): Promise<void> {
    const opened = this.chain.open(body);
    const refusal = 'declaration' in opened ? this.chain.take(opened) : opened;
    if (refusal || !('declaration' in opened)) return refuseWith(response, 400, refusal!);
    const value = { transaction: opened.id, height: this.chain.height };
    const said = await signEnvelope(acknowledgement, value, this.chain.domain, self.voice);
    json(response, { id: toHex(opened.id), acknowledgement: toHex(said) }, 202);
  }

  async #confirm(self: FakeValidator, response: ServerResponse, body: Buffer): Promise<void> {
    const opened = this.chain.open(body);
    const refusal = 'declaration' in opened ? this.chain.take(opened) : opened;
    if (refusal || !('declaration' in opened)) return refuseWith(response, 400, refusal!);
    const value = {
      job: opened.id,
      height: this.chain.height + 1n,
      jobsInFile: 1,
      session: this.chain.session,
      validatorSetHash: new Uint8Array(32),
      validators: this.validators.map((v) => ({ nodeKey: v.signer.id, url: v.server.url })),
    };
    const said = await signEnvelope(confirmation, value, this.chain.domain, self.voice);
    json(response, { job: toHex(opened.id), confirmation: toHex(said) }, 202);
  }

  async #board() {
    const lines = this.partners.map(async (partner) => ({
      ready: toHex(await this.#readyOf(partner)),
      nodeKey: toHex(partner.signer.id),
      lastSeenMs: Date.now(),
      standing: partner.standing,
    }));
    return Promise.all(lines);
  }

  #takeReport(response: ServerResponse, body: Buffer): void {
    const opened = open(body, catalogue([clientConnectReport]), this.chain.domain);
    if (isRefusal(opened)) throw new Error(opened.message);
    this.reports.push(opened.value as ValueOf<typeof clientConnectReport>);
    json(response, {}, 202);
  }

  #readyOf({ signer, server, price, direct }: FakePartner): Promise<Uint8Array> {
    const value = {
      sequence: 1n,
      atMs: BigInt(Date.now()),
      expiresMs: BigInt(Date.now() + 60_000),
      url: server.url,
      utility: 1,
      price,
      maxSize: 1n << 38n,
      maxSessions: 1095,
      freeBytes: 1n << 40n,
      freeSlots: 100,
      direct: direct ? 1 : 0,
      accepting: 1,
      reason: '',
    };
    return signEnvelope(ready, value, this.chain.domain, signer);
  }

  async #offersFor(job: string): Promise<Map<string, Uint8Array>> {
    const size = this.chain.jobs.get(job)?.job.size ?? 0n;
    const made = new Map<string, Uint8Array>();
    for (const partner of this.partners.filter(({ direct }) => !direct)) {
      const value = {
        job: fromHex(job),
        rate: rateFor(partner.price, size),
        validUntilMs: BigInt(Date.now() + 60_000),
        ready: await this.#readyOf(partner),
      };
      made.set(
        toHex(partner.signer.id),
        await signEnvelope(offer, value, this.chain.domain, partner.voice),
      );
    }
    this.#offers.set(job, made);
    return made;
  }

  async #streamOffers(response: ServerResponse, job: string): Promise<void> {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [key, said] of await this.#offersFor(job)) {
      const partner = this.partners.find(({ signer }) => toHex(signer.id) === key)!;
      const data = {
        offer: toHex(said),
        ready: toHex(await this.#readyOf(partner)),
        direct: false,
        standing: partner.standing,
      };
      response.write(`event: offer\ndata: ${JSON.stringify(data)}\n\n`);
    }
    for (const partner of this.partners.filter(({ direct }) => direct)) {
      const { standing } = partner;
      const ready = toHex(await this.#readyOf(partner));
      const data = { ready, direct: true, rttMs: 7, standing };
      response.write(`event: offer\ndata: ${JSON.stringify(data)}\n\n`);
    }
    response.end('event: end\ndata: {}\n\n');
  }

  async #accept(self: FakeValidator, response: ServerResponse, body: Buffer): Promise<void> {
    const opened = open(body, catalogue([accept]), this.chain.domain);
    if (isRefusal(opened)) return refuseWith(response, 400, opened as never);
    const { job, partner, rate } = opened.value as {
      job: Uint8Array;
      partner: Uint8Array;
      rate: bigint;
    };
    const found = this.partners.find(({ signer }) => toHex(signer.id) === toHex(partner))!;
    const readyBytes = await this.#readyOf(found);
    const value = { job, client: opened.sender, partner, rate, ready: readyBytes };
    const said = await signEnvelope(match, value, this.chain.domain, self.signer);
    json(response, { match: toHex(said) });
  }

  #streamEvents(
    response: ServerResponse,
    request: { headers: NodeJS.Dict<string | string[]>; query: URLSearchParams },
  ): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': welcome\n\n');
    const last = /^(\d+)\.(\d+)$/.exec(`${request.headers['last-event-id'] ?? ''}`);
    const from = Number(request.query.get('from') ?? 0);
    const write = (event: (typeof this.chain.events)[number]) =>
      response.write(
        `id: ${event.height}.${event.index}\nevent: ${event.name}\ndata: ${JSON.stringify(event)}\n\n`,
      );
    for (const event of this.chain.events) {
      const height = Number(event.height);
      const seen = last
        ? height < Number(last[1]) || (height === Number(last[1]) && event.index <= Number(last[2]))
        : height < from;
      if (!seen) write(event);
    }
    response.on('close', this.chain.listen(write));
  }

  async #addPartner(i: number): Promise<void> {
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
        const [, kind, id = '', verb = ''] = /^\/v1\/([a-z]+)\/?([^/]*)\/?(\w*)/.exec(
          request.path,
        )!;
        if (kind === 'receipts') return this.#countersign(self, response, body);
        if (kind === 'content')
          return serveContent(self, id, verb, request.headers.range, response);
        if (request.method === 'POST') return this.#takeVoucher(self, response, body);
        if (verb === 'outline') {
          if (!self.takesOutlines)
            return refuseWith(response, 404, { code: 'x/not-found', message: '', retry: 'never' });
          self.outlines.set(id, new Uint8Array(body));
          return json(response, this.#progress(self, id));
        }
        if (verb === 'content') return this.#takeBytes(self, id, request.query, response, body);
        return json(response, this.#progress(self, id));
      }),
    };
    this.partners.push(self);
  }

  readonly #vouchers = new Map<
    string,
    { sequence: number; rate: bigint; sessions: number; signature: Uint8Array }
  >();

  async #takeVoucher(self: FakePartner, response: ServerResponse, body: Buffer): Promise<void> {
    const opened = open(body, catalogue([rateVoucher]), this.chain.domain);
    if (isRefusal(opened)) return refuseWith(response, 400, opened as never);
    const { job, ...terms } = opened.value as {
      job: Uint8Array;
      sequence: number;
      rate: bigint;
      sessions: number;
    };
    const entry = this.chain.jobs.get(toHex(job));
    if (entry && !isOpen(entry.job))
      return refuseWith(response, 410, {
        code: 'market/job-over',
        message: entry.job.reason,
        retry: 'later',
      });
    const key = `${toHex(job)}${toHex(self.signer.id)}`;
    this.#vouchers.set(key, { ...terms, signature: opened.signature });
    const id = toHex(job);
    if (!self.uploads.has(id)) self.uploads.set(id, new Uint8Array(0));
    if (terms.sequence > 1) await this.#fileStart(self, id);
    json(response, this.#progress(self, id), 201);
  }

  #progress(self: FakePartner, id: string) {
    const found = this.chain.jobs.get(id);
    const size = Number(found?.job.size ?? 0n);
    const offset = self.uploads.get(id)?.length ?? 0;
    const runs = found?.agreements.has(toHex(self.signer.id));
    const state = runs ? 'complete' : offset === size ? 'starting' : 'upload';
    return { state, offset: `${offset}`, size: `${size}` };
  }

  async #takeBytes(
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
    const { job } = this.chain.jobs.get(id)!;
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
    json(response, this.#progress(self, id));
  }

  async #fileStart(self: FakePartner, id: string): Promise<void> {
    const voucher = this.#vouchers.get(`${id}${toHex(self.signer.id)}`)!;
    const { signature: clientSignature, sequence, rate, sessions } = voucher;
    const nonce = this.chain.nonces.get(`${toHex(self.signer.id)}/node`) ?? 0n;
    const fields = { job: fromHex(id), sequence, rate, sessions, clientSignature };
    const value = { ...fields, nonce, maxFee: 1n << 60n };
    const opened = this.chain.open(
      await signEnvelope(start, value, this.chain.domain, self.signer),
    );
    if ('declaration' in opened) this.chain.take(opened);
  }

  async #countersign(self: FakePartner, response: ServerResponse, body: Buffer): Promise<void> {
    const opened = open(body, catalogue([clientReceipt]), this.chain.domain);
    if (isRefusal(opened)) return refuseWith(response, 400, opened as never);
    const said = await signEnvelope(
      partnerReceipt,
      opened.value as never,
      this.chain.domain,
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
