/**
 * The list of validators that a client keeps in memory (C2V-1): found by key, reached by URL,
 * ranked by what this client itself has seen of them. Measurements never come from others.
 */
import { fromHex, toHex } from '@palisade/core';
import { MAX_DIRECTORY } from '@palisade/market/schema';
import { baseUrl, type DirectoryData, MAX_ALIAS, type Seat } from './directory-data.ts';

/** A validator as this client knows it. */
export type Validator = {
  /** Node key as hex; for a seed that has not told its key yet, its URL. */
  readonly key: string;
  /** 32 bytes; undefined until it is known. */
  readonly nodeKey: Uint8Array | undefined;
  /** Base URL of its API, without a slash at the end. */
  readonly url: string;
  /** Its name for people. */
  readonly alias: string;
  /** Kind of connection that `url` is for. */
  readonly medium: 'http';
  readonly seat: Seat;
  /** Votes, as others say. */
  readonly weight: bigint;
  /** Moving average of own requests, ms; undefined before the first. */
  readonly latencyMs: number | undefined;
  /** Own requests that were answered, 0 to 1; 1 before the first. */
  readonly reliability: number;
};

/** What others say of a validator: in a status, a confirmation or a redirect. */
export type Endpoint = {
  readonly nodeKey: Uint8Array;
  readonly url: string;
  readonly name?: string;
  readonly seat?: Seat;
  readonly weight?: bigint;
};

type Entry = {
  key: string;
  nodeKey: Uint8Array | undefined;
  url: string;
  alias: string;
  seat: Seat;
  weight: bigint;
  latencyMs: number | undefined;
  answered: number;
  asked: number;
  /** Whether the last request was answered: then a stranger's other URL is not believed. */
  works: boolean;
};

/** Weight of a new measurement in the average: about the last ten count. */
const LATENCY_STEP = 0.2;
/** What an unmeasured validator is taken for: good enough to be tried before slow ones. */
const UNMEASURED_MS = 50;
/** What a failed request costs in the ranking, ms: the time-out that it may run into. */
const FAILURE_COST_MS = 6000;
/** Requests after which the older ones count half: a validator can regain its name. */
const MAX_COUNTED = 64;

/** Lower is better: what a request to it is expected to cost. */
function expectedMs(entry: Entry): number {
  const reliability = reliabilityOf(entry);
  return (entry.latencyMs ?? UNMEASURED_MS) * reliability + FAILURE_COST_MS * (1 - reliability);
}

/** Two successes are given in advance, so that one failure is not the end. */
function reliabilityOf({ answered, asked }: Entry): number {
  return (answered + 2) / (asked + 2);
}

/** Validators by key, at most 64: all seats and their stand-bys. */
export class Directory {
  readonly #entries = new Map<string, Entry>();

