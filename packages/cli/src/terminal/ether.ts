/** Amounts of the root chain as people write and read them. */
import { InvalidArgumentError } from 'commander';

const DECIMALS = 18;
const UNIT = 10n ** BigInt(DECIMALS);

/** Wei of an amount in ether: `1.5`, `0.000001`. */
export function parseEther(text: string): bigint {
  const [, whole, fraction = ''] = /^(\d{1,12})(?:\.(\d{1,18}))?$/.exec(text.trim()) ?? [];
  const wei =
    whole === undefined ? 0n : BigInt(whole) * UNIT + BigInt(fraction.padEnd(DECIMALS, '0'));
  if (wei > 0n) return wei;
  throw new InvalidArgumentError('write it in ether with at most 18 decimals, as in 0.5');
}

/** `0.5 ether`. */
export function formatEther(wei: bigint): string {
  const fraction = `${wei % UNIT}`.padStart(DECIMALS, '0').replace(/0+$/, '');
  return `${wei / UNIT}${fraction === '' ? '' : `.${fraction}`} ether`;
}

/** Whether a token's address stands for ether. */
export const isEther = (token: string): boolean => /^0x0+$/.test(token);
