import { NATIVE } from '@palisade/chain/schema';

const UNIT = 10n ** BigInt(NATIVE.decimals);

/** An amount for people: all decimals that matter, and no others, as in `1.5 PAL`. */
export function formatAmount(amount: bigint): string {
  const sign = amount < 0n ? '-' : '';
  const absolute = amount < 0n ? -amount : amount;
  const fraction = `${absolute % UNIT}`.padStart(NATIVE.decimals, '0').replace(/0+$/, '');
  return `${sign}${absolute / UNIT}${fraction && `.${fraction}`} ${NATIVE.symbol}`;
}
