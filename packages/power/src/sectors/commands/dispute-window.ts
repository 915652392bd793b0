import { handle, type TxContext } from '@palisade/chain';
import {
  address,
  byteList,
  bytes32,
  command,
  type Domain,
  isRefusal,
  list,
  type Refusal,
  u8,
  u32,
} from '@palisade/core';
import type { MinerPower } from '../../claims/update-power.ts';
import { faultOfWindowEntry, isEntryOf, windowChallenges } from '../../proofs/index.ts';
import { payFine } from '../collateral.ts';
import { noSuchPartition, notDisputable, notOfTheProof, proofHolds } from '../errors.ts';
import { proofDisputed } from '../events.ts';
import { disputeFee } from '../fees.ts';
import { disputeSpan, params } from '../params.ts';
import { changeMembers, isAsked, keyOf, type Place } from '../partitions.ts';
import { challenges, MEMBER, type Partition, partitions, sectors } from '../state.ts';
import {
  FAILING,
  faultOfVerdicts,
  verdictList,
  verdictsToFail,
  windowSubject,
} from '../verdict.ts';

/** An entry of a window proof at most: a leaf, and a path for the largest sector. */
const MAX_WINDOW_ENTRY = 2048;
/** Depth of the tree over the entries of a file. */
const MAX_ENTRY_PATH = 15;

export const entryFields = (most: number) => ({
  entry: u32.is('Which entry of the proof'),
  bytes: byteList(most).is('The entry, as the miner served it'),
  path: list(bytes32, MAX_ENTRY_PATH).is('From the entry to the root of the proof file'),
});
const placeFields = { miner: address, deadline: u8, partition: u32 };

/** Shows that a window proof is false, by one entry of it. */
export const disputeWindow = command({
  name: 'sectors.dispute-window',
  title: 'Dispute a window proof',
  doc: 'One entry of the proof that does not hold: its sectors are faulty, pledge is taken, a share rewards.',
  signer: 'node',
  fields: { ...placeFields, ...entryFields(MAX_WINDOW_ENTRY) },
});

/** Shows by the word of more than two thirds of the validators that a window proof is not to be had. */
export const reportWithheld = command({
  name: 'sectors.report-withheld',
  title: 'Report a withheld proof',
  doc: 'More than two thirds of the validators did not get the proof, or got a false one.',
  signer: 'node',
  fields: { ...placeFields, verdicts: verdictList },
});

/** The partition whose last proof can still be disputed. */
function disputable({ state, height }: TxContext, place: Place): Partition | Refusal {
  const partition = partitions.get(state, ...keyOf(place));
  if (!partition) return noSuchPartition(place.deadline, place.partition);
  const span = BigInt(disputeSpan(params.need(state)));
  if (partition.proven.length === 0 || partition.proof.every((byte) => byte === 0))
    return notDisputable('no proof stands');
  if (height >= partition.opens + span) return notDisputable('its time is over');
  return partition;
}

/** What is wrong with an entry of a window proof, by what the chain knows of the partition. */
function windowFault(
  { state }: TxContext,
  place: Place,
  partition: Partition,
  value: { entry: number; bytes: Uint8Array; path: readonly Uint8Array[] },
): Refusal | undefined {
  const { sectorBytes, windowLeaves } = params.need(state);
  const { opens, seed } = challenges.need(state, BigInt(place.deadline));
  if (opens !== partition.opens) return notDisputable('its challenge is no longer known');
  const proven = partition.proven.map((number) => ({
    number,
    replica: sectors.need(state, place.miner, number).replica,
  }));
  const asked = windowChallenges({ ...place, opens, seed }, sectorBytes, proven, windowLeaves);
  if (!isEntryOf(partition.proof, asked.length, value.entry, value.bytes, value.path))
    return notOfTheProof();
  const why = faultOfWindowEntry(asked[value.entry]!, sectorBytes, value.bytes);
  return why ? undefined : proofHolds();
}

/** The proof did not hold: its sectors are faulty, and pledge of each is taken. */
function failWindow(ctx: TxContext, power: MinerPower, place: Place): void {
  const { state, height, sender } = ctx;
  const current = params.need(state);
  const before = partitions.need(state, ...keyOf(place));
  const proven = new Set(before.proven);
  const closed = height >= before.opens + BigInt(current.windowBlocks);
  const proof = new Uint8Array(32);
  changeMembers(ctx, power, place, before, { proof }, (member) =>
    proven.has(member.number) && isAsked(member)
      ? { ...member, state: MEMBER.faulty, faults: closed ? 1 : 0 }
      : member,
  );
  const fines = before.proven.map((number) => ({
    number,
    fine: disputeFee(current, sectors.need(state, place.miner, number).pledged),
  }));
  const paid = payFine(state, current, place.miner, fines, sender.account);
  ctx.emit(proofDisputed, {
    miner: place.miner,
    proof: before.proof,
    discoverer: sender.account,
    ...paid,
  });
}

export function disputeWindowHandler(power: MinerPower) {
  return handle(disputeWindow, {
    verify(ctx, value) {
      const partition = disputable(ctx, value);
      return isRefusal(partition) ? partition : windowFault(ctx, value, partition, value);
    },
    apply: (ctx, { miner, deadline, partition }) =>
      failWindow(ctx, power, { miner, deadline, partition }),
  });
}

export function reportWithheldHandler(domain: Domain, power: MinerPower) {
  return handle(reportWithheld, {
    verify(ctx, value) {
      const partition = disputable(ctx, value);
      if (isRefusal(partition)) return partition;
      const { opens, proof } = partition;
      const subject = windowSubject(value.miner, { ...value, opens }, proof);
      const wanted = verdictsToFail(ctx.state);
      return faultOfVerdicts(ctx.state, domain, value.verdicts, subject, FAILING, wanted);
    },
    apply: (ctx, { miner, deadline, partition }) =>
      failWindow(ctx, power, { miner, deadline, partition }),
  });
}
