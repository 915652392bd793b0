/**
 * `palisade audit`: whether what a node has on its disk obeys the laws of all modules, and is what
 * the app hash says. The node must not be running; nothing is changed.
 */
import { existsSync } from 'node:fs';
import { appHashOf, committed, loadRoots, type Module } from '@palisade/chain';
import {
  equalBytes,
  type KeyValueReader,
  PalisadeError,
  signingDomain,
  toHex,
} from '@palisade/core';
import { lockDataDir } from '@palisade/daemon';
import { LmdbStore } from '@palisade/daemon/store';
import { composeModules } from '../compose.ts';

/** One law: whether it holds, and if not, what is wrong. */
export type Finding = { readonly name: string; readonly ok: boolean; readonly what: string };

/** The state of a node at its last block, and what was found. */
export type AuditReport = {
  readonly chainId: string;
  readonly height: bigint;
  readonly appHash: Uint8Array;
  readonly ok: boolean;
  readonly findings: readonly Finding[];
};

/**
 * Checks the state in a node's data folder.
 * @throws PalisadeError `node/no-state` where there is none, `daemon/data-dir-in-use` while the
 * node runs.
 */
export async function auditState(dataDir: string): Promise<AuditReport> {
  const path = `${dataDir}/state`;
  if (!existsSync(path)) throw noState(dataDir);
  const lock = await lockDataDir(dataDir, 'audit');
  try {
    const store = new LmdbStore(path, { readOnly: true });
    try {
      return report(store, dataDir);
    } finally {
      await store.close();
    }
  } finally {
    lock.release();
  }
}

function report(state: KeyValueReader, dataDir: string): AuditReport {
  const last = committed.get(state);
  if (!last) throw noState(dataDir);
  const modules = composeModules(signingDomain(last.genesisHash));
  const findings = [
    checkAppHash(state, modules),
    ...modules
      .flatMap(({ invariants }) => invariants ?? [])
      .map(({ name, check }) => finding(name, () => check(state))),
  ];
  const { chainId, height, appHash } = last;
  return { chainId, height, appHash, ok: findings.every(({ ok }) => ok), findings };
}

/** A record that cannot be read breaks the law that wanted to read it, and no other. */
function finding(name: string, check: () => string | undefined): Finding {
  try {
    const what = check();
    return { name, ok: what === undefined, what: what ?? '' };
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    return { name, ok: false, what: `could not be checked: ${what}` };
  }
}

/** The proven stores are hashed anew; the roots of what happened before are taken as they stand. */
function checkAppHash(state: KeyValueReader, modules: readonly Module[]): Finding {
  return finding('app hash', () => {
    const last = committed.need(state);
    const proven = modules.flatMap(({ provenStores }) => [...(provenStores ?? [])]);
    const found = appHashOf(loadRoots(state, proven, last));
    if (equalBytes(found, last.appHash)) return undefined;
    return `the proven stores hash to ${toHex(found)}, but ${toHex(last.appHash)} was committed`;
  });
}

function noState(dataDir: string): PalisadeError {
  return new PalisadeError({
    code: 'node/no-state',
    message: `There is no state of a node in ${dataDir}.`,
    next: 'Name the data folder of a node that has made blocks.',
    data: { dataDir },
  });
}
