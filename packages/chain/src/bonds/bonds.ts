/**
 * The bonds ledger: who answers for which validator with what. Each source (own tokens, backers,
 * virtual stake) keeps its collateral in its own way and is slashed through its own port; the
 * ledger only knows the amounts.
 */
import { bytes32, type KeyValueReader, text, u128 } from '@palisade/core';
import { burnHeld, heldFor } from '../accounts/ledger.ts';
import { event } from '../module/event.ts';
import type { BlockContext, Module } from '../module/module.ts';
import { PPM } from '../params.ts';
import { validators } from '../validators/state.ts';

/** A kind of collateral that answers for validators. */
export type BondSource = {
  readonly name: string;
  /** What answers for a validator now, in native base units. */
  amount(state: KeyValueReader, validator: Uint8Array): bigint;
  /** Takes a share of it; returns what was taken. */
  slash(ctx: BlockContext, validator: Uint8Array, fractionPpm: number): bigint;
};

/** Purpose under which a validator's own bond is held on its account. */
export const OWN_BOND = 'bond';

/** The tokens that a validator's owner has put up itself. */
export const ownBond: BondSource = {
  name: 'own',
  amount(state, nodeKey) {
    const validator = validators.get(state, nodeKey);
    return validator ? heldFor(state, validator.account, OWN_BOND) : 0n;
  },
  slash({ state }, nodeKey, fractionPpm) {
    // One that was drawn has left the table with its seat; what answers for it is held elsewhere.
    const account = validators.get(state, nodeKey)?.account;
    if (!account) return 0n;
    const taken = (heldFor(state, account, OWN_BOND) * BigInt(fractionPpm)) / PPM;
    if (taken > 0n) burnHeld(state, account, OWN_BOND, taken, 'slash');
    return taken;
  },
};

export const bondSlashed = event({
  name: 'bonds.slashed',
  doc: 'Collateral was taken for an offence.',
  fields: { validator: bytes32, source: text(32), amount: u128 },
});

/** Slashes every source for every offence. */
export function bondsModule(sources: readonly BondSource[]): Module {
  return {
    name: 'bonds',
    events: [bondSlashed],
    hooks: {
      offence(ctx, { validator, fractionPpm }) {
        for (const source of sources) {
          const amount = source.slash(ctx, validator, fractionPpm);
          if (amount > 0n) ctx.emit(bondSlashed, { validator, source: source.name, amount });
        }
      },
    },
  };
}
