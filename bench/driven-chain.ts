/**
 * The real application on disk, with its verification thread, driven block by block as an engine
 * drives it. Accounts beyond those of the genesis document are written into its state directly:
 * a document of a million accounts would only measure JSON.
 */
import {
  createApplication,
  currentSession,
  dueReveal,
  encodeGenesis,
  endow,
  NO_EXTENSION,
  Overlay,
  type PalisadeApplication,
  type SnapshotStore,
  sessions,
  voteExtension,
} from '@palisade/chain';
import { concat, type Domain, encode, equalBytes } from '@palisade/core';
import { ecvrf, ed25519 } from '@palisade/core/crypto';
import { LmdbStore } from '@palisade/daemon/store';
import {
  type ExtendedCommitInfo,
  extensionSignBytes,
  type FinalizeBlockResponse,
  validatorAddress,
} from '@palisade/formats';
import { composeModules, domainOf, jobFileRule } from '@palisade/node';
import type { Network } from '../packages/devnet/src/network.ts';
import { threadOpener } from '../packages/node/src/verification/thread-opener.ts';

/** Time between blocks, ms: thousands of blocks fit into one session of four hours. */
const BLOCK_MS = 1000n;
/** What each written account has, base units: a million of them stay far below 2^128. */
const ENDOWMENT = 10n ** 24n;
/** Accounts of one disk transaction while they are written. */
const BATCH = 50_000;

export type DrivenChain = {
  readonly application: PalisadeApplication;
  readonly domain: Domain;
  /** Has the signatures of coming transactions checked, as their way through a mempool does. */
  check(txs: readonly Uint8Array[]): Promise<unknown>;
  /** Proposes, accepts, executes and commits one block, `afterMs` later than the one before. */
  block(txs: readonly Uint8Array[], afterMs?: bigint): Promise<FinalizeBlockResponse>;
  stop(): Promise<void>;
};

async function endowAll(store: LmdbStore, accounts: readonly Uint8Array[]): Promise<void> {
  for (let i = 0; i < accounts.length; i += BATCH) {
    const overlay = new Overlay(store);
    for (const account of accounts.slice(i, i + BATCH)) endow(overlay, account, ENDOWMENT);
    await store.commit(overlay.changes());
  }
}

/** A chain in `path` in whose state the given accounts have funds. */
export async function openChain(
  path: string,
  network: Network,
  accounts: readonly Uint8Array[],
  snapshots?: SnapshotStore,
): Promise<DrivenChain> {
  const { genesis } = network;
  const domain = domainOf(genesis);
  const store = new LmdbStore(path);
  let stopThread = async () => {};
  const application = createApplication({
    modules: composeModules(domain),
    store,
    domain,
    jobFile: jobFileRule,
    ...(snapshots ? { snapshots } : {}),
    opener: (known, its) => {
      const { opener, stop } = threadOpener(known, its);
      stopThread = stop;
      return opener;
    },
  });
  const { validators } = await application.initChain({
    timeNs: BigInt(genesis.timeMs) * 1_000_000n,
    chainId: genesis.chainId,
    consensusParams: {} as never,
    validators: [],
    appStateBytes: encodeGenesis(genesis),
    initialHeight: 1n,
  });
  await endowAll(store, accounts);
  const voters = validators.map(({ publicKey, power }) => ({
    validator: { address: validatorAddress(publicKey), power },
    secret: network.validators.find(({ nodeSecret }) =>
      equalBytes(ed25519.publicKey(nodeSecret), publicKey),
    )!.nodeSecret,
  }));
  let height = 0n;
  let timeMs = BigInt(genesis.timeMs);

  const lastCommit = (): ExtendedCommitInfo => {
    if (height === 0n) return { round: 0, votes: [] };
    const state = application.committed;
    const session = sessions.need(state, currentSession.need(state));
    const votes = voters.map(({ validator, secret }) => {
      // The audits of a session begin when all have revealed their part of its randomness.
      const input = dueReveal(state, session, ed25519.publicKey(secret));
      const reveal = input ? { reveal: ecvrf.prove(secret, input) } : {};
      const extension = encode(voteExtension, { ...NO_EXTENSION, ...reveal });
      const signed = extensionSignBytes(genesis.chainId, { extension, height, round: 0 });
      return {
        validator,
        blockIdFlag: 'commit' as const,
        voteExtension: extension,
        extensionSignature: ed25519.sign(signed, secret),
      };
    });
    return { round: 0, votes };
  };

  return {
    application,
    domain,
    check: (txs) => application.opener.open(txs),
    async block(txs, afterMs = BLOCK_MS) {
      timeMs += afterMs;
      const extended = lastCommit();
      const votes = extended.votes.map(({ validator, blockIdFlag }) => ({
        validator,
        blockIdFlag,
      }));
      const commit = { round: 0, votes };
      const common = {
        misbehavior: [],
        hash: new Uint8Array(32),
        height: height + 1n,
        timeNs: timeMs * 1_000_000n,
        nextValidatorsHash: new Uint8Array(32),
        proposerAddress: voters[0]!.validator.address,
      };
      const proposed = await application.prepareProposal({
        ...common,
        txs,
        maxTxBytes: 1n << 23n,
        localLastCommit: extended,
      });
      const block = { ...common, txs: proposed.txs };
      const { status } = await application.processProposal({
        ...block,
        proposedLastCommit: commit,
      });
      if (status !== 'accept') throw new Error(`block ${common.height} was rejected`);
      const result = await application.finalizeBlock({ ...block, decidedLastCommit: commit });
      await application.commit({});
      height++;
      return result;
    },
    async stop() {
      await stopThread();
      await store.close();
    },
  };
}

/**
 * Blocks one after another. The signatures of the two that follow are checked while one executes: a
 * mempool of 5 000 transactions is further ahead of its blocks than that.
 */
export async function drive(
  chain: DrivenChain,
  blocks: readonly (readonly Uint8Array[])[],
): Promise<void> {
  const checked: Promise<unknown>[] = [];
  for (const [i, txs] of blocks.entries()) {
    while (checked.length < Math.min(i + 3, blocks.length))
      checked.push(chain.check(blocks[checked.length]!));
    await checked[i];
    const { txResults } = await chain.block(txs);
    const failed = txResults.find(({ code }) => code !== 0);
    if (failed) throw new Error(`a command was refused: ${failed.info} ${failed.log}`);
  }
}

/** Number `index` as bytes, for seeds of keys and addresses. */
export function indexBytes(index: number): Uint8Array {
  return concat(Uint8Array.of(index >>> 24, index >>> 16, index >>> 8, index));
}
