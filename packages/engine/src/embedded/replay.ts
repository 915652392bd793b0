/**
 * Bringing an application to the height of the block store, by the blocks that are there. An
 * application that is ahead cannot be served: its blocks are gone, so it is refused.
 */
import { equalBytes, PalisadeError, toHex } from '@palisade/core';
import type { Application, FinalizeBlockResponse } from '@palisade/formats';
import type { BlockStore } from './block-store.ts';
import type { ChainState } from './chain-state.ts';
import { genesisState } from './chain-state.ts';
import { responseDifference } from './divergence.ts';
import { checkInitialSet } from './genesis.ts';
import type { Genesis } from './options.ts';
import { finalizeRequest, INFO_REQUEST, initChainRequest } from './requests.ts';

/** The state after the last block whose results are stored, with the application brought there. */
export async function bringUp(
  application: Application,
  store: BlockStore,
  genesis: Genesis,
  hosted: ReadonlySet<string>,
): Promise<ChainState> {
  const info = await application.info(INFO_REQUEST);
  const stored = store.state();
  if (!stored || stored.lastHeight === 0n) {
    if (info.lastBlockHeight !== 0n) throw ahead(info.lastBlockHeight, 0n);
    const response = await application.initChain(initChainRequest(genesis));
    const state = genesisState(genesis, info.appVersion, response);
    checkInitialSet(state, hosted);
    await store.saveGenesisState(state);
    return state;
  }
  await catchUp(application, store, genesis, stored.lastHeight);
  return stored;
}

/**
 * Runs the stored blocks up to `toHeight` that the application has not committed, from genesis where
 * it has none. Every answer must be the one that is stored.
 * @throws PalisadeError `engine/app-ahead`, `engine/other-state` or `engine/replay-differs`.
 */
export async function catchUp(
  application: Application,
  store: BlockStore,
  genesis: Genesis,
  toHeight: bigint,
  signal?: AbortSignal,
): Promise<void> {
  const { lastBlockHeight, lastBlockAppHash } = await application.info(INFO_REQUEST);
  if (lastBlockHeight > toHeight) throw ahead(lastBlockHeight, toHeight);
  if (lastBlockHeight === 0n) await beginAgain(application, store, genesis);
  else requireSameState(lastBlockHeight, lastBlockAppHash, store.response(lastBlockHeight));
  const from = lastBlockHeight === 0n ? genesis.initialHeight : lastBlockHeight + 1n;
  for (let height = from; height <= toHeight; height++) {
    signal?.throwIfAborted();
    await runAgain(application, store, height);
  }
}

async function beginAgain(
  application: Application,
  store: BlockStore,
  genesis: Genesis,
): Promise<void> {
  const { appHash } = await application.initChain(initChainRequest(genesis));
  const first = store.block(genesis.initialHeight);
  if (first && !equalBytes(first.block.header.appHash, appHash)) {
    throw differs(genesis.initialHeight, `the application hash after genesis is ${toHex(appHash)}`);
  }
}

async function runAgain(
  application: Application,
  store: BlockStore,
  height: bigint,
): Promise<void> {
  const found = store.block(height);
  const before = store.response(height);
  if (!found || !before) throw missing(height);
  const lastSet = lastSetOf(store, height);
  const response = await application.finalizeBlock(finalizeRequest(found.block, lastSet));
  const difference = responseDifference(before, response);
  if (difference) throw differs(height, `the first and the second run differ in ${difference}`);
  await application.commit({});
}

/** The validators of the height before, whom a block's last commit is about. */
export function lastSetOf(store: BlockStore, height: bigint) {
  const last = store.block(height - 1n);
  return last && store.validatorSet(last.block.header.validatorsHash);
}

function requireSameState(
  height: bigint,
  appHash: Uint8Array,
  response: FinalizeBlockResponse | undefined,
): void {
  if (!response) throw missing(height);
  if (equalBytes(response.appHash, appHash)) return;
  throw new PalisadeError({
    code: 'engine/other-state',
    message: `At height ${height} the application has hash ${toHex(appHash)}, and the chain ${toHex(response.appHash)}: its state is not of this chain.`,
    next: 'Empty the folder of the application state; the stored blocks will fill it again.',
    data: { height },
  });
}

function ahead(appHeight: bigint, toHeight: bigint): PalisadeError {
  return new PalisadeError({
    code: 'engine/app-ahead',
    message: `The application has committed height ${appHeight}, but the block store ends at ${toHeight}: blocks are missing.`,
    next: 'Restore both folders from one backup, or empty the application state to fill it again.',
    data: { appHeight, storeHeight: toHeight },
  });
}

function missing(height: bigint): PalisadeError {
  return new PalisadeError({
    code: 'engine/block-missing',
    message: `The block store has no block or no results for height ${height}.`,
    next: 'Restore the data folder from a backup.',
    data: { height },
  });
}

function differs(height: bigint, what: string): PalisadeError {
  return new PalisadeError({
    code: 'engine/replay-differs',
    message: `Running height ${height} again did not give what it gave before: ${what}.`,
    next: 'Start the version of the program that made these blocks; if it is the same, it is not deterministic.',
    data: { height },
  });
}
