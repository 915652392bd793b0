/**
 * The precommits of the hosted validators. Each extends its vote, the others judge the extension,
 * and each signs the canonical vote at its own clock's time.
 *
 * Double signing: this function returns signatures to the driver, which stores block and commit
 * before anyone can see either. See the header of `embedded.ts`.
 */
import type { Clock } from '@palisade/core';
import { PalisadeError, toHex } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import type {
  Block,
  BlockId,
  ExtendedCommit,
  ExtendedCommitSig,
  Validator,
  ValidatorSet,
} from '@palisade/formats';
import {
  extensionSignBytes,
  headerHash,
  MAX_EXTENSION_BYTES,
  validatorAddress,
  voteSignBytes,
  ZERO_TIME_NS,
} from '@palisade/formats';
import type { ChainState } from './chain-state.ts';
import { DivergenceError } from './divergence.ts';
import type { HostedKey, Notice, Replica } from './options.ts';
import { proposalRequest } from './requests.ts';

/** A hosted validator key, ready to sign. */
export type Signer = {
  readonly address: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly secret: Uint8Array;
  readonly clock: Clock;
  readonly extendVote: HostedKey['extendVote'];
};

/** Hosted signers by the hex of their address. */
export type Signers = ReadonlyMap<string, Signer>;

/** A vote is at least this much later than its block, so that time grows (CometBFT's timeIota). */
const MIN_STEP_NS = 1_000_000n;
const NS_PER_MS = 1_000_000n;
const NO_BYTES = new Uint8Array(0);

/** Derives keys and addresses; a key without a clock of its own uses `clock`. */
export function signersOf(keys: readonly HostedKey[], clock: Clock): Signers {
  return new Map(
    keys.map(({ secret, clock: own, extendVote }) => {
      const publicKey = ed25519.publicKey(secret);
      const address = validatorAddress(publicKey);
      const signer = { address, publicKey, secret, clock: own ?? clock, extendVote };
      return [toHex(address), signer] as const;
    }),
  );
}

/** @throws PalisadeError `engine/no-quorum` when the hosted keys cannot make a commit. */
export function requireQuorum(set: ValidatorSet, signers: Signers, height: bigint): void {
  const hosted = set.validators.filter(({ address }) => signers.has(toHex(address)));
  requireTwoThirds(set, hosted, height, 'is hosted here');
}

export type Voting = {
  readonly state: ChainState;
  readonly block: Block;
  readonly blockId: BlockId;
  readonly round: number;
  readonly signers: Signers;
  readonly primary: Replica;
  readonly shadow: Replica | undefined;
  readonly onNotice: (notice: Notice) => void;
};

/** The commit of a block, with extensions; a validator that is not hosted is absent. */
export async function collectVotes(voting: Voting): Promise<ExtendedCommit> {
  const { state, block, blockId, round, signers } = voting;
  const entries: ExtendedCommitSig[] = [];
  const signed: Validator[] = [];
  for (const validator of state.validators.validators) {
    const signer = signers.get(toHex(validator.address));
    const extension = signer && (await acceptedExtension(voting, signer));
    if (!signer || !extension) {
      entries.push(ABSENT);
      continue;
    }
    signed.push(validator);
    entries.push(precommit(voting, signer, extension));
  }
  requireTwoThirds(state.validators, signed, block.header.height, 'signed');
  return { height: block.header.height, round, blockId, extendedSignatures: entries };
}

/** The validator's extension, or `undefined` when the others refuse it. */
async function acceptedExtension(
  voting: Voting,
  { address, extendVote }: Signer,
): Promise<Uint8Array | undefined> {
  const { block, state, primary, shadow, onNotice } = voting;
  const { height } = block.header;
  const request = proposalRequest(block, state.lastValidators);
  const { voteExtension } = await (extendVote ? extendVote(request) : primary.extendVote(request));
  if (voteExtension.length > MAX_EXTENSION_BYTES) throw tooLong(height, voteExtension.length);
  const judged = {
    hash: headerHash(block.header),
    validatorAddress: address,
    height,
    voteExtension,
  };
  const [mine, theirs] = await Promise.all([
    primary.verifyVoteExtension(judged),
    shadow?.verifyVoteExtension(judged),
  ]);
  if (theirs && mine.status !== theirs.status) {
    const message = `At height ${height} the two replicas differ on a vote extension: ${mine.status}, ${theirs.status}.`;
    throw new DivergenceError({ height, message });
  }
  if (mine.status === 'accept') return voteExtension;
  onNotice({
    code: 'engine/extension-rejected',
    message: `The application refused a vote extension of its own making, so a vote is missing.`,
    data: { height, validator: toHex(address) },
  });
  return undefined;
}

function precommit(
  { state, block, blockId, round }: Voting,
  signer: Signer,
  extension: Uint8Array,
): ExtendedCommitSig {
  const { height, timeNs: blockTimeNs } = block.header;
  const now = BigInt(Math.trunc(signer.clock.nowMs())) * NS_PER_MS;
  const earliest = blockTimeNs + MIN_STEP_NS;
  const timeNs = now > earliest ? now : earliest;
  const vote = { type: 'precommit', height, round, blockId, timeNs, extension } as const;
  return {
    blockIdFlag: 'commit',
    validatorAddress: signer.address,
    timeNs,
    signature: ed25519.sign(voteSignBytes(state.chainId, vote), signer.secret),
    extension,
    extensionSignature: ed25519.sign(extensionSignBytes(state.chainId, vote), signer.secret),
  };
}

const ABSENT: ExtendedCommitSig = {
  blockIdFlag: 'absent',
  validatorAddress: NO_BYTES,
  timeNs: ZERO_TIME_NS,
  signature: NO_BYTES,
  extension: NO_BYTES,
  extensionSignature: NO_BYTES,
};

function requireTwoThirds(
  set: ValidatorSet,
  present: readonly Validator[],
  height: bigint,
  what: string,
): void {
  const power = present.reduce((sum, validator) => sum + validator.power, 0n);
  if (power * 3n > set.totalPower * 2n) return;
  throw new PalisadeError({
    code: 'engine/no-quorum',
    message: `Height ${height} needs more than two thirds of the voting power ${set.totalPower}, and only ${power} ${what}.`,
    next: 'Start again with the keys of the other validators.',
    data: { height },
  });
}

function tooLong(height: bigint, length: number): PalisadeError {
  return new PalisadeError({
    code: 'engine/extension-too-long',
    message: `At height ${height} the application made a vote extension of ${length} bytes, and ${MAX_EXTENSION_BYTES} is the most.`,
    data: { height },
  });
}
