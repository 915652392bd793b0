/**
 * A small application for engine tests: keys and values, and a few transactions that make an engine
 * do things. A real application, not a stand-in for one: it checks what an engine must guarantee.
 *
 *   key=value               sets a key
 *   seat:<hex key>=<power>  changes a validator
 *   app=<version>           changes the application version by consensus parameters
 *   until:<height>          passes checkTx only below that height
 *   fail:<text>             passes checkTx and fails in the block with code 7
 *   <anything else>         is refused by checkTx with code 1
 *
 * `Disk` is what survives the process; everything else in here is lost with it.
 */
import { compareBytes, concat, equalBytes, fromHex, toHex, utf8 } from '@palisade/core';
import { ed25519, sha256 } from '@palisade/core/crypto';
import type {
  ExecTxResult,
  ExtendedCommitInfo,
  FinalizeBlockRequest,
  FinalizeBlockResponse,
  Misbehavior,
  PrepareProposalRequest,
  Snapshot,
} from '@palisade/formats';
import { extensionSignBytes, merkleRoot, txBytes, validatorAddress } from '@palisade/formats';
import type { Replica, StoreChange } from '../src/index.ts';

type Entries = ReadonlyMap<string, string>;
type Saved = { readonly height: bigint; readonly entries: Entries; readonly appHash: Uint8Array };

/** What a process leaves behind. */
export type Disk = { saved: Saved; snapshots: { snapshot: Snapshot; bytes: Uint8Array }[] };

export type KvOptions = {
  /** Take a snapshot every so many heights. */
  readonly snapshotEvery?: bigint;
  /** Bends what the replica writes at a height, to make it differ from its twin. */
  readonly twist?: (height: bigint, key: string, value: string) => string;
  readonly twistResult?: (height: bigint, result: ExecTxResult) => ExecTxResult;
};

/** What the application saw, for tests to look at. */
export type Seen = {
  readonly proposals: PrepareProposalRequest[];
  readonly finalized: FinalizeBlockRequest[];
  readonly misbehavior: Misbehavior[];
  /** Extensions of the last commit whose signature was checked by the proposer, by height. */
  readonly extensions: Map<bigint, readonly string[]>;
};

export type Kvstore = Replica & { readonly seen: Seen; get(key: string): string | undefined };

const CHUNK_BYTES = 64;
const NO_BYTES = new Uint8Array(0);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

export function newDisk(): Disk {
  return { saved: { height: 0n, entries: new Map(), appHash: NO_BYTES }, snapshots: [] };
}

export function createKvstore(disk: Disk, options: KvOptions = {}): Kvstore {
  return new Store(disk, options);
}

class Store implements Kvstore {
  readonly seen: Seen = { proposals: [], finalized: [], misbehavior: [], extensions: new Map() };
  private chainId = '';
  private keys = new Map<string, Uint8Array>();
  private pending: Saved | undefined;
  private written: StoreChange[] = [];
  private restoring: { snapshot: Snapshot; chunks: Uint8Array[] } | undefined;
  private readonly disk: Disk;
  private readonly options: KvOptions;

  constructor(disk: Disk, options: KvOptions) {
    this.disk = disk;
    this.options = options;
    this.recall();
  }

  get(key: string) {
    return this.disk.saved.entries.get(key);
  }

  async info() {
    const { height, appHash } = this.disk.saved;
    return {
      data: 'kvstore',
      version: '1',
      appVersion: 1n,
      lastBlockHeight: height,
      lastBlockAppHash: appHash,
    };
  }

  async initChain(request: Parameters<Replica['initChain']>[0]) {
    const entries = new Map([
      ['chain', request.chainId],
      ['genesis', text(request.appStateBytes)],
      ...request.validators.map(
        ({ publicKey, power }) => [seatKey(publicKey), `${power}`] as const,
      ),
    ]);
    // Nothing is committed here: until the first block the application is at height 0.
    this.disk.saved = { height: 0n, entries, appHash: hashOf(entries) };
    this.recall();
    return { validators: [], appHash: this.disk.saved.appHash };
  }

