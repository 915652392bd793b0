import { NATIVE } from './params.ts';

const UNIT = 10n ** BigInt(NATIVE.decimals);

/**
 * An amount for people: all decimals that matter, and no others, as in `1.5 PAL`. Of other denominations the
 * chain knows no decimals: `150 credits`.
 */
export function formatAmount(amount: bigint, denom: string = NATIVE.denom): string {
  if (denom !== NATIVE.denom) return `${amount} ${denom}`;
  const sign = amount < 0n ? '-' : '';
  const absolute = amount < 0n ? -amount : amount;
  const fraction = `${absolute % UNIT}`.padStart(NATIVE.decimals, '0').replace(/0+$/, '');
  return `${sign}${absolute / UNIT}${fraction && `.${fraction}`} ${NATIVE.symbol}`;
}
