/**
 * Who validates: the seats of the session, the engine's powers that follow from them, and who
 * attended. Seats come from genesis and from whoever draws them; offences empty them.
 */
import { bytes32, type Json, list, PalisadeError, record, u64 } from '@palisade/core';
import { type CommitInfo, type ValidatorUpdate, validatorAddress } from '@palisade/formats';
import type { BlockContext, Module } from '../module/module.ts';
import { answer, query } from '../module/query.ts';
import { offenceProven } from '../offences/offences.ts';
import { currentSession } from '../sessions/session.ts';
import type { State } from '../state/overlay.ts';
import { seatChanged } from './seats.ts';
import {
  activeValidators,
  attendance,
  byAddress,
  enginePowers,
  SEAT,
  validatorRecord,
  validators,
} from './state.ts';

/** Validators of all seats at most: 10 active and their stand-bys; every block looks at each. */
const MAX_VALIDATORS = 64;

export const validatorLine = record('ValidatorLine', {
  nodeKey: bytes32,
  validator: validatorRecord,
  attended: u64.is('Blocks signed in the running session'),
});

export const validatorsQuery = query({
  name: 'validators.list',
  doc: 'All validators, active and passive, with the blocks they signed in this session.',
  params: record('ValidatorsQuery', {}),
  result: record('ValidatorsView', {
    session: u64,
    validators: list(validatorLine, MAX_VALIDATORS),
  }),
});

export const validatorsGenesis = record('ValidatorsGenesis', {
  validators: list(
    record('GenesisValidator', { nodeKey: bytes32, validator: validatorRecord }),
    MAX_VALIDATORS,
  ),
});

/** Counts who signed the previous block, of those that have a seat: others sign for two heights more. */
export function noteAttendance(ctx: BlockContext, commit: CommitInfo): void {
  for (const { validator, blockIdFlag } of commit.votes) {
    if (blockIdFlag !== 'commit') continue;
    const nodeKey = byAddress.get(ctx.state, validator.address);
    if (!nodeKey || validators.get(ctx.state, nodeKey)?.seat !== SEAT.active) continue;
    const before = attendance.get(ctx.state, ctx.session.number, nodeKey)?.blocks ?? 0n;
    const now = { blocks: before + 1n, last: ctx.height - 1n };
    attendance.set(ctx.state, [ctx.session.number, nodeKey], now);
  }
}

/** What the engine must be told: powers that differ from what it was told last. */
export function powerUpdates(state: State): ValidatorUpdate[] {
  const updates: ValidatorUpdate[] = [];
  for (const [[publicKey], validator] of validators.list(state)) {
    const power = validator.seat === SEAT.active ? validator.weight : 0n;
    const told = enginePowers.get(state, publicKey) ?? 0n;
    if (power === told) continue;
    updates.push({ publicKey, power });
    if (power === 0n) enginePowers.delete(state, publicKey);
    else enginePowers.set(state, [publicKey], power);
  }
  for (const [[publicKey]] of [...enginePowers.list(state)]) {
    if (validators.has(state, publicKey)) continue;
    enginePowers.delete(state, publicKey);
    updates.push({ publicKey, power: 0n });
  }
  return updates;
}

/** Bars an offender from seats, unless it has the last one: a set may not become empty. */
function exclude(ctx: BlockContext, nodeKey: Uint8Array): void {
  const validator = validators.get(ctx.state, nodeKey);
  if (!validator || validator.seat === SEAT.excluded) return;
  if (validator.seat === SEAT.active && activeValidators(ctx.state).length === 1) return;
  validators.set(ctx.state, [nodeKey], { ...validator, seat: SEAT.excluded });
  ctx.emit(seatChanged, { nodeKey, seat: SEAT.excluded, weight: 0n });
}

export const validatorsModule: Module = {
  name: 'validators',
  provenStores: ['validators'],
  events: [seatChanged, offenceProven],
  queries: [
    answer(validatorsQuery, (state) => {
      const session = currentSession.get(state) ?? 0n;
      return {
        session,
        validators: [...validators.list(state)].map(([[nodeKey], validator]) => ({
          nodeKey,
          validator,
          attended: attendance.get(state, session, nodeKey)?.blocks ?? 0n,
        })),
      };
    }),
  ],
  hooks: {
    genesis({ state }, json: Json | undefined) {
      const genesis = validatorsGenesis.fromJson(json ?? null, 'validators');
      if (!genesis.validators.some(({ validator }) => validator.seat === SEAT.active))
        throw badGenesis('names no active validator');
      for (const { nodeKey, validator } of genesis.validators) {
        if (validator.seat === SEAT.active && validator.weight === 0n)
          throw badGenesis('names an active validator without votes');
        if (validators.has(state, nodeKey)) throw badGenesis('names a validator twice');
        validators.set(state, [nodeKey], validator);
        byAddress.set(state, [validatorAddress(nodeKey)], nodeKey);
        if (validator.seat === SEAT.active) enginePowers.set(state, [nodeKey], validator.weight);
      }
    },
    offence(ctx, { validator, fractionPpm }) {
      if (fractionPpm > 0) exclude(ctx, validator);
    },
    sessionEnd({ state, session }) {
      for (const [[number, nodeKey]] of attendance.list(state, session.number))
        attendance.delete(state, number, nodeKey);
    },
  },
};

function badGenesis(why: string): PalisadeError {
  return new PalisadeError({
    code: 'chain/bad-genesis',
    message: `The genesis document ${why}.`,
  });
}
