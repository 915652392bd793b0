import { readFileSync } from 'node:fs';
import { iavlSpec, ics23, tendermintSpec } from '@confio/ics23';
import { fromHex, toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import {
  checkExistence,
  checkNonExistence,
  commitmentProof,
  iavlFormat,
  proofSpec,
  tendermintFormat,
} from './index.ts';

type Vector = {
  readonly name: string;
  readonly key: string;
  readonly value: string;
  readonly root: string;
  readonly proof: string;
};

const file = new URL('../../../../spec/vectors/ics23-public.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: readonly Vector[] };

describe('proofs that the Go libraries made', () => {
  it.each(vectors)('$name holds, and not for another key, value or root', (vector) => {
    const format = vector.name.startsWith('iavl/') ? iavlFormat : tendermintFormat;
    const [key, value, root] = [vector.key, vector.value, vector.root].map(fromHex);
    const proof = commitmentProof.decode(fromHex(vector.proof));
    const check = (k: Uint8Array, v: Uint8Array, r: Uint8Array) =>
      proof.exist
        ? checkExistence(format, proof.exist, r, k, v)
        : checkNonExistence(format, proof.nonexist, r, k);
    expect(check(key!, value!, root!)).toBeUndefined();
    expect(check(Uint8Array.of(...key!, 0), value!, root!)?.code).toBe('formats/proof-key');
    expect(
      check(
        key!,
        value!,
        root!.map((byte) => byte ^ 1),
      )?.code,
    ).toBe('formats/proof-root');
    if (proof.exist) {
      expect(check(key!, key!, root!)?.code).toBe('formats/proof-value');
    }
    const otherFormat = format === iavlFormat ? tendermintFormat : iavlFormat;
    const exist = (proof.exist ?? proof.nonexist.left ?? proof.nonexist.right)!;
    expect(checkExistence(otherFormat, exist, root!, exist.key, exist.value)?.code).toBe(
      'formats/proof-leaf',
    );
  });

  it('come back byte for byte from our encoding', () => {
    for (const { proof } of vectors) {
      const bytes = fromHex(proof);
      expect(toHex(commitmentProof.encode(commitmentProof.decode(bytes)))).toBe(toHex(bytes));
    }
  });

  it('follow the same specifications, which an IBC client state carries', () => {
    for (const [ours, theirs] of [
      [iavlFormat, iavlSpec],
      [tendermintFormat, tendermintSpec],
    ] as const) {
      const encoded = proofSpec.encode(ours.spec);
      // Their object states one zero, and their writer writes what is stated; Go leaves it out.
      const leafSpec = { ...theirs.leafSpec, prehashKey: null };
      const expected = ics23.ProofSpec.encode({ ...theirs, leafSpec }).finish();
      expect(toHex(encoded)).toBe(toHex(expected));
      expect(proofSpec.decode(encoded)).toEqual(ours.spec);
    }
  });
});
