/**
 * Queries of committed state. `/q/module.question` takes and gives JSON by the query's declaration;
 * `/store/NAME/key` takes a raw key of a proven store and answers with its value and ICS-23 proofs
 * of presence or absence up to the app hash; `/roots` answers with all that the app hash is made of.
 */
import {
  fromUtf8,
  type Json,
  type KeyValueReader,
  PalisadeError,
  toHex,
  utf8,
} from '@palisade/core';
import { commitmentProof, type ProofOp, proveStore, type QueryResponse } from '@palisade/formats';
import type { Module } from '../module/module.ts';
import { namedRoots, type Roots } from './roots.ts';

/** Proof operation types of ICS-23 in Cosmos chains: inside a tree of IAVL format, and above it. */
const IAVL_OP = 'ics23:iavl';
const SIMPLE_OP = 'ics23:simple';

type Request = { readonly path: string; readonly data: Uint8Array; readonly prove: boolean };

export function answerQuery(
  modules: readonly Module[],
  state: KeyValueReader,
  roots: Roots,
  height: bigint,
  { path, data }: Request,
): QueryResponse {
  const stored = /^\/store\/([a-z-]+)\/key$/.exec(path);
  if (stored) return proven(roots, stored[1]!, data, height);
  if (path === '/roots') {
    const named = [...namedRoots(roots)].map(([name, root]) => ({ name, root: toHex(root) }));
    return { ...EMPTY, value: utf8(JSON.stringify(named)), height };
  }
  const named = /^\/q\/([a-z.-]+)$/.exec(path);
  const handler = modules
    .flatMap((module) => module.queries ?? [])
    .find(({ declaration }) => declaration.name === named?.[1]);
  if (!handler)
    return failed('chain/unknown-query', `There is no query '${path.slice(0, 80)}'.`, height);
  try {
    const result = handler.run(state, handler.declaration.params.fromJson(jsonOf(data), ''));
    if (result === undefined)
      return failed(
        'chain/not-found',
        `${handler.declaration.name}: there is no such thing.`,
        height,
      );
    const answer: Json = handler.declaration.result.toJson(result);
    return { ...EMPTY, value: utf8(JSON.stringify(answer)), height };
  } catch (error) {
    if (error instanceof PalisadeError) return failed(error.code, error.message, height);
    throw error;
  }
}

/** @throws PalisadeError `chain/bad-query` for what is neither empty nor JSON. */
function jsonOf(data: Uint8Array): unknown {
  if (data.length === 0) return {};
  try {
    return JSON.parse(fromUtf8(data));
  } catch {
    throw new PalisadeError({ code: 'chain/bad-query', message: 'The query data is not JSON.' });
  }
}

function proven(roots: Roots, store: string, key: Uint8Array, height: bigint): QueryResponse {
  const tree = roots.trees.get(store);
  const above = proveStore(namedRoots(roots), store);
  const inside = key.length === 0 ? undefined : tree?.prove(key);
  if (!tree || !above || !inside)
    return failed(
      'chain/unknown-store',
      `There is no proven store '${store}', or it is empty, or no key was given.`,
      height,
    );
  const ops: ProofOp[] = [
    { type: IAVL_OP, key, data: commitmentProof.encode(inside) },
    { type: SIMPLE_OP, key: utf8(store), data: commitmentProof.encode(above) },
  ];
  return { ...EMPTY, key, value: tree.get(key) ?? new Uint8Array(), proofOps: ops, height };
}

const EMPTY: QueryResponse = {
  code: 0,
  log: '',
  info: '',
  index: 0n,
  key: new Uint8Array(),
  value: new Uint8Array(),
  proofOps: [],
  height: 0n,
  codespace: '',
};

function failed(codespace: string, log: string, height: bigint): QueryResponse {
  return { ...EMPTY, code: 1, codespace, log, height };
}
