/** Reading the block store in the shapes that `Engine` promises. */
import type { ValidatorSet } from '@palisade/formats';
import { headerHash, partSetHeader, validatorSetHash, withoutExtensions } from '@palisade/formats';
import type { StoredBlock, StoredCommit, ValidatorsAt } from '../engine.ts';
import type { BlockStore } from './block-store.ts';
import type { ChainState } from './chain-state.ts';
import { nextHeight } from './chain-state.ts';

export function storedBlock(store: BlockStore, height: bigint): StoredBlock | undefined {
  const found = store.block(height);
  if (!found) return undefined;
  const { block, encoded } = found;
  const blockId = { hash: headerHash(block.header), partSetHeader: partSetHeader(encoded) };
  return { block, blockId, size: encoded.length };
}

export function storedCommit(
  store: BlockStore,
  state: ChainState,
  height: bigint,
): StoredCommit | undefined {
  const found = store.block(height);
  const extended = store.extendedCommit(height);
  if (!found || !extended) return undefined;
  return {
    header: found.block.header,
    commit: withoutExtensions(extended),
    canonical: height < state.lastHeight,
  };
}

export function validatorsAt(
  store: BlockStore,
  state: ChainState,
  height: bigint,
): ValidatorsAt | undefined {
  const set = setAt(store, state, height);
  if (!set) return undefined;
  const validators = set.validators.map(({ address, publicKey, power }) => ({
    address,
    publicKey,
    power,
  }));
  return { height, hash: validatorSetHash(set), validators };
}

function setAt(store: BlockStore, state: ChainState, height: bigint): ValidatorSet | undefined {
  const next = nextHeight(state);
  if (height === next) return state.validators;
  if (height === next + 1n) return state.nextValidators;
  const found = height < next ? store.block(height) : undefined;
  return found && store.validatorSet(found.block.header.validatorsHash);
}
