/** Whether a challenge would still succeed by the contract's own records, and what it would bring. */
import { positionOf } from '@palisade/payments';
import type { Challenge } from '../exits/findings.ts';
import { NOT_INCLUDED } from '../exits/records.ts';
import type { RootChain } from '../root/root-chain.ts';

/** In `pending`, what others have sent counts as done. */
export type At = 'latest' | 'pending';

type InFlightRecord = Awaited<ReturnType<RootChain['inFlightRecords']>>[number];

/** The bond that it would bring, wei; undefined when it would be of no use any more. */
export async function bondAt(
  root: RootChain,
  challenge: Challenge,
  at: At,
): Promise<bigint | undefined> {
  const { exit } = challenge;
  if (exit.kind === 'standard') {
    const [record] = await root.standardRecords([exit.exitId], at);
    return record?.exitable && record.utxoPos === exit.position ? record.bondSize : undefined;
  }
  const [record] = await root.inFlightRecords([exit.exitId], at);
  if (!record || record.exitStartTimestamp === 0n) return undefined;
  return bondOf(challenge, record);
}

function bondOf({ kind, index, spend }: Challenge, record: InFlightRecord): bigint | undefined {
  const isSet = (bit: number) => ((record.exitMap >> BigInt(bit)) & 1n) === 1n;
  const { oldestCompetitorPosition: oldest, isCanonical, bondSize } = record;
  if (kind === 'input-spent')
    return isSet(index) ? record.inputs[index]?.piggybackBondSize : undefined;
  if (kind === 'output-spent')
    return isSet(record.inputs.length + index)
      ? record.outputs[index]?.piggybackBondSize
      : undefined;
  if (kind === 'respond') return isCanonical ? undefined : bondSize;
  const age = spend?.place ? positionOf({ ...spend.place, oindex: 0 }) : NOT_INCLUDED;
  return oldest === 0n || age < oldest ? bondSize : undefined;
}
