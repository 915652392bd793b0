/**
 * Vote extensions: what validators say about the block that they vote for, and how it comes on
 * chain. The proposer of the next height puts the extended commit into its first transaction, with
 * the signatures; everybody checks it, and that the block holds every job that more than a third
 * of the weight had confirmed in time and then missed (market chapter, Decisions).
 */
import {
  byteList,
  bytes,
  bytes32,
  concat,
  decode,
  encode,
  equalBytes,
  type Infer,
  type KeyValueReader,
  list,
  record,
  toBinaryString,
  u8,
  u32,
  u64,
} from '@palisade/core';
import {
  type CommitInfo,
  type ExtendedCommitInfo,
  extensionSignBytes,
  verifyConsensusSignature,
} from '@palisade/formats';
import { byAddress } from '../validators/state.ts';

/** Jobs that one validator may name as missing: more than a file may hold would be another fault. */
export const MAX_MISSED = 64;
/** Validators in a commit at most; ten have seats, the rest is room for changes. */
const MAX_VOTES = 64;
/** Bytes of a proof of randomness (RFC 9381). */
const PROOF_BYTES = 80;
/** Bytes of an extension at most: 64 ids, a proof, and their offsets. */
export const MAX_EXTENSION_BYTES = 4096;

export const voteExtension = record('VoteExtension', {
  reveal: byteList(PROOF_BYTES).is(
    "Proof of the validator's part of the randomness, when it is due",
  ),
  missed: list(bytes32, MAX_MISSED).is('Jobs confirmed in time that the block lacks, ascending'),
});
export type VoteExtension = Infer<typeof voteExtension>;

export const NO_EXTENSION: VoteExtension = { reveal: new Uint8Array(), missed: [] };

const FLAGS = ['unknown', 'absent', 'commit', 'nil'] as const;

const lastVotes = record('LastVotes', {
  height: u64,
  round: u32,
  votes: list(
    record('LastVote', {
      address: bytes(20),
      power: u64,
      flag: u8,
      extension: byteList(MAX_EXTENSION_BYTES),
      signature: byteList(64),
    }),
    MAX_VOTES,
  ),
});

const NOTHING = new Uint8Array();

/** Which chain and which height votes are of. */
type Occasion = { readonly chainId: string; readonly height: bigint; readonly round: number };

/**
 * The first transaction of every block but the first: the votes of the height before. Engines let
 * late votes in without asking the application, so an extension may be malformed or badly signed;
 * those are left out, as nobody would accept the block with them.
 */
export function encodeLastVotes(
  state: KeyValueReader,
  chainId: string,
  height: bigint,
  commit: ExtendedCommitInfo,
): Uint8Array {
  const { round } = commit;
  const votes = commit.votes.map((vote) => {
    const { validator, blockIdFlag, voteExtension: extension, extensionSignature } = vote;
    const said = { address: validator.address, extension, signature: extensionSignature };
    const good =
      blockIdFlag === 'commit' && readVote(state, { chainId, height, round }, said) !== undefined;
    return {
      address: validator.address,
      power: validator.power,
      flag: FLAGS.indexOf(blockIdFlag),
      extension: good ? extension : NOTHING,
      signature: good ? extensionSignature : NOTHING,
    };
  });
  return encode(lastVotes, { height, round, votes });
}

type Said = {
  readonly address: Uint8Array;
  readonly extension: Uint8Array;
  readonly signature: Uint8Array;
};

/** What a validator said and signed; undefined when it is malformed or not signed by it. */
function readVote(
  state: KeyValueReader,
  { chainId, height, round }: Occasion,
  { address, extension, signature }: Said,
): { readonly nodeKey: Uint8Array; readonly extension: VoteExtension } | undefined {
  const nodeKey = byAddress.get(state, address);
  const parsed = parseExtension(extension);
  if (!nodeKey || !parsed) return undefined;
  const signed = extensionSignBytes(chainId, { extension, height, round });
  if (!isSigned(signature, signed, nodeKey)) return undefined;
  return { nodeKey, extension: parsed };
}

