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

/**
 * Their bytes at most: eight of the largest blocks. Anyone can sign large commands that nobody pays
 * for, and twenty thousand of those would take gigabytes.
 */
const REMEMBERED_BYTES = 64 * 1024 * 1024;

/** Remembers what was opened, by the hash of all its bytes, signature included. */
export function rememberingOpener(
  inner: TxOpener,
  capacity: number = REMEMBERED,
  capacityBytes: number = REMEMBERED_BYTES,
): TxOpener {
  const known = new Map<string, Opened>();
  let bytes = 0;
  const remember = (key: string, opened: Opened): void => {
    if (!known.has(key)) bytes += opened.size;
    known.set(key, opened);
    for (const [oldest, { size }] of known) {
      if (known.size <= capacity && bytes <= capacityBytes) break;
      known.delete(oldest);
      bytes -= size;
    }
  };
  /** Proposal, judgement and execution of a block ask with the same arrays: each is hashed once. */
  const hashes = new WeakMap<Uint8Array, string>();
  const keyOf = (tx: Uint8Array): string => {
    const hashed = hashes.get(tx);
    if (hashed !== undefined) return hashed;
    const key = toBinaryString(sha256(tx));
    hashes.set(tx, key);
    return key;
  };
  return {
    async open(txs) {
      const keys = txs.map(keyOf);
      // Taken before the wait: others may crowd them out of memory meanwhile.
      const answers: (Opened | Refusal | undefined)[] = keys.map((key) => known.get(key));
      const missing = [...keys.keys()].filter((i) => answers[i] === undefined);
      const fresh = await inner.open(missing.map((i) => txs[i]!));
      for (const [j, i] of missing.entries()) {
        const result = fresh[j]!;
        answers[i] = result;
        if (!isRefusal(result)) remember(keys[i]!, result);
      }
      return answers as (Opened | Refusal)[];
    },
  };
}
