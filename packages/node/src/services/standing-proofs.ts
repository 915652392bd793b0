/** Proofs that miners named on the chain, and what it takes to judge them while they can be disputed. */
import { committed } from '@palisade/chain';
import { equalBytes, type KeyValueReader } from '@palisade/core';
import {
  challengesOfWindows,
  faultOfSealProof,
  faultOfWindowProof,
  type ProofFault,
  partitions,
  sealEntryBytes,
  sealEntryCount,
  sealSubject,
  sectors,
  sectorsParameters,
  shapeOf,
  windowEntryBytes,
  windowEntryCount,
  windowSubject,
} from '@palisade/power';

type NamedWindow = {
  readonly miner: Uint8Array;
  readonly deadline: number;
  readonly partition: number;
  readonly proof: Uint8Array;
};
type NamedSeal = {
  readonly miner: Uint8Array;
  readonly number: bigint;
  readonly proof: Uint8Array;
};
/** A proof as a block, or another validator, names it. */
export type NamedProof = NamedWindow | NamedSeal;

export function isSeal(named: NamedProof): named is NamedSeal {
  return 'number' in named;
}

export type StandingProof = {
  /** What verdicts on it are about. */
  readonly subject: Uint8Array;
  /** Height at which half of the time for disputes is over. */
  readonly halfway: bigint;
  /** Entries of its file, and bytes of each. */
  readonly count: number;
  readonly length: number;
  readonly faultOf: (file: Uint8Array) => ProofFault | undefined;
};

/** A named proof that the chain has, and that can still be disputed. */
export function standingProof(state: KeyValueReader, named: NamedProof): StandingProof | undefined {
  return isSeal(named) ? standingSeal(state, named) : standingWindow(state, named);
}

function standingWindow(
  state: KeyValueReader,
  { miner, deadline, partition, proof }: NamedWindow,
): StandingProof | undefined {
  const record = partitions.get(state, BigInt(deadline), miner, BigInt(partition));
  const drawn = challengesOfWindows.get(state, BigInt(deadline));
  if (!record || !equalBytes(record.proof, proof) || drawn?.opens !== record.opens)
    return undefined;
  const { sectorBytes, windowLeaves, windowBlocks, disputeBlocks } = sectorsParameters.need(state);
  const place = { miner, deadline, partition, ...drawn };
  const known = record.proven.map((number) => ({
    number,
    replica: sectors.need(state, miner, number).replica,
  }));
  return {
    subject: windowSubject(miner, place, proof),
    halfway: record.opens + BigInt(windowBlocks + (disputeBlocks >> 1)),
    count: windowEntryCount(sectorBytes, known.length, windowLeaves),
    length: windowEntryBytes(sectorBytes),
    faultOf: (file) => faultOfWindowProof(place, sectorBytes, known, windowLeaves, proof, file),
  };
}

function standingSeal(
  state: KeyValueReader,
  { miner, number, proof }: NamedSeal,
): StandingProof | undefined {
  const sector = sectors.get(state, miner, number);
  if (sector?.ended !== 0n || !equalBytes(sector.proof, proof)) return undefined;
  const params = sectorsParameters.need(state);
  const { height } = committed.need(state);
  if (height >= sector.height + BigInt(params.sealDisputeBlocks)) return undefined;
  const shape = shapeOf(params);
  const statement = { ...sector, miner, sector: number };
  return {
    subject: sealSubject(miner, number, proof),
    halfway: sector.height + BigInt(params.sealDisputeBlocks >> 1),
    count: sealEntryCount(shape),
    length: sealEntryBytes(shape),
    faultOf: (file) => faultOfSealProof(statement, shape, sector.challenge, proof, file),
  };
}
