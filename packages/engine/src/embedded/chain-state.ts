/**
 * What consensus knows between two blocks, and how a block changes it: CometBFT's `State`
 * (spec/core/state.md, and engine chapter 1.4), as a value.
 *
 * Validator updates of height H act at H + 2: they change `nextValidators` of the state after H,
 * which is the set of H + 2, because the set of H + 1 is already named by `next_validators_hash` of H.
 */
import { PalisadeError, toHex } from '@palisade/core';
import type {
  Block,
  BlockId,
  ConsensusParams,
  FinalizeBlockResponse,
  InitChainResponse,
  ValidatorSet,
} from '@palisade/formats';
import {
  blockIdMessage,
  consensusParamsFault,
  consensusParamsMessage,
  merkleRoot,
  NIL_BLOCK_ID,
  newValidatorSet,
  resultsHash,
  rotateProposer,
  updateConsensusParams,
  updateValidatorSet,
  validatorSetMessage,
} from '@palisade/formats';
import { bytes, embedded, int64, mapped, maybe, message, string } from '@palisade/formats/wire';
import type { Genesis } from './options.ts';

/** The state after `lastHeight`; `lastHeight` is 0 before the first block. */
export type ChainState = {
  readonly chainId: string;
  readonly initialHeight: bigint;
  readonly lastHeight: bigint;
  readonly lastBlockId: BlockId;
  /** Time of the last block; of genesis before the first. */
  readonly lastBlockTimeNs: bigint;
  /** The sets of the last height, of the next one, and of the one after that. */
  readonly lastValidators: ValidatorSet | undefined;
  readonly validators: ValidatorSet;
  readonly nextValidators: ValidatorSet;
  readonly params: ConsensusParams;
  readonly appHash: Uint8Array;
  readonly lastResultsHash: Uint8Array;
};

/** The state that genesis describes, once the application has answered to `initChain`. */
export function genesisState(
  genesis: Genesis,
  appVersion: bigint,
  response: InitChainResponse,
): ChainState {
  const chosen = response.validators.length > 0 ? response.validators : genesis.validators;
  const validators = newValidatorSet(chosen);
  const withVersion = { ...genesis.consensusParams, version: { app: appVersion } };
  const params = updateConsensusParams(withVersion, response.consensusParams, 0n);
  const fault = consensusParamsFault(params) ?? extensionFault(params, genesis.initialHeight);
  if (fault !== undefined) throw badGenesis(fault);
  return {
    chainId: genesis.chainId,
    initialHeight: genesis.initialHeight,
    lastHeight: 0n,
    lastBlockId: NIL_BLOCK_ID,
    lastBlockTimeNs: genesis.timeNs,
    lastValidators: undefined,
    validators,
    nextValidators: rotateProposer(validators, 1),
    params,
    appHash: response.appHash,
    lastResultsHash: merkleRoot([]),
  };
}

/**
 * The state after a block.
 * @throws PalisadeError when the application's updates of validators or parameters are not allowed.
 */
export function afterBlock(
  state: ChainState,
  block: Block,
  blockId: BlockId,
  response: FinalizeBlockResponse,
): ChainState {
  const { height, timeNs } = block.header;
  const changed = updateValidatorSet(state.nextValidators, response.validatorUpdates);
  return {
    ...state,
    lastHeight: height,
    lastBlockId: blockId,
    lastBlockTimeNs: timeNs,
    lastValidators: state.validators,
    validators: state.nextValidators,
    nextValidators: rotateProposer(changed, 1),
    params: updateConsensusParams(state.params, response.consensusParamUpdates, height),
    appHash: response.appHash,
    lastResultsHash: resultsHash(response.txResults),
  };
}

/** The height that comes next. */
export function nextHeight(state: ChainState): bigint {
  return state.lastHeight === 0n ? state.initialHeight : state.lastHeight + 1n;
}

/** Every validator of a set must be hosted, or its seat would be empty from the first block on. */
export function strangers(
  updates: readonly { readonly publicKey: Uint8Array; readonly power: bigint }[],
  hosted: ReadonlySet<string>,
): readonly string[] {
  return updates
    .filter(({ power }) => power > 0n)
    .map(({ publicKey }) => toHex(publicKey))
    .filter((key) => !hosted.has(key));
}

function extensionFault(params: ConsensusParams, initialHeight: bigint): string | undefined {
  const from = params.abci.voteExtensionsEnableHeight;
  if (from >= 1n && from <= initialHeight) return undefined;
  return `abci.voteExtensionsEnableHeight is ${from}, and extensions are on from the first block here`;
}

/** The error for a genesis that no chain can begin with. */
export function badGenesis(why: string): PalisadeError {
  return new PalisadeError({
    code: 'engine/genesis',
    message: `This genesis makes no chain: ${why}.`,
    next: 'Correct the genesis or the keys, and start again with an empty data folder.',
  });
}

/** 10,000 validators of 80 bytes, CometBFT's bound on a set. */
const MAX_SET_BYTES = 1_000_000;
const setFace = {
  from: (set: ReturnType<typeof validatorSetMessage.decode>): ValidatorSet => ({
    validators: set.validators,
    proposer: set.proposer!,
    totalPower: set.totalVotingPower,
  }),
  to: ({ validators, proposer, totalPower }: ValidatorSet) => ({
    validators,
    proposer,
    totalVotingPower: totalPower,
  }),
};

/** How the block store keeps the state; version 1 of that format. */
export const chainStateMessage = message('ChainState', {
  version: int64(1),
  chainId: string(2),
  initialHeight: int64(3),
  lastHeight: int64(4),
  lastBlockId: embedded(5, blockIdMessage, 256),
  lastBlockTimeNs: int64(6),
  lastValidators: mapped(maybe(7, validatorSetMessage, MAX_SET_BYTES), {
    from: (set) => set && setFace.from(set),
    to: (set: ValidatorSet | undefined) => set && setFace.to(set),
  }),
  validators: mapped(embedded(8, validatorSetMessage, MAX_SET_BYTES), setFace),
  nextValidators: mapped(embedded(9, validatorSetMessage, MAX_SET_BYTES), setFace),
  params: embedded(10, consensusParamsMessage, 4_096),
  appHash: bytes(11),
  lastResultsHash: bytes(12),
});

/** Version of `chainStateMessage` that this code writes and reads. */
export const STATE_VERSION = 1n;