/** Good signatures remembered at most: the votes of a few heights. */
const MAX_SIGNED = 256;
const signedBefore = new Set<string>();

/** Proposing, judging and executing a block ask of the same votes: each is checked once. */
function isSigned(signature: Uint8Array, message: Uint8Array, nodeKey: Uint8Array): boolean {
  // Signature and key have fixed lengths, so that no two triples share a key.
  if (signature.length !== 64) return false;
  const key = toBinaryString(concat(signature, nodeKey, message));
  if (signedBefore.has(key)) return true;
  if (!verifyConsensusSignature(signature, message, nodeKey)) return false;
  for (const oldest of signedBefore) {
    if (signedBefore.size < MAX_SIGNED) break;
    signedBefore.delete(oldest);
  }
  signedBefore.add(key);
  return true;
}

/** One validator's checked word about the previous block. */
export type Disclosure = {
  readonly nodeKey: Uint8Array;
  readonly power: bigint;
  readonly extension: VoteExtension;
};
export type LastVotes = {
  readonly totalPower: bigint;
  /** By node key, ascending. */
  readonly disclosures: readonly Disclosure[];
};

/**
 * Decodes the votes that a block carries and checks them against the commit that it is built on:
 * the same validators, powers and flags, each extension signed by its validator for that height.
 * The proposer may have left out what it could not use, but never so much that less than the
 * commit's own measure remains: more than two thirds of the weight. Undefined when anything is off.
 */
export function readLastVotes(
  state: KeyValueReader,
  chainId: string,
  height: bigint,
  tx: Uint8Array | undefined,
  commit: CommitInfo,
): LastVotes | undefined {
  if (!tx) return undefined;
  let votes: Infer<typeof lastVotes>;
  try {
    votes = decode(lastVotes, tx);
  } catch {
    return undefined;
  }
  if (votes.height !== height - 1n || votes.round !== commit.round) return undefined;
  if (votes.votes.length !== commit.votes.length) return undefined;
  const occasion = { chainId, height: votes.height, round: votes.round };
  const disclosures: Disclosure[] = [];
  let totalPower = 0n;
  let disclosedPower = 0n;
  for (const [i, vote] of votes.votes.entries()) {
    const { validator, blockIdFlag } = commit.votes[i]!;
    const { power, extension, signature } = vote;
    totalPower += power;
    if (
      !equalBytes(vote.address, validator.address) ||
      power !== validator.power ||
      FLAGS[vote.flag] !== blockIdFlag
    )
      return undefined;
    if (signature.length === 0 && extension.length === 0) continue;
    const said = blockIdFlag === 'commit' ? readVote(state, occasion, vote) : undefined;
    if (!said) return undefined;
    disclosedPower += power;
    disclosures.push({ ...said, power });
  }
  if (3n * disclosedPower <= 2n * totalPower) return undefined;
  disclosures.sort((a, b) => (toBinaryString(a.nodeKey) < toBinaryString(b.nodeKey) ? -1 : 1));
  return { totalPower, disclosures };
}

/** An extension's content; empty bytes say nothing and are fine. */
export function parseExtension(data: Uint8Array): VoteExtension | undefined {
  if (data.length === 0) return NO_EXTENSION;
  if (data.length > MAX_EXTENSION_BYTES) return undefined;
  try {
    return decode(voteExtension, data);
  } catch {
    return undefined;
  }
}

/** Ids that validators of more than a third of the weight missed in the previous block. */
export function demandedIds({
  totalPower,
  disclosures,
}: LastVotes): ReadonlyMap<string, Uint8Array> {
  const weights = new Map<string, { id: Uint8Array; power: bigint }>();
  for (const { power, extension } of disclosures)
    for (const id of uniqueIds(extension.missed)) {
      const key = toBinaryString(id);
      const before = weights.get(key)?.power ?? 0n;
      weights.set(key, { id, power: before + power });
    }
  const demanded = new Map<string, Uint8Array>();
  for (const [key, { id, power }] of weights) if (3n * power > totalPower) demanded.set(key, id);
  return demanded;
}

function uniqueIds(ids: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(ids.map((id) => [toBinaryString(id), id])).values()];
}
