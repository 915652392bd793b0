import { handle, type TxContext } from '@palisade/chain';
import { bytes32, command, list, type Refusal, refuse, u8, u32, u64 } from '@palisade/core';
import type { MinerPower } from '../../claims/update-power.ts';
import { noSuchPartition } from '../errors.ts';
import { windowProven } from '../events.ts';
import { MAX_PARTITION, params } from '../params.ts';
import { changeMembers, isAsked, keyOf } from '../partitions.ts';
import { windowAt } from '../schedule.ts';
import { challenges, MEMBER, type Member, type Partition, partitions } from '../state.ts';

/** Names the proof that the sectors of a partition are there now. */
export const proveWindow = command({
  name: 'sectors.prove-window',
  title: 'Prove stored sectors',
  doc: 'Once per window and partition. Sectors that are skipped become faulty; those to be proven again are.',
  signer: 'node',
  fields: {
    deadline: u8,
    partition: u32,
    skipped: list(u64, MAX_PARTITION).is('Numbers of sectors that cannot be proven, upwards'),
    proof: bytes32.is('Id of the window proof, which the miner serves'),
  },
});

/** Why numbers are not some of those that are asked for, each once and upwards. */
function checkSkipped(asked: readonly Member[], skipped: readonly bigint[]): Refusal | undefined {
  const upwards = skipped.every((number, i) => i === 0 || number > skipped[i - 1]!);
  const known = new Set(asked.map(({ number }) => number));
  if (!upwards || !skipped.every((number) => known.has(number)))
    return refuse(
      'sectors/bad-skipped',
      'Skipped are sectors of this partition that are not faulty already, each named once, upwards.',
    );
  if (skipped.length < asked.length) return undefined;
  return refuse('sectors/nothing-to-prove', 'No sector of this partition is left to be proven.', {
    next: 'Declare them recovered first, before the cutoff of the next window.',
  });
}

function checkWindow(
  { state, height }: TxContext,
  deadline: number,
  partition: Partition,
): Refusal | undefined {
  const window = windowAt(params.need(state), height);
  if (window.deadline !== deadline)
    return refuse(
      'sectors/window-closed',
      `Deadline ${window.deadline} is open until block ${window.closes}, not ${deadline}.`,
      { retry: 'later', next: 'Prove it when its own window opens, by the challenge of that.' },
    );
  if (challenges.get(state, BigInt(deadline))?.opens !== window.opens)
    return refuse('sectors/no-challenge', 'No challenge was drawn for this window.');
  if (partition.opens === window.opens)
    return refuse('sectors/window-proven', 'This partition is proven for this window.', {
      next: 'Nothing is left to do before its next window.',
    });
  return undefined;
}

export function proveWindowHandler(power: MinerPower) {
  return handle(proveWindow, {
    verify(ctx, { deadline, partition: index, skipped }) {
      const place = { deadline, miner: ctx.sender.account, partition: index };
      const partition = partitions.get(ctx.state, ...keyOf(place));
      if (!partition) return noSuchPartition(deadline, index);
      return (
        checkWindow(ctx, deadline, partition) ??
        checkSkipped(partition.members.filter(isAsked), skipped)
      );
    },
    apply(ctx, { deadline, partition: index, skipped, proof }) {
      const { state, height, sender } = ctx;
      const place = { deadline, miner: sender.account, partition: index };
      const before = partitions.need(state, ...keyOf(place));
      const { opens } = windowAt(params.need(state), height);
      const left = new Set(skipped);
      const isProven = (member: Member) => isAsked(member) && !left.has(member.number);
      const proven = before.members.filter(isProven).map(({ number }) => number);
      const delta = changeMembers(ctx, power, place, before, { opens, proof, proven }, (member) => {
        if (isProven(member)) return { ...member, state: MEMBER.active, faults: 0 };
        return left.has(member.number) ? { ...member, state: MEMBER.faulty } : member;
      });
      ctx.emit(windowProven, {
        ...place,
        ...{ opens, proof },
        sectors: proven.length,
        power: delta > 0n ? delta : 0n,
      });
    },
  });
}
