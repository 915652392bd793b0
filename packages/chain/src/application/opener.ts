/** Opening transactions: form and signature, once, remembered until the block that holds them. */
import {
  type Catalogue,
  type Domain,
  equalBytes,
  isRefusal,
  type Opened,
  open,
  type Refusal,
  toBinaryString,
  verifyOpened,
} from '@palisade/core';

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
 * 1 KiB each; what came before them is checked again.
 */
const REMEMBERED = 20_000;

/**
 * Their bytes at most: eight of the largest blocks. Anyone can sign large commands that nobody pays
 * for, and twenty thousand of those would take gigabytes.
 */
const REMEMBERED_BYTES = 64 * 1024 * 1024;

/**
 * Bytes at the end of a transaction by which it is found: its signature, or nearly. Two may end
 * alike, but only if somebody wants them to; then one displaces the other and is checked again.
 */
const TAIL = 64;

type Remembered = { readonly tx: Uint8Array; readonly opened: Opened };

/** Remembers what was opened: a transaction is known again by all its bytes, signature included. */
export function rememberingOpener(
  inner: TxOpener,
  capacity: number = REMEMBERED,
  capacityBytes: number = REMEMBERED_BYTES,
): TxOpener {
  // In two halves, the older of which is dropped whole: taking out one by one costs more.
  let older = new Map<string, Remembered>();
  let newer = new Map<string, Remembered>();
  let newerBytes = 0;
  const remember = (key: string, tx: Uint8Array, opened: Opened): void => {
    if (newer.size >= capacity / 2 || newerBytes + tx.length > capacityBytes / 2) {
      older = newer;
      newer = new Map();
      newerBytes = 0;
    }
    newer.set(key, { tx, opened });
    newerBytes += tx.length;
  };
  const recall = (key: string, tx: Uint8Array): Opened | undefined => {
    const found = newer.get(key) ?? older.get(key);
    return found && (found.tx === tx || equalBytes(found.tx, tx)) ? found.opened : undefined;
  };
  return {
    async open(txs) {
      const keys = txs.map((tx) => toBinaryString(tx.subarray(-TAIL)));
      // Taken before the wait: others may crowd them out of memory meanwhile.
      const answers: (Opened | Refusal | undefined)[] = txs.map((tx, i) => recall(keys[i]!, tx));
      const missing = [...txs.keys()].filter((i) => answers[i] === undefined);
      const fresh = await inner.open(missing.map((i) => txs[i]!));
      for (const [j, i] of missing.entries()) {
        const result = fresh[j]!;
        answers[i] = result;
        if (!isRefusal(result)) remember(keys[i]!, txs[i]!, result);
      }
      return answers as (Opened | Refusal)[];
    },
  };
}
