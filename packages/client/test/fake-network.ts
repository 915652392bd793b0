/** Four validators and some partners over HTTP, on one fake chain, with faults to order. */
import type { ServerResponse } from 'node:http';
import {
  catalogue,
  fromHex,
  isRefusal,
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
  confirmation,
  match,
  offer,
  rateFor,
  ready,
} from '@palisade/market/schema';
import { FakeChain } from './fake-chain.ts';
import { type FakePartner, startFakePartner } from './fake-partner.ts';
import { json, refuseWith, serve, type TestServer } from './http-server.ts';

export type FakeValidator = {
  readonly server: TestServer;
  readonly signer: Signer;
  /** Signs confirmations and acknowledgements; a liar's is another key. */
  voice: Signer;
  /** Signs the READYs in its matches, of a liar that leads clients elsewhere. */
  forger?: Signer;
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
    for (let i = 0; i < partners; i++)
      network.partners.push(await startFakePartner(network.chain, i));
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
    const readyBytes = await this.#readyOf({ ...found, signer: self.forger ?? found.signer });
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
}