  async checkTx({ tx }: { readonly tx: Uint8Array }) {
    const line = text(tx);
    const until = /^until:(\d+)$/.exec(line)?.[1];
    if (until !== undefined) {
      const passes = this.disk.saved.height < BigInt(until);
      return passes ? result(0) : { ...result(2), log: `only below height ${until}` };
    }
    return parse(line) || line.startsWith('fail:')
      ? result(0)
      : { ...result(1), log: 'what is this?' };
  }

  async prepareProposal(request: PrepareProposalRequest) {
    this.seen.proposals.push(request);
    const extensions = this.checkedExtensions(request.height, request.localLastCommit);
    this.seen.extensions.set(request.height, extensions);
    const txs = [utf8(`votes=${extensions.join('+')}`), ...request.txs];
    let left = Number(request.maxTxBytes);
    const fitting = txs.filter((tx) => {
      left -= txBytes(tx);
      return left >= 0;
    });
    return { txs: fitting };
  }

  async processProposal({ txs }: { readonly txs: readonly Uint8Array[] }) {
    const good = txs.length > 0 && text(txs[0]!).startsWith('votes=');
    return { status: good ? ('accept' as const) : ('reject' as const) };
  }

  async extendVote({ height }: { readonly height: bigint }) {
    return { voteExtension: utf8(`ext${height}`) };
  }

  async verifyVoteExtension(request: {
    readonly height: bigint;
    readonly voteExtension: Uint8Array;
  }) {
    const good = text(request.voteExtension) === `ext${request.height}`;
    return { status: good ? ('accept' as const) : ('reject' as const) };
  }

  async finalizeBlock(request: FinalizeBlockRequest): Promise<FinalizeBlockResponse> {
    const { height } = request;
    if (height !== this.disk.saved.height + 1n && this.disk.saved.height !== 0n) {
      throw new Error(`height ${height} follows ${this.disk.saved.height}`);
    }
    this.seen.finalized.push(request);
    this.seen.misbehavior.push(...request.misbehavior);
    const entries = new Map(this.disk.saved.entries);
    this.written = [];
    const set = (key: string, value: string) => {
      const bent = this.options.twist?.(height, key, value) ?? value;
      entries.set(key, bent);
      this.written.push(['kv', utf8(key), utf8(bent)]);
    };
    for (const { validator } of request.misbehavior) {
      set(`misbehaved/${toHex(validator.address)}`, `${validator.power}`);
    }
    const validatorUpdates: { publicKey: Uint8Array; power: bigint }[] = [];
    let version: bigint | undefined;
    const txResults = request.txs.map((tx) => {
      const line = text(tx);
      const pair = parse(line);
      if (!pair) return line.startsWith('until:') ? result(0) : { ...result(7), log: line };
      const [key, value] = pair;
      if (key === 'app') version = BigInt(value);
      const seat = /^seat:([0-9a-f]{64})$/.exec(key)?.[1];
      if (seat !== undefined) {
        validatorUpdates.push({ publicKey: fromHex(seat), power: BigInt(value) });
      }
      set(seat === undefined ? key : seatKey(fromHex(seat)), value);
      const plain = { ...result(0), data: utf8(value), gasWanted: 1n, gasUsed: 1n };
      return this.options.twistResult?.(height, plain) ?? plain;
    });
    const appHash = hashOf(entries);
    this.pending = { height, entries, appHash };
    return {
      events: [{ type: 'block', attributes: [{ key: 'height', value: `${height}`, index: true }] }],
      txResults,
      validatorUpdates,
      ...(version !== undefined && { consensusParamUpdates: { version: { app: version } } }),
      appHash,
    };
  }

  async commit() {
    if (!this.pending) throw new Error('nothing to commit');
    this.disk.saved = this.pending;
    this.pending = undefined;
    this.recall();
    const { height } = this.disk.saved;
    const every = this.options.snapshotEvery;
    if (every !== undefined && height % every === 0n) this.takeSnapshot();
    return { retainHeight: 0n };
  }

