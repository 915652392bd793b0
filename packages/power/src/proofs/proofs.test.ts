import { blake3 as nobleBlake3 } from '@noble/hashes/blake3.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesOf,
  file,
  leavesOf,
  SMALL,
  seal,
  sealProofOf,
  windowProofOf,
} from '../../test/sector-kit.ts';
import {
  encodeSector,
  entryPath,
  faultOfSealProof,
  faultOfWindowProof,
  isEntryOf,
  isShape,
  proofId,
  replicaId,
  type SealedSector,
  sealChallenges,
  sealEntryBytes,
  windowChallenges,
  windowEntry,
  windowEntryBytes,
  windowEntryCount,
} from './index.ts';

const miner = new Uint8Array(32).fill(1);
const seed = new Uint8Array(32).fill(2);
const randomness = new Uint8Array(32).fill(3);
const first = seal({ miner, sector: 5n, seed }, bytesOf(SMALL.sectorBytes, 1));
const second = seal({ miner, sector: 6n, seed }, bytesOf(10_000, 2));
const RUNS = Number(process.env.PALISADE_PROOF_RUNS ?? 150);

const place = { miner, deadline: 1, partition: 0, opens: 40n, seed: randomness };
const sectors: readonly SealedSector[] = [first, second].map(({ statement }) => ({
  number: statement.sector,
  replica: statement.replica,
}));
const LEAVES = 8;
const windowEntries = windowProofOf(place, [first, second], LEAVES);
const windowId = proofId(windowEntries);
const faultOfWindow = (
  bytes: Uint8Array,
  change: Partial<typeof place> = {},
  known = sectors,
  id = windowId,
) => faultOfWindowProof({ ...place, ...change }, SMALL.sectorBytes, known, LEAVES, id, bytes);

describe('sealing', () => {
  it('[P10] names a replica by the written formula', () => {
    const { miner: who, sector, data } = first.statement;
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(sector);
    const domain = Buffer.from('palisade/replica/1');
    expect(replicaId(first.statement)).toEqual(
      nobleBlake3(Buffer.concat([domain, seed, data, number, who])),
    );
  });

  it('opens again to the data by the same operation', () => {
    expect(encodeSector(first.sealed, first.layers.at(-1)!)).toEqual(first.data);
    const unaligned = new Uint8Array(1003).subarray(2).fill(7);
    const opened = encodeSector(encodeSector(unaligned, first.layers[0]!), first.layers[0]!);
    expect(opened.subarray(0, 1001)).toEqual(unaligned);
    expect(() => encodeSector(new Uint8Array(SMALL.sectorBytes + 1), first.layers[0]!)).toThrow(
      /do not fit/,
    );
  });

  it('makes another replica for every miner, number, seed and data', () => {
    const name = first.statement;
    const other = new Uint8Array(32).fill(9);
    const ids = [
      name,
      { ...name, miner: other },
      { ...name, sector: 6n },
      { ...name, seed: other },
      { ...name, data: other },
    ].map((each) => String(replicaId(each)));
    expect(new Set(ids).size).toBe(5);
  });

  it('knows which shapes there are', () => {
    expect(isShape(SMALL)).toBe(true);
    expect(isShape({ ...SMALL, sectorBytes: 16_383 })).toBe(false);
    expect(isShape({ ...SMALL, sectorBytes: 1024 })).toBe(false);
    expect(isShape({ ...SMALL, layers: 1 })).toBe(false);
    expect(isShape({ ...SMALL, sealChallenges: 0 })).toBe(false);
  });
});

describe('a seal proof', async () => {
  const entries = await sealProofOf(first, randomness);
  const id = proofId(entries);
  const faultOf = (bytes: Uint8Array, statement = first.statement, by = randomness, named = id) =>
    faultOfSealProof(statement, SMALL, by, named, bytes);

  it('[P10] holds, at the places drawn from later randomness', () => {
    expect(faultOf(file(entries))).toBeUndefined();
    expect(entries).toHaveLength(SMALL.sealChallenges);
    const places = sealChallenges(first.statement, SMALL, randomness);
    expect(new Set(places).size).toBe(SMALL.sealChallenges);
    expect(sealChallenges(first.statement, SMALL, seed)).not.toEqual(places);
  });

  it('[P10] fails after one changed byte anywhere, whatever the cheat calls it', () => {
    const size = entries.length * sealEntryBytes(SMALL);
    fc.assert(
      fc.property(fc.nat(size - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const bytes = file(entries);
        bytes[at]! ^= by;
        const length = sealEntryBytes(SMALL);
        const named = proofId(entries.map((_, i) => bytes.subarray(i * length, (i + 1) * length)));
        expect(faultOf(bytes)?.entry).toBeUndefined();
        expect(faultOf(bytes)).toBeDefined();
        expect(faultOf(bytes, first.statement, randomness, named)?.entry).toBe(
          Math.floor(at / length),
        );
      }),
      { numRuns: RUNS },
    );
  });

  it('[P10] fails for another miner, sector, seal seed, data, replica, columns or randomness', () => {
    const other = new Uint8Array(32).fill(9);
    const { statement } = first;
    for (const change of ['miner', 'seed', 'data', 'replica', 'columns'] as const)
      expect(faultOf(file(entries), { ...statement, [change]: other }), change).toBeDefined();
    expect(faultOf(file(entries), { ...statement, sector: 6n })).toBeDefined();
    expect(faultOf(file(entries), second.statement)).toBeDefined();
    expect(faultOf(file(entries), statement, other)).toBeDefined();
  });

  it('[P10] is refused by its length before anything of it is read', () => {
    for (const bytes of [
      new Uint8Array(0),
      file(entries).subarray(1),
      file([...entries, entries[0]!]),
    ])
      expect(faultOf(bytes)).toEqual({ entry: undefined, why: 'the file has another length' });
  });

  it('[P10] does not hold for a replica that is the data itself, nor for labels that were skipped', async () => {
    const lazy = { ...first, statement: { ...first.statement, replica: first.statement.data } };
    const unsealed = { ...lazy, sealed: first.data };
    const bytes = await sealProofOf(unsealed, randomness);
    expect(faultOf(file(bytes), unsealed.statement, randomness, proofId(bytes))?.why).toBe(
      'the sealed bytes are not data and label',
    );
  });
});

