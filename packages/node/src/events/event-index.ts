/**
 * What happened, kept for those who ask later: events by height, transactions by id, and the
 * history of each job and of each payment. It is derived from the engine's stored blocks and can be made again.
 */
import type { EventDeclaration, Module } from '@palisade/chain';
import {
  type Catalogue,
  type Domain,
  fromHex,
  isRefusal,
  open,
  readU64be,
  u64be,
} from '@palisade/core';
import type { CommittedBlock } from '@palisade/engine';
import type { AbciEvent } from '@palisade/formats';
import { type Database, open as openDb } from 'lmdb';

/** An event as clients see it. */
export type ChainEvent = {
  readonly height: string;
  readonly index: number;
  readonly timeMs: string;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
};

/** Where a transaction stands. */
export type TxPlace = { readonly height: bigint; readonly index: number };

type Table = Database<Uint8Array, Uint8Array>;
/** Attributes that tie an event to a job, and to a payment of the child chain: 32 bytes that nothing else has. */
const SUBJECTS = ['job', 'hash'];
/**
 * Where the last block is noted: another place whenever what is kept of a block changes, so that an index that
 * was made before has none, and is made again.
 */
const LAST = new Uint8Array([1]);

const encode = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const decode = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());

function place(height: bigint, index: number): Uint8Array {
  const key = new Uint8Array(12);
  key.set(u64be(height));
  new DataView(key.buffer).setUint32(8, index);
  return key;
}

export class EventIndex {
  private readonly root;
  private readonly events: Table;
  private readonly txs: Table;
  private readonly histories: Table;
  private readonly meta: Table;
  private readonly declarations: ReadonlyMap<string, EventDeclaration>;
  private readonly known: Catalogue;
  private readonly domain: Domain;
  private readonly listeners = new Set<(events: readonly ChainEvent[], height: bigint) => void>();

  constructor(path: string, modules: readonly Module[], known: Catalogue, domain: Domain) {
    const declared = modules.flatMap((module) => module.events ?? []);
    this.declarations = new Map(declared.map((event) => [event.name, event]));
    const options = { encoding: 'binary', keyEncoding: 'binary' } as const;
    this.root = openDb<Uint8Array, Uint8Array>({ path, maxDbs: 6, ...options });
    const table = (name: string): Table =>
      this.root.openDB<Uint8Array, Uint8Array>({ name, ...options });
    this.events = table('events');
    this.txs = table('txs');
    this.histories = table('histories');
    this.meta = table('meta');
    if (this.height === 0n)
      for (const made of [this.events, this.txs, this.histories, this.meta]) made.clearSync();
    this.known = known;
    this.domain = domain;
  }

  /** Height of the last block that is in the index. */
  get height(): bigint {
    const bytes = this.meta.getBinary(LAST);
    return bytes ? readU64be(bytes) : 0n;
  }

  /** Adds a block, and tells the listeners once it is readable. */
  async add(block: CommittedBlock): Promise<void> {
    const { height, timeNs } = block.block.header;
    if (height <= this.height) return;
    const timeMs = (timeNs / 1_000_000n).toString();
    const raw: AbciEvent[] = [
      ...block.results.events,
      ...block.results.txResults.flatMap((result) => [...result.events]),
    ];
    const events = raw.map((event, index) => ({
      height: height.toString(),
      index,
      timeMs,
      name: event.type,
      data: fieldsOf(event, this.declarations.get(event.type)),
    }));
    await this.root.transaction(() => {
      for (const event of events) {
        this.events.put(place(height, event.index), encode(event));
        for (const subject of SUBJECTS.map((name) => event.data[name]))
          if (typeof subject === 'string' && subject.startsWith('0x'))
            this.histories.put(
              Buffer.concat([fromHex(subject), place(height, event.index)]),
              new Uint8Array(1),
            );
      }
      for (const [index, tx] of block.block.txs.entries()) {
        const opened = open(tx, this.known, this.domain);
        if (!isRefusal(opened)) this.txs.put(opened.id, place(height, index));
      }
      this.meta.put(LAST, u64be(height));
    });
    for (const listener of this.listeners) listener(events, height);
  }

  /** Calls back with each new block's events; answers how to end it. */
  onBlock(listener: (events: readonly ChainEvent[], height: bigint) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Events from a place on, oldest first. */
  *from(height: bigint, index = 0): Generator<ChainEvent> {
    for (const { value } of this.events.getRange({ start: place(height, index) as never }))
      yield decode(value) as ChainEvent;
  }

  /** Every event that names a job, or a payment by its hash, oldest first. */
  historyOf(subject: Uint8Array): ChainEvent[] {
    const range = {
      start: subject as never,
      end: Buffer.concat([subject, Buffer.alloc(13, 0xff)]) as never,
    };
    const history: ChainEvent[] = [];
    for (const { key } of this.histories.getRange(range)) {
      const event = this.events.getBinary((key as Buffer).subarray(32));
      if (event) history.push(decode(event) as ChainEvent);
    }
    return history;
  }

  /** Where a transaction stands, once it is in a block. */
  placeOf(id: Uint8Array): TxPlace | undefined {
    const bytes = this.txs.getBinary(id);
    if (!bytes) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return { height: view.getBigUint64(0), index: view.getUint32(8) };
  }

  async close(): Promise<void> {
    await this.root.close();
  }
}

/** Attributes carry texts as they are, and JSON for everything else; the declaration tells which. */
export function fieldsOf(event: AbciEvent, declaration: EventDeclaration | undefined) {
  const fields = declaration?.schema.fields ?? {};
  return Object.fromEntries(
    event.attributes.map(({ key, value }) => [
      key,
      (fields[key]?.jsonSchema.type ?? 'string') === 'string' ? value : JSON.parse(value),
    ]),
  );
}
