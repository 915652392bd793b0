/**
 * How seats change: whoever draws them hands over the holders, and the engine's powers follow at the
 * end of the block. Known validators without a seat stand by; drawn ones leave the table.
 */
import { bytes32, PalisadeError, toBinaryString, u8, u64 } from '@palisade/core';
import { validatorAddress } from '@palisade/formats';
import { event } from '../module/event.ts';
import type { BlockContext } from '../module/module.ts';
import { byAddress, SEAT, type Validator, validators } from './state.ts';

export const seatChanged = event({
  name: 'validators.seat-changed',
  doc: 'A validator took or lost a seat.',
  fields: { nodeKey: bytes32, seat: u8, weight: u64 },
});

/** Who takes a seat, and with how many votes. */
export type SeatHolder = Pick<Validator, 'account' | 'name' | 'weight' | 'known'> & {
  readonly nodeKey: Uint8Array;
};

/** Seats one validator, beside those that have seats; its votes count two heights later. */
export function fillSeat(ctx: BlockContext, { nodeKey, ...holder }: SeatHolder): void {
  const { state } = ctx;
  const before = validators.get(state, nodeKey);
  if (before?.seat === SEAT.active && before.weight === holder.weight) return;
  validators.set(state, [nodeKey], { ...holder, seat: SEAT.active });
  byAddress.set(state, [validatorAddress(nodeKey)], nodeKey);
  ctx.emit(seatChanged, { nodeKey, seat: SEAT.active, weight: holder.weight });
}

/**
 * Makes exactly these validators the holders of all seats.
 * @throws PalisadeError `chain/no-validators` for none at all: an engine cannot go on without.
 */
export function changeSeats(ctx: BlockContext, holders: readonly SeatHolder[]): void {
  if (holders.length === 0 || holders.some(({ weight }) => weight === 0n))
    throw new PalisadeError({
      code: 'chain/no-validators',
      message: 'Seats were given to nobody, or to somebody without votes.',
    });
  const seated = new Set(holders.map(({ nodeKey }) => toBinaryString(nodeKey)));
  for (const [[nodeKey], validator] of [...validators.list(ctx.state)])
    if (!seated.has(toBinaryString(nodeKey))) leaveSeat(ctx, nodeKey, validator);
  for (const holder of holders) fillSeat(ctx, holder);
}

/** Has a validator without a seat stand by: it challenges partners and checks proofs. */
export function standBy({ state }: BlockContext, stander: Omit<SeatHolder, 'weight'>): void {
  const { nodeKey, ...validator } = stander;
  if (validators.get(state, nodeKey)?.seat === SEAT.active) return;
  validators.set(state, [nodeKey], { ...validator, weight: 0n, seat: SEAT.passive });
}

/** A validator stands by no longer; nothing where it has a seat. */
export function standDown({ state }: BlockContext, nodeKey: Uint8Array): void {
  if (validators.get(state, nodeKey)?.seat === SEAT.passive) validators.delete(state, nodeKey);
}

/** Takes one validator's seat, as of one that is silent. */
export function dropSeat(ctx: BlockContext, nodeKey: Uint8Array): void {
  const validator = validators.get(ctx.state, nodeKey);
  if (validator) leaveSeat(ctx, nodeKey, validator);
}

function leaveSeat(ctx: BlockContext, nodeKey: Uint8Array, validator: Validator): void {
  // Whoever stands by has no seat to leave: it goes on challenging partners and checking proofs.
  if (validator.seat === SEAT.passive) return;
  if (validator.known === 0) validators.delete(ctx.state, nodeKey);
  else if (validator.seat === SEAT.active)
    validators.set(ctx.state, [nodeKey], { ...validator, seat: SEAT.passive });
  if (validator.seat !== SEAT.active) return;
  ctx.emit(seatChanged, { nodeKey, seat: SEAT.passive, weight: 0n });
}
