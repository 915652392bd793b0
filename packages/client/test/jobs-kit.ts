/** A client with files to store, on a fake network that each test has for itself. */
import { accountSigner, concat, equalBytes } from '@palisade/core';
import { afterAll, afterEach, beforeEach, expect } from 'vitest';
import { connect } from '../src/base/index.ts';
import type { Manifest } from '../src/content/index.ts';
import {
  type Account,
  type MarketClient,
  memorySpool,
  openMarket,
  type PutProgress,
  spoolFile,
} from '../src/jobs/index.ts';
import { FairClock } from './fair-clock.ts';
import { FakeNetwork } from './fake-network.ts';
import type { FakePartner } from './fake-partner.ts';

export const SECRET = new Uint8Array(32).fill(7);
export const MIB = 1024 * 1024;
const policy = { attempts: 4, timeoutMs: 400, pauseMs: 5 };

/** To be called at the head of a test file. */
export function useJobs(partners = 4): JobsKit {
  const kit = new JobsKit();
  beforeEach(() => kit.begin(partners));
  afterEach(() => kit.network.stop());
  afterAll(() => kit.clock.stop());
  return kit;
}

type StoreOptions = { readonly progress?: PutProgress[]; readonly quoted?: number };

export class JobsKit {
  /** All is in this process. */
  readonly clock = new FairClock();
  network!: FakeNetwork;
  market!: MarketClient;

  async begin(partners: number): Promise<void> {
    this.network = await FakeNetwork.start(partners);
    this.market = this.marketOf(SECRET);
  }

  marketOf(secret: Uint8Array, keepVoucher?: Account['keepVoucher']): MarketClient {
    // Without chance, partners are read from in the order in which the chain lists them.
    const environment = { ...this.clock.environment, random: () => 0 };
    const chain = connect({ urls: [this.network.urls[0]!], policy, environment });
    const account = { signer: accountSigner(secret), ownerSecret: secret };
    return openMarket(chain, { ...account, ...(keepVoucher ? { keepVoucher } : {}) });
  }

  /** Puts a file of that many bytes with `market`, at what as many partners as `quoted` would take. */
  async store(
    size: number,
    replicas = 3,
    { progress = [], quoted = this.network.partners.length }: StoreOptions = {},
  ) {
    const { market } = this;
    const file = await spooled(size);
    const wish = { size: file.size, replicas: quoted, durationMs: 1 };
    const { sessions, maxRate } = await market.quote(wish);
    const result = await market.put({
      ...{ ...file, replicas, sessions, maxRate, patienceMs: 3000 },
      onProgress: (step) => progress.push(step),
    });
    return { ...file, ...result };
  }

  partnerOf(key: Uint8Array): FakePartner {
    return this.network.partners.find(({ signer }) => equalBytes(signer.id, key))!;
  }
}

const bytesOf = (size: number) =>
  Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 9)) % 251);

async function* stream(bytes: Uint8Array) {
  yield bytes;
}

/** A file that is ready to be put. */
export async function spooled(size: number) {
  const bytes = bytesOf(size);
  const manifest: Manifest = { name: 'plan.txt', kind: 'file', size };
  return {
    bytes,
    ...(await spoolFile(stream(bytes), manifest, { ownerSecret: SECRET }, memorySpool)),
  };
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return concat(...parts);
}

export const refusedWith = (code: string) => expect.objectContaining({ code });