describe('a window proof', () => {
  it('[P10] holds, with leaves of every sector', () => {
    expect(faultOfWindow(file(windowEntries))).toBeUndefined();
    const asked = windowChallenges(place, SMALL.sectorBytes, sectors, LEAVES);
    expect(asked).toHaveLength(windowEntryCount(SMALL.sectorBytes, 2, LEAVES));
    expect(asked.filter(({ number }) => number === 5n)).toHaveLength(4);
    const many = Array.from({ length: 40 }, (_, i) => ({ ...sectors[0]!, number: BigInt(i) }));
    expect(windowChallenges(place, SMALL.sectorBytes, many, LEAVES)).toHaveLength(40);
  });

  it('[P10] fails after one changed byte of any leaf or path, also under a new id', () => {
    const length = windowEntryBytes(SMALL.sectorBytes);
    fc.assert(
      fc.property(
        fc.nat(windowEntries.length * length - 1),
        fc.integer({ min: 1, max: 255 }),
        (at, by) => {
          const bytes = file(windowEntries);
          bytes[at]! ^= by;
          const changed = windowEntries.map((_, i) => bytes.subarray(i * length, (i + 1) * length));
          expect(faultOfWindow(bytes)).toBeDefined();
          expect(faultOfWindow(bytes, {}, sectors, proofId(changed))?.entry).toBe(
            Math.floor(at / length),
          );
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('[P10] fails for another miner, deadline, partition, window, seed or set of sectors', () => {
    const other = new Uint8Array(32).fill(9);
    const bytes = file(windowEntries);
    expect(faultOfWindow(bytes, { miner: other })).toBeDefined();
    expect(faultOfWindow(bytes, { seed: other })).toBeDefined();
    expect(faultOfWindow(bytes, { deadline: 2 })).toBeDefined();
    expect(faultOfWindow(bytes, { partition: 1 })).toBeDefined();
    expect(faultOfWindow(bytes, { opens: 60n })).toBeDefined();
    expect(faultOfWindow(bytes, {}, [...sectors].reverse())).toBeDefined();
    expect(faultOfWindow(bytes, {}, sectors.slice(1))).toBeDefined();
  });

  it('[P10] cannot be made from the original data alone', () => {
    const leaves = leavesOf(first.data);
    const known = sectors.slice(0, 1);
    const entries = windowChallenges(place, SMALL.sectorBytes, known, LEAVES).map(({ leafIndex }) =>
      windowEntry(leaves(leafIndex)),
    );
    expect(faultOfWindow(file(entries), {}, known, proofId(entries))).toMatchObject({ entry: 0 });
  });
});

describe('a proof file', () => {
  it('[P9] lets each entry be shown on its own, at its place only', () => {
    const count = windowEntries.length;
    for (const [i, entry] of windowEntries.entries()) {
      const path = entryPath(windowEntries, i);
      expect(isEntryOf(windowId, count, i, entry, path)).toBe(true);
      expect(isEntryOf(windowId, count, (i + 1) % count, entry, path)).toBe(false);
      expect(isEntryOf(windowId, count + 1, i, entry, path)).toBe(false);
      expect(isEntryOf(windowId, count, i, entry.slice(1), path)).toBe(false);
      expect(isEntryOf(windowId, count, i, entry, [...path, path[0]!])).toBe(false);
    }
    expect(isEntryOf(windowId, count, -1, windowEntries[0]!, [])).toBe(false);
    expect(isEntryOf(windowId, 2 ** 40, 0, windowEntries[0]!, [])).toBe(false);
  });
});
