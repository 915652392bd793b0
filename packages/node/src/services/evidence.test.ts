import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Evidence } from './evidence.ts';

const key = (fill: number) => new Uint8Array(32).fill(fill);
const told = (job: number) => ({ validator: key(1), partner: key(2), job: key(job) });
const word = (fill: number) => new Uint8Array(90).fill(fill);

let dir: string;
let evidence: Evidence;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'palisade-evidence-'));
  evidence = new Evidence(join(dir, 'kept'), 3);
});
afterEach(async () => {
  await evidence.close();
  await rm(dir, { recursive: true, force: true });
});

describe('evidence', () => {
  it('[P2V-2] is found through the evidence window, and gone after it', async () => {
    await evidence.keep(10n, told(5), word(1));
    expect(evidence.find(12n, told(5))).toEqual(word(1));
    expect(evidence.find(13n, told(5))).toBeUndefined();
    await evidence.prune(12n);
    expect(evidence.find(10n, told(5))).toEqual(word(1));
    await evidence.prune(13n);
    expect(evidence.find(10n, told(5))).toBeUndefined();
  });

  it('[P2V-2] the first word about a job counts, of each partner and validator', async () => {
    await evidence.keep(10n, told(5), word(1));
    await evidence.keep(11n, told(5), word(2));
    await evidence.keep(11n, { ...told(5), partner: key(3) }, word(3));
    expect(evidence.find(11n, told(5))).toEqual(word(1));
    expect(evidence.find(11n, { ...told(5), partner: key(3) })).toEqual(word(3));
    expect(evidence.find(11n, { ...told(5), validator: key(9) })).toBeUndefined();
  });

  it('[P2V-2] survives the process', async () => {
    await evidence.keep(0n, told(5), word(1));
    await evidence.close();
    evidence = new Evidence(join(dir, 'kept'), 3);
    expect(evidence.find(2n, told(5))).toEqual(word(1));
  });
});
