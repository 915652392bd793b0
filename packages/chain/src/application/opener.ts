/** Opening transactions: form and signature, once, remembered until the block that holds them. */
import {
  type Catalogue,
  type Domain,
  isRefusal,
  type Opened,
  open,
  type Refusal,
  toBinaryString,
  verifyOpened,
} from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';

/** Checks form and signature of transactions; may do so on other threads. */
export type TxOpener = {
  open(txs: readonly Uint8Array[]): Promise<readonly (Opened | Refusal)[]>;
};

/** Checks on the calling thread. */
export function inlineOpener(known: Catalogue, domain: Domain): TxOpener {
  return {
    open: async (txs) =>
      txs.map((tx) => {
        const opened = open(tx, known, domain);
        return isRefusal(opened) ? opened : (verifyOpened(opened) ?? opened);
      }),
  };
}

/**
 * Transactions remembered at most: several full blocks of 1 000 and a mempool of 5 000, about
 * 1 KiB each; beyond it the oldest are checked again.
 */
const REMEMBERED = 20_000;

/** Remembers what was opened, by the hash of all its bytes, signature included. */
export function rememberingOpener(inner: TxOpener): TxOpener {
  const known = new Map<string, Opened>();
  return {
    async open(txs) {
      const keys = txs.map((tx) => toBinaryString(sha256(tx)));
      const missing = [...keys.keys()].filter((i) => !known.has(keys[i]!));
      const fresh = await inner.open(missing.map((i) => txs[i]!));
      const results = new Map<number, Opened | Refusal>();
      for (const [j, i] of missing.entries()) {
        const result = fresh[j]!;
        results.set(i, result);
        if (!isRefusal(result)) known.set(keys[i]!, result);
      }
      const answers = keys.map((key, i) => results.get(i) ?? known.get(key)!);
      for (const key of known.keys()) {
        if (known.size <= REMEMBERED) break;
        known.delete(key);
      }
      return answers;
    },
  };
}
