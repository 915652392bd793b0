/**
 * `npm run bench -- payments [validate | block | start | memory …]`: what the child chain costs.
 *
 * `validate` reads, recovers and judges signed payments of one input; the anchor is the recovery of the
 * same signatures alone, which is what the machine can do at best. `block` makes a full block of
 * payments that were opened before, up to its root; the anchor hashes as many bytes for leaves and
 * nodes in a plain loop. `start` loads the image of a ledger; the anchor puts the same records into a
 * Map. `memory` is what either takes for each output, on and off the heap. Times are of the processor.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isRefusal, toBinaryString } from '@palisade/core';
import { keccak256, secp256k1, sha256 } from '@palisade/core/crypto';
import {
  BlockFormer,
  encodeSigned,
  judge,
  Ledger,
  MAX_PAYMENTS,
  type Opened,
  OUTPUT_RECORD_BYTES,
  type Output,
  openBlock,
  openTransaction,
  outputRecord,
  type Payment,
  paymentDomain,
  positionOf,
  readOutputRecord,
  signingDigest,
  v2,
} from '@palisade/payments';
import { type Round, type Row, report, rowOf, timed } from './kit.ts';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
/** Payments that are validated in a round. */
const PAYMENTS = 10_000;
/** Outputs of a ledger of the reference's largest measurement. */
const OUTPUTS = Number(process.env.LARGE ?? 3_000_000);
/** How many owners those have between them. */
const OWNERS = Math.ceil(OUTPUTS / 3);
/** Records of a chunk: 5 MiB. */
const CHUNK = 65_536;

const domain = paymentDomain(v2, new Uint8Array(20).fill(0xf0));
const ETHER = new Uint8Array(20);
const secret = sha256(Uint8Array.of(1));
const owner = secp256k1.addressOf(secret);
const output = (amount: bigint): Output => ({ type: 1, owner, token: ETHER, amount });

/** Payments of deposits 1, 2, 3 … to two outputs each. */
function payments(count: number): { unsigned: Payment; position: bigint }[] {
  return Array.from({ length: count }, (_, i) => {
    const position = positionOf({
      blknum: 1 + Math.floor(i / 999) * 1000 + (i % 999),
      txindex: 0,
      oindex: 0,
    });
    const outputs = [output(10n ** 17n + BigInt(i)), output(9n * 10n ** 17n)];
    const unsigned = {
      type: 1 as const,
      inputs: [position],
      outputs,
      metadata: new Uint8Array(32),
    };
    return { unsigned, position };
  });
}

function ledgerOf(positions: Iterable<bigint>): Ledger {
  const ledger = new Ledger();
  for (const position of positions) ledger.create(position, output(2n * 10n ** 18n));
  return ledger;
}

/** Judged as if it came after all deposits. */
const BLKNUM = 1_000_000_000;

async function validate(): Promise<Row> {
  const all = payments(PAYMENTS).map(({ unsigned, position }) => {
    const digest = signingDigest(domain, unsigned);
    const signature = secp256k1.sign(digest, secret);
    return { position, digest, signature, bytes: encodeSigned(unsigned, [signature]) };
  });
  const ledger = ledgerOf(all.map(({ position }) => position));
  const block = openBlock(BLKNUM);
  const ours = () => {
    for (const { bytes } of all) {
      const opened = openTransaction(domain, bytes, secp256k1.recover);
      if (isRefusal(opened) || isRefusal(judge(ledger, block, opened))) throw new Error('refused');
    }
  };
  const anchor = () => {
    for (const { digest, signature } of all)
      if (!secp256k1.recover(digest, signature)) throw new Error('void');
  };
  const speed = (seconds: number) => PAYMENTS / seconds;
  return measured(
    {
      case: 'validate',
      unit: 'payments/core-s',
      note: 'against the recovery of their signatures alone; 1 is the limit',
    },
    async () => speed((await timed(ours)).cpu),
    async () => speed((await timed(anchor)).cpu),
  );
}