  /** @throws PalisadeError `client/bad-url` for a seed, `client/bad-directory` for a cache */
  constructor(seeds: readonly string[], cached?: DirectoryData) {
    for (const line of cached?.validators ?? []) this.#restore(line);
    for (const seed of seeds) {
      const url = baseUrl(seed);
      if (![...this.#entries.values()].some((entry) => entry.url === url)) this.#addSeed(url);
    }
  }

  /** All, the best first: active seats before others, then by expected cost. */
  list(): readonly Validator[] {
    const rank = (entry: Entry) =>
      entry.seat === 'excluded' ? 2 : entry.seat === 'passive' ? 1 : 0;
    return [...this.#entries.values()]
      .sort(
        (a, b) => rank(a) - rank(b) || expectedMs(a) - expectedMs(b) || (a.key < b.key ? -1 : 1),
      )
      .map(viewOf);
  }

  find(key: Uint8Array | string): Validator | undefined {
    const entry = this.#entries.get(typeof key === 'string' ? key : toHex(key));
    return entry && viewOf(entry);
  }

  /** What a validator says of itself at `url`: this binds a seed to its key. */
  identify(url: string, self: Endpoint): void {
    const key = toHex(self.nodeKey);
    const seed = this.#entries.get(url);
    if (seed) this.#entries.delete(url);
    const known = this.#entries.get(key);
    const entry = known ?? seed ?? newEntry(url);
    this.#entries.set(key, entry);
    Object.assign(entry, { key, nodeKey: self.nodeKey, url, works: true }, told(self));
    this.#bound();
  }

  /** What others say. A URL that works is not replaced on a stranger's word. */
  hear(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) {
      const key = toHex(endpoint.nodeKey);
      let url: string;
      try {
        url = baseUrl(endpoint.url);
      } catch {
        continue; // one useless line does not spoil the list
      }
      const known = this.#entries.get(key) ?? this.#seedAt(url);
      const entry = known ?? newEntry(url);
      if (entry.key !== key) this.#entries.delete(entry.key);
      Object.assign(entry, { key, nodeKey: endpoint.nodeKey }, told(endpoint));
      if (!entry.works) entry.url = url;
      this.#entries.set(key, entry);
    }
    this.#bound();
  }

  noteAnswer(key: string, ms: number): void {
    const entry = this.#entryOf(key);
    if (!entry) return;
    const before = entry.latencyMs ?? ms;
    entry.latencyMs = before + LATENCY_STEP * (ms - before);
    entry.works = true;
    tally(entry, 1);
  }

  noteFailure(key: string): void {
    const entry = this.#entryOf(key);
    if (!entry) return;
    entry.works = false;
    tally(entry, 0);
  }

  /** Everything but unidentified seeds. */
  export(): DirectoryData {
    return {
      validators: [...this.#entries.values()]
        .filter((entry) => entry.nodeKey !== undefined)
        .map(({ key, url, alias, seat, weight, latencyMs, answered, asked }) => ({
          nodeKey: key,
          url,
          alias,
          seat,
          weight: weight.toString(),
          latencyMs: Math.round(latencyMs ?? UNMEASURED_MS),
          answered,
          asked,
        })),
    };
  }

  #restore(line: DirectoryData['validators'][number]): void {
    const { nodeKey, weight, ...rest } = line;
    const entry = { ...newEntry(baseUrl(line.url)), ...rest, key: nodeKey };
    this.#entries.set(nodeKey, { ...entry, nodeKey: fromHex(nodeKey), weight: BigInt(weight) });
  }

  /** By key; a seed that was identified while it was asked is found by the URL that was its key. */
  #entryOf(key: string): Entry | undefined {
    return this.#entries.get(key) ?? [...this.#entries.values()].find(({ url }) => url === key);
  }

  #addSeed(url: string): void {
    this.#entries.set(url, newEntry(url));
  }

  #seedAt(url: string): Entry | undefined {
    const seed = this.#entries.get(url);
    return seed?.nodeKey === undefined ? seed : undefined;
  }

  #bound(): void {
    for (const { key } of [...this.list()].reverse()) {
      if (this.#entries.size <= MAX_DIRECTORY) return;
      this.#entries.delete(key);
    }
  }
}

function newEntry(url: string): Entry {
  return {
    key: url,
    nodeKey: undefined,
    url,
    alias: '',
    seat: 'unknown',
    weight: 0n,
    latencyMs: undefined,
    answered: 0,
    asked: 0,
    works: false,
  };
}

function told({ name, seat, weight }: Endpoint): Partial<Entry> {
  return {
    ...(name === undefined ? {} : { alias: name.slice(0, MAX_ALIAS) }),
    ...(seat === undefined ? {} : { seat }),
    ...(weight === undefined ? {} : { weight }),
  };
}

function tally(entry: Entry, answered: 0 | 1): void {
  entry.asked++;
  entry.answered += answered;
  if (entry.asked <= MAX_COUNTED) return;
  entry.asked /= 2;
  entry.answered /= 2;
}

function viewOf(entry: Entry): Validator {
  const { key, nodeKey, url, alias, seat, weight, latencyMs } = entry;
  const reliability = reliabilityOf(entry);
  return { key, nodeKey, url, alias, medium: 'http', seat, weight, latencyMs, reliability };
}
