import { cannotHold, handle } from '@palisade/chain';
import { bytes32, command, type Domain, refuse, u64 } from '@palisade/core';
import type { MinerPower } from '../../claims/update-power.ts';
import { depositToPledge } from '../collateral.ts';
import { owe } from '../ending.ts';
import { sectorProven } from '../events.ts';
import { params, pledgeOf } from '../params.ts';
import { addMember } from '../partitions.ts';
import { emptiestDeadline } from '../schedule.ts';
import { DUE, miners, preCommits, sectors } from '../state.ts';
import { faultOfVerdicts, sealSubject, VERDICT, verdictList } from '../verdict.ts';

/** Names the seal proof of an announced sector, with the word of validators that have checked it. */
export const proveCommit = command({
  name: 'sectors.prove-commit',
  title: 'Prove a sealed sector',
  doc: 'The deposit becomes a pledge, and the sector gets a deadline; power comes with its first window.',
  signer: 'node',
  fields: {
    number: u64,
    proof: bytes32.is('Id of the seal proof, which the miner serves'),
    verdicts: verdictList,
  },
});

export function proveCommitHandler(domain: Domain, power: MinerPower) {
  return handle(proveCommit, {
    verify({ state, sender }, { number, proof, verdicts }) {
      const miner = sender.account;
      const current = params.need(state);
      const announced = preCommits.get(state, miner, number);
      if (!announced)
        return refuse(
          'sectors/not-announced',
          `Sector ${number} of this miner is not announced, or was not proven in time.`,
          { next: 'Seal and announce another one: numbers are used once.' },
        );
      if (announced.challenge.every((byte) => byte === 0))
        return refuse(
          'sectors/not-challenged',
          `The challenge of sector ${number} comes ${current.challengeDelayBlocks} blocks after its announcement.`,
          { retry: 'later' },
        );
      const bad = faultOfVerdicts(
        state,
        domain,
        verdicts,
        sealSubject(miner, number, proof),
        [VERDICT.holds],
        current.sealVerdicts,
      );
      if (bad) return bad;
      const more = pledgeOf(current) - announced.deposit;
      return more > 0n ? cannotHold(state, miner, more) : undefined;
    },
    apply(ctx, { number, proof }) {
      const { state, sender, height } = ctx;
      const miner = sender.account;
      const current = params.need(state);
      const { height: _, deposit, ...sealed } = preCommits.need(state, miner, number);
      const pledge = pledgeOf(current);
      preCommits.delete(state, miner, number);
      depositToPledge(state, miner, deposit, pledge);
      const record = miners.need(state, miner);
      const deadline = emptiestDeadline(current, miner, record.counts, height);
      const counts = Array.from(
        { length: current.deadlines },
        (_, i) => (record.counts[i] ?? 0) + (i === deadline ? 1 : 0),
      );
      miners.set(state, [miner], { ...record, counts });
      const partition = addMember(ctx, power, miner, deadline, number);
      sectors.set(state, [miner, number], {
        ...sealed,
        ...{ proof, height, pledge, deadline, partition },
        pledged: pledge,
        ended: 0n,
      });
      owe(ctx, sealed.expires - height, miner, DUE.expiry, number);
      ctx.emit(sectorProven, { miner, number, proof, pledge, deadline, partition });
    },
  });
}
