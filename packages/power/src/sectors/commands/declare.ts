import { handle, type TxContext } from '@palisade/chain';
import { command, type Declaration, list, type Refusal, refuse, u64 } from '@palisade/core';
import type { MinerPower } from '../../claims/update-power.ts';
import { END, endSector } from '../ending.ts';
import { noSuchSector, notMutable } from '../errors.ts';
import { params } from '../params.ts';
import { changeMembers, keyOf } from '../partitions.ts';
import { isMutable } from '../schedule.ts';
import { MEMBER, type Member, partitions, type Sector, sectors } from '../state.ts';

/** Sectors of one declaration at most: each costs a lookup, and a fee per byte pays for it. */
const MAX_DECLARED = 256;

const numbers = list(u64, MAX_DECLARED).is('Numbers of sectors, upwards');
type Declared = { readonly sectors: readonly bigint[] };

/** Says before the cutoff that sectors cannot be proven: they lose their power, and are not asked for. */
export const declareFaults = command({
  name: 'sectors.declare-faults',
  title: 'Declare faulty sectors',
  doc: 'Sectors that cannot be proven in their next window; declared in time, the first period is free.',
  signer: 'node',
  fields: { sectors: numbers },
});

/** Says before the cutoff that faulty sectors are there again: the next window asks for them. */
export const declareRecoveries = command({
  name: 'sectors.declare-recoveries',
  title: 'Declare recovered sectors',
  doc: 'Faulty sectors that can be proven again; they have their power back with the proof.',
  signer: 'node',
  fields: { sectors: numbers },
});

/** Ends sectors before their time, for a fee. */
export const terminate = command({
  name: 'sectors.terminate',
  title: 'End sectors early',
  doc: 'Power is lost at once; what the fee leaves of the pledge comes back when nothing can be disputed.',
  signer: 'node',
  fields: { sectors: numbers },
});

function stateOf({ state, sender }: TxContext, sector: Sector, number: bigint): number {
  const { members } = partitions.need(state, ...keyOf({ miner: sender.account, ...sector }));
  return members.find((member) => member.number === number)!.state;
}

/** Why sectors cannot be changed now, all of them. */
function checkSectors(
  ctx: TxContext,
  declared: readonly bigint[],
  allowed: readonly number[],
): Refusal | undefined {
  const current = params.need(ctx.state);
  if (declared.length === 0 || declared.some((number, i) => i > 0 && number <= declared[i - 1]!))
    return refuse('sectors/bad-list', 'Name at least one sector, each once, upwards.');
  for (const number of declared) {
    const sector = sectors.get(ctx.state, ctx.sender.account, number);
    if (sector?.ended !== 0n) return noSuchSector(number);
    if (!isMutable(current, sector.deadline, ctx.height)) return notMutable(sector.deadline);
    if (!allowed.includes(stateOf(ctx, sector, number)))
      return refuse(
        'sectors/wrong-state',
        `Sector ${number} is not in a state to be declared so.`,
        {
          next: 'Declare faulty what is not yet, and recovered what is faulty.',
        },
      );
  }
  return undefined;
}

/** Changes the state of sectors, partition by partition. */
function declare(
  ctx: TxContext,
  power: MinerPower,
  declared: readonly bigint[],
  rule: (member: Member) => Member,
): void {
  const named = new Set(declared);
  const done = new Set<string>();
  for (const number of declared) {
    const { deadline, partition } = sectors.need(ctx.state, ctx.sender.account, number);
    if (done.has(`${deadline}/${partition}`)) continue;
    done.add(`${deadline}/${partition}`);
    const place = { deadline, miner: ctx.sender.account, partition };
    const before = partitions.need(ctx.state, ...keyOf(place));
    changeMembers(ctx, power, place, before, {}, (member) =>
      named.has(member.number) ? rule(member) : member,
    );
  }
}

/** A command that moves sectors from some states to another one. */
function declaration(
  power: MinerPower,
  declared: Declaration<Declared & { nonce: bigint; maxFee: bigint; sectors: bigint[] }>,
  from: readonly number[],
  to: number,
) {
  return handle(declared, {
    verify: (ctx, value) => checkSectors(ctx, value.sectors, from),
    apply: (ctx, value) =>
      declare(ctx, power, value.sectors, (member) => ({ ...member, state: to })),
  });
}

const { unproven, active, faulty, recovering } = MEMBER;

export const declareFaultsHandler = (power: MinerPower) =>
  declaration(power, declareFaults, [unproven, active, recovering], faulty);

export const declareRecoveriesHandler = (power: MinerPower) =>
  declaration(power, declareRecoveries, [faulty], recovering);

export function terminateHandler(power: MinerPower) {
  return handle(terminate, {
    verify: (ctx, value) =>
      checkSectors(ctx, value.sectors, [unproven, active, faulty, recovering]),
    apply(ctx, value) {
      for (const number of value.sectors)
        endSector(ctx, power, ctx.sender.account, number, END.terminated);
    },
  });
}
