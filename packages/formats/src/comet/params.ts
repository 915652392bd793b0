/** Consensus parameters of CometBFT v0.38: defaults, checks, and how much room a block leaves. */
import { PalisadeError } from '@palisade/core';
import type { ConsensusParams, ConsensusParamsUpdate } from '../abci.ts';
import { MAX_BLOCK_BYTES } from './messages.ts';

const HOUR_NS = 3_600_000_000_000n;

/** CometBFT's defaults, except that vote extensions are on from the first block. */
export const DEFAULT_CONSENSUS_PARAMS: ConsensusParams = {
  block: { maxBytes: 22_020_096n, maxGas: -1n },
  evidence: { maxAgeNumBlocks: 100_000n, maxAgeDurationNs: 48n * HOUR_NS, maxBytes: 1_048_576n },
  validator: { pubKeyTypes: ['ed25519'] },
  version: { app: 0n },
  abci: { voteExtensionsEnableHeight: 1n },
};

/** What is wrong with a set of parameters, or `undefined`. */
export function consensusParamsFault(params: ConsensusParams): string | undefined {
  const { block, evidence, validator, abci } = params;
  const limit = BigInt(MAX_BLOCK_BYTES);
  if (block.maxBytes === 0n || block.maxBytes < -1n || block.maxBytes > limit) {
    return `block.maxBytes ${block.maxBytes} is not -1 or 1 to ${limit}`;
  }
  if (block.maxGas < -1n) return `block.maxGas ${block.maxGas} is below -1`;
  if (evidence.maxAgeNumBlocks <= 0n) return 'evidence.maxAgeNumBlocks is not positive';
  if (evidence.maxAgeDurationNs <= 0n) return 'evidence.maxAgeDurationNs is not positive';
  if (evidence.maxBytes < 0n || evidence.maxBytes > maxBlockBytes(params)) {
    return `evidence.maxBytes ${evidence.maxBytes} does not fit the block`;
  }
  if (abci.voteExtensionsEnableHeight < 0n) return 'abci.voteExtensionsEnableHeight is negative';
  const { pubKeyTypes } = validator;
  if (pubKeyTypes.length !== 1 || pubKeyTypes[0] !== 'ed25519') {
    return `validator.pubKeyTypes is ${pubKeyTypes.join(', ') || 'empty'}, and only ed25519 is known`;
  }
  return undefined;
}

/**
 * The parameters after an application's update at `height`; a section replaces the whole section.
 * @throws PalisadeError `formats/consensus-params` when the result is invalid, or moves the height
 * from which vote extensions are on once that is reached, or to a height that is not ahead.
 */
export function updateConsensusParams(
  params: ConsensusParams,
  update: ConsensusParamsUpdate | undefined,
  height: bigint,
): ConsensusParams {
  if (!update) return params;
  const next: ConsensusParams = {
    block: update.block ?? params.block,
    evidence: update.evidence ?? params.evidence,
    validator: update.validator ?? params.validator,
    version: update.version ?? params.version,
    abci: update.abci ?? params.abci,
  };
  const fault = consensusParamsFault(next) ?? extensionHeightFault(params, next, height);
  if (fault === undefined) return next;
  throw new PalisadeError({
    code: 'formats/consensus-params',
    message: `The application's consensus parameters of height ${height} are refused: ${fault}.`,
    retry: 'never',
  });
}

/** Bytes that transactions may take in a block, when they are counted with `txBytes`. */
export function maxDataBytes(
  params: ConsensusParams,
  evidenceBytes: number,
  validators: number,
): bigint {
  const rest = Number(maxBlockBytes(params)) - blockOverhead(validators) - evidenceBytes;
  if (rest >= 0) return BigInt(rest);
  throw new PalisadeError({
    code: 'formats/consensus-params',
    message: `block.maxBytes ${params.block.maxBytes} has no room for header, commit and evidence.`,
    retry: 'never',
  });
}

/** What a transaction takes in a block: its bytes, their length as a varint, and a tag. */
export function txBytes(tx: Uint8Array): number {
  let lengthBytes = 1;
  for (let rest = tx.length >>> 7; rest > 0; rest >>>= 7) lengthBytes++;
  return 1 + lengthBytes + tx.length;
}

/** Encoding of a block around its parts, 11; a header at its longest, 626; and the last commit. */
function blockOverhead(validators: number): number {
  return 11 + 626 + 94 + 111 * validators;
}

function maxBlockBytes(params: ConsensusParams): bigint {
  return params.block.maxBytes === -1n ? BigInt(MAX_BLOCK_BYTES) : params.block.maxBytes;
}

function extensionHeightFault(
  before: ConsensusParams,
  after: ConsensusParams,
  height: bigint,
): string | undefined {
  const old = before.abci.voteExtensionsEnableHeight;
  const wanted = after.abci.voteExtensionsEnableHeight;
  if (old === wanted) return undefined;
  if (old > 0n && old <= height) return 'vote extensions are on and stay on';
  if (wanted !== 0n && wanted <= height) return 'vote extensions can only begin at a later height';
  return undefined;
}