async function block(): Promise<Row> {
  const all = payments(MAX_PAYMENTS);
  const ledger = ledgerOf(all.map(({ position }) => position));
  const bytes = new Uint8Array(65).fill(1);
  const opened = all.map(({ unsigned }) =>
    openTransaction(domain, encodeSigned(unsigned, [bytes]), () => owner),
  ) as Opened[];
  const ours = () => {
    const former = new BlockFormer(ledger, BLKNUM);
    for (const one of opened) if (isRefusal(former.add(one))) throw new Error('refused');
    former.claimFees(owner);
    former.close();
  };
  const leaf = new Uint8Array(1 + opened[0]!.raw.length);
  const node = new Uint8Array(65);
  const anchor = () => {
    for (let i = 0; i < MAX_PAYMENTS; i++) keccak256(leaf);
    for (let i = 0; i < MAX_PAYMENTS; i++) keccak256(node);
  };
  return measured(
    {
      case: 'block',
      unit: 'core-s',
      note: `${MAX_PAYMENTS} payments judged, applied to a draft and hashed, against the hashes alone`,
    },
    async () => (await timed(ours)).cpu,
    async () => (await timed(anchor)).cpu,
  );
}

/** An image of outputs of many owners. */
function image(): Uint8Array[] {
  const owners = Array.from({ length: OWNERS }, (_, i) => {
    const address = new Uint8Array(20);
    new DataView(address.buffer).setUint32(0, Math.imul(i + 1, 0x9e3779b1));
    new DataView(address.buffer).setUint32(16, i);
    return address;
  });
  const chunks: Uint8Array[] = [];
  for (let from = 0; from < OUTPUTS; from += CHUNK) {
    const count = Math.min(CHUNK, OUTPUTS - from);
    const chunk = new Uint8Array(count * OUTPUT_RECORD_BYTES);
    for (let i = 0; i < count; i++) {
      const at = from + i;
      const place = {
        blknum: 1000 * (1 + Math.floor(at / 60_000)),
        txindex: at % 60_000,
        oindex: 0,
      };
      const who = owners[(Math.imul(at, 7919) >>> 0) % OWNERS]!;
      const record = outputRecord({
        position: positionOf(place),
        output: { type: 1, owner: who, token: ETHER, amount: 10n ** 18n + BigInt(at) },
      });
      chunk.set(record, i * OUTPUT_RECORD_BYTES);
    }
    chunks.push(chunk);
  }
  return chunks;
}

function loadLedger(chunks: readonly Uint8Array[]): Ledger {
  const ledger = new Ledger();
  ledger.load(chunks, OUTPUTS);
  return ledger;
}

/** What one writes first: a Map by position, and one by owner. */
function loadMaps(chunks: readonly Uint8Array[]): unknown {
  const outputs = new Map<bigint, Output>();
  const byOwner = new Map<string, Set<bigint>>();
  for (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += OUTPUT_RECORD_BYTES) {
      const placed = readOutputRecord(chunk.subarray(at, at + OUTPUT_RECORD_BYTES));
      outputs.set(placed.position, placed.output);
      const who = toBinaryString(placed.output.owner);
      const mine = byOwner.get(who);
      if (mine) mine.add(placed.position);
      else byOwner.set(who, new Set([placed.position]));
    }
  return { outputs, byOwner };
}

async function start(): Promise<Row> {
  const chunks = image();
  return measured(
    {
      case: 'start',
      unit: 'core-s',
      note: `an image of ${OUTPUTS} outputs of ${OWNERS} owners, against Maps of the same; to be below 2 s`,
    },
    async () => (await timed(() => loadLedger(chunks))).cpu,
    async () => (await timed(() => loadMaps(chunks))).cpu,
  );
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that stay when `make` has made something, for each output. */
function kept(make: () => unknown): number {
  collect();
  const bytes = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  const before = bytes();
  const made = make();
  collect();
  const after = bytes();
  if (!made) throw new Error('nothing was made');
  return (after - before) / OUTPUTS;
}

async function memory(): Promise<Row> {
  const chunks = image();
  return measured(
    {
      case: 'memory',
      unit: 'bytes/output',
      note: 'heap and array buffers, against Maps of the same; to be below 120',
    },
    async () => kept(() => loadLedger(chunks)),
    async () => kept(() => loadMaps(chunks)),
  );
}

async function measured(
  head: Pick<Row, 'case' | 'unit' | 'note'>,
  ours: () => Promise<number>,
  anchor: () => Promise<number>,
): Promise<Row> {
  const rounds: Round[] = [];
  // The first round warms the compilers up on both sides, and is not counted.
  for (let i = 0; i <= ROUNDS; i++) {
    const round = { ours: await ours(), anchor: await anchor() };
    if (i > 0) rounds.push(round);
  }
  return rowOf(head, rounds);
}

const CASES: Readonly<Record<string, () => Promise<Row>>> = { validate, block, start, memory };
const asked = process.argv.slice(2).filter((name) => name in CASES);
const rows: Row[] = [];
for (const name of asked.length > 0 ? asked : Object.keys(CASES)) rows.push(await CASES[name]!());
report('payments', rows);
