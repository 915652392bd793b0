import { cannotHold, handle, hold, randomness, sessions, type TxContext } from '@palisade/chain';
import { bytes32, command, type Refusal, refuse, toHex, u64 } from '@palisade/core';
import type { MinerPower } from '../../claims/update-power.ts';
import { notAMiner } from '../../errors.ts';
import { DEPOSIT } from '../collateral.ts';
import { owe } from '../ending.ts';
import { sectorPreCommitted } from '../events.ts';
import { depositOf, params, type SectorsParams } from '../params.ts';
import { DUE, type Miner, miners, preCommits } from '../state.ts';

/** Announces a sealed sector before anybody knows where it will be opened. */
export const preCommit = command({
  name: 'sectors.pre-commit',
  title: 'Announce a sealed sector',
  doc: 'Commits to what was sealed; a deposit is held until it is proven, and burned if it is not.',
  signer: 'node',
  fields: {
    number: u64.is('Never used before: not below sectors.miner next'),
    session: u64.is('Session whose randomness the replica is made from'),
    replica: bytes32.is('Content id of the sealed bytes'),
    columns: bytes32.is('Root of the columns of labels'),
    data: bytes32.is('Content id of the data'),
    expires: u64.is('Height at which the sector ends'),
  },
});

const NOBODY: Miner = { next: 0n, live: 0, counts: [], slashed: 0n };

/** Highest number: one more must be a number, too. */
const MAX_NUMBER = 2n ** 63n;

function checkNumber(ctx: TxContext, current: SectorsParams, number: bigint): Refusal | undefined {
  const { next, live } = miners.get(ctx.state, ctx.sender.account) ?? NOBODY;
  if (number < next || number > MAX_NUMBER)
    return refuse(
      'sectors/number-used',
      `Sector numbers are used once, and upwards: ${next} is the next one, not ${number}.`,
      { data: { next }, next: `Seal and announce sector ${next}.` },
    );
  if (live < current.maxSectors) return undefined;
  return refuse('sectors/too-many', `A miner has at most ${current.maxSectors} sectors.`, {
    retry: 'later',
    next: 'Wait until one ends, or end one by sectors.terminate.',
  });
}

/** The session's randomness, when it is young enough to seal by. */
function sealSeed(
  { state, session }: TxContext,
  current: SectorsParams,
  number: bigint,
): Uint8Array | undefined {
  if (number > session.number || number + BigInt(current.sealSessions) < session.number)
    return undefined;
  const named = sessions.get(state, number);
  return named && randomness.ofSession(named);
}

export function preCommitHandler(power: MinerPower) {
  return handle(preCommit, {
    verify(ctx, { number, session, expires }) {
      const { state, sender, height } = ctx;
      const current = params.need(state);
      if (!power.isMiner(state, sender.account)) return notAMiner(sender.account);
      const bad = checkNumber(ctx, current, number);
      if (bad) return bad;
      if (!sealSeed(ctx, current, session))
        return refuse(
          'sectors/bad-seal-session',
          `Session ${session} has no randomness that can be sealed by now.`,
          {
            next: `Use one of the last ${current.sealSessions} sessions whose randomness is known.`,
          },
        );
      const least = height + BigInt(current.maxProveBlocks + current.minLifeBlocks);
      const most = height + BigInt(current.maxLifeBlocks);
      if (expires < least || expires > most)
        return refuse(
          'sectors/bad-expiry',
          `A sector that is announced now ends in blocks ${least} to ${most}, not ${expires}.`,
        );
      return cannotHold(state, sender.account, depositOf(current));
    },
    apply(ctx, { number, session, replica, columns, data, expires }) {
      const { state, sender, height } = ctx;
      const miner = sender.account;
      const current = params.need(state);
      const deposit = depositOf(current);
      if (deposit > 0n) hold(state, miner, DEPOSIT, deposit);
      const record = miners.get(state, miner) ?? NOBODY;
      miners.set(state, [miner], { ...record, next: number + 1n, live: record.live + 1 });
      const seed = sealSeed(ctx, current, session);
      if (!seed) throw new Error(`sectors: ${toHex(miner)} was let through without a seed`);
      const challenge = new Uint8Array(32);
      preCommits.set(state, [miner, number], {
        ...{ replica, columns, data, expires },
        ...{ seed, challenge, height, deposit },
      });
      owe(ctx, BigInt(current.challengeDelayBlocks), miner, DUE.challenge, number);
      owe(ctx, BigInt(current.maxProveBlocks), miner, DUE.unproven, number);
      const provenBefore = height + BigInt(current.maxProveBlocks);
      ctx.emit(sectorPreCommitted, { miner, number, deposit, provenBefore });
    },
  });
}
