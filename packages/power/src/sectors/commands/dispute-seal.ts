import { handle, type TxContext } from '@palisade/chain';
import { address, command, type Domain, isRefusal, type Refusal, u64 } from '@palisade/core';
import type { MinerPower } from '../../claims/update-power.ts';
import { faultOfSealEntry, isEntryOf, sealChallenges, sealEntryCount } from '../../proofs/index.ts';
import { payFine } from '../collateral.ts';
import { END, endSector } from '../ending.ts';
import { noSuchSector, notDisputable, notOfTheProof, proofHolds } from '../errors.ts';
import { proofDisputed } from '../events.ts';
import { params, shapeOf } from '../params.ts';
import { type Sector, sectors } from '../state.ts';
import { FAILING, faultOfVerdicts, sealSubject, verdictList, verdictsToFail } from '../verdict.ts';
import { entryFields } from './dispute-window.ts';

/** An entry of a seal proof at most: 21.4 KB for 16 layers of the largest sector. */
const MAX_SEAL_ENTRY = 32 * 1024;

const sectorFields = { miner: address, number: u64 };

/** Shows that a seal proof is false, by one entry of it. */
export const disputeSeal = command({
  name: 'sectors.dispute-seal',
  title: 'Dispute a seal proof',
  doc: 'One entry of the proof that does not hold: the sector ends and all of its pledge is taken.',
  signer: 'node',
  fields: { ...sectorFields, ...entryFields(MAX_SEAL_ENTRY) },
});

/** Shows by the word of more than two thirds of the validators that a seal proof is not to be had. */
export const reportWithheldSeal = command({
  name: 'sectors.report-withheld-seal',
  title: 'Report a withheld seal proof',
  doc: 'More than two thirds of the validators did not get the seal proof, or got a false one.',
  signer: 'node',
  fields: { ...sectorFields, verdicts: verdictList },
});

/** A living sector whose seal proof can still be disputed. */
function disputable(
  { state, height }: TxContext,
  miner: Uint8Array,
  number: bigint,
): Sector | Refusal {
  const sector = sectors.get(state, miner, number);
  if (sector?.ended !== 0n) return noSuchSector(number);
  if (height >= sector.height + BigInt(params.need(state).sealDisputeBlocks))
    return notDisputable('its time is over');
  return sector;
}

/** The sector was not sealed by the rules: it ends, and its pledge is taken. */
function failSeal(ctx: TxContext, power: MinerPower, miner: Uint8Array, number: bigint): void {
  const { state, sender } = ctx;
  const { proof, pledge } = sectors.need(state, miner, number);
  const fines = [{ number, fine: pledge }];
  const paid = payFine(state, params.need(state), miner, fines, sender.account);
  endSector(ctx, power, miner, number, END.disputed);
  ctx.emit(proofDisputed, { miner, proof, discoverer: sender.account, ...paid });
}

export function disputeSealHandler(power: MinerPower) {
  return handle(disputeSeal, {
    verify(ctx, { miner, number, entry, bytes, path }) {
      const sector = disputable(ctx, miner, number);
      if (isRefusal(sector)) return sector;
      const shape = shapeOf(params.need(ctx.state));
      const statement = { miner, sector: number, ...sector };
      if (!isEntryOf(sector.proof, sealEntryCount(shape), entry, bytes, path))
        return notOfTheProof();
      const node = sealChallenges(statement, shape, sector.challenge)[entry]!;
      return faultOfSealEntry(statement, shape, node, bytes) ? undefined : proofHolds();
    },
    apply: (ctx, { miner, number }) => failSeal(ctx, power, miner, number),
  });
}

export function reportWithheldSealHandler(domain: Domain, power: MinerPower) {
  return handle(reportWithheldSeal, {
    verify(ctx, { miner, number, verdicts }) {
      const sector = disputable(ctx, miner, number);
      if (isRefusal(sector)) return sector;
      const subject = sealSubject(miner, number, sector.proof);
      const wanted = verdictsToFail(ctx.state);
      return faultOfVerdicts(ctx.state, domain, verdicts, subject, FAILING, wanted);
    },
    apply: (ctx, { miner, number }) => failSeal(ctx, power, miner, number),
  });
}