  async query({ data }: { readonly data: Uint8Array }) {
    const value = this.get(text(data));
    return {
      ...result(value === undefined ? 1 : 0),
      index: 0n,
      key: data,
      value: utf8(value ?? ''),
      proofOps: [],
      height: this.disk.saved.height,
    };
  }

  async changes() {
    return [...this.written].sort((a, b) => compareBytes(a[1], b[1]));
  }

  async listSnapshots() {
    return { snapshots: this.disk.snapshots.map(({ snapshot }) => snapshot) };
  }

  async loadSnapshotChunk({ height, chunk }: { readonly height: bigint; readonly chunk: number }) {
    const found = this.disk.snapshots.find(({ snapshot }) => snapshot.height === height);
    return {
      chunk: found?.bytes.slice(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES) ?? NO_BYTES,
    };
  }

  async offerSnapshot({ snapshot }: { readonly snapshot: Snapshot }) {
    this.restoring = { snapshot, chunks: [] };
    return { result: 'accept' as const };
  }

  async applySnapshotChunk({
    index,
    chunk,
  }: {
    readonly index: number;
    readonly chunk: Uint8Array;
  }) {
    const { snapshot, chunks } = this.restoring!;
    chunks[index] = chunk;
    if (chunks.length === snapshot.chunks) this.restore(snapshot, concat(...chunks));
    return { result: 'accept' as const, refetchChunks: [], rejectSenders: [] };
  }

  private takeSnapshot(): void {
    const { height, entries } = this.disk.saved;
    const bytes = utf8(JSON.stringify([...entries]));
    const chunks = Math.ceil(bytes.length / CHUNK_BYTES);
    const snapshot = { height, format: 1, chunks, hash: sha256(bytes), metadata: NO_BYTES };
    this.disk.snapshots.push({ snapshot, bytes });
  }

  private restore({ height, hash }: Snapshot, bytes: Uint8Array): void {
    if (!equalBytes(sha256(bytes), hash)) throw new Error('pieces of another snapshot');
    const entries = new Map(JSON.parse(text(bytes)) as [string, string][]);
    this.disk.saved = { height, entries, appHash: hashOf(entries) };
    this.recall();
  }

  /** Everything beside the disk is derived from it. */
  private recall(): void {
    const { entries } = this.disk.saved;
    this.chainId = entries.get('chain') ?? '';
    const seats = [...entries.keys()].filter((key) => key.startsWith('seat/'));
    this.keys = new Map(
      seats.map((key) => {
        const publicKey = fromHex(key.slice('seat/'.length));
        return [toHex(validatorAddress(publicKey)), publicKey];
      }),
    );
  }

  /** A proposer must be able to check what it passes on: every extension is signed. */
  private checkedExtensions(height: bigint, { round, votes }: ExtendedCommitInfo): string[] {
    return votes.flatMap(({ validator, blockIdFlag, voteExtension, extensionSignature }) => {
      if (blockIdFlag !== 'commit') return [];
      const vote = { height: height - 1n, round, extension: voteExtension };
      const message = extensionSignBytes(this.chainId, vote);
      const key = this.keys.get(toHex(validator.address))!;
      if (!ed25519.verify(extensionSignature, message, key))
        throw new Error('extension not signed');
      return [text(voteExtension)];
    });
  }
}

function parse(line: string): [string, string] | undefined {
  const at = line.indexOf('=');
  return at > 0 ? [line.slice(0, at), line.slice(at + 1)] : undefined;
}

function seatKey(publicKey: Uint8Array): string {
  return `seat/${toHex(publicKey).slice(2)}`;
}

function hashOf(entries: Entries): Uint8Array {
  return merkleRoot(
    [...entries]
      .map((pair) => pair.join('='))
      .sort()
      .map(utf8),
  );
}

function result(code: number): ExecTxResult {
  return {
    code,
    data: NO_BYTES,
    log: '',
    info: '',
    gasWanted: 0n,
    gasUsed: 0n,
    events: [],
    codespace: code === 0 ? '' : 'kv',
  };
}
