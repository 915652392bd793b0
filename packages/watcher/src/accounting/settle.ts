/** From receipts to the book (X13): of what was just mined, and of what an earlier run sent before it died. */
import type { Receipt, Sender } from '@palisade/rootchain';
import type { Hex } from 'viem';
import type { Entry } from './book.ts';
import type { EntryBook } from './entries.ts';

/** What came into no block for so long never will: another transaction has its nonce. An hour of Ethereum. */
const KEPT_BLOCKS = 300;

/** Books a transaction that is in a block for good by what was noted when it went out. */
export async function bookReceipt(
  entries: EntryBook,
  subject: string,
  receipt: Receipt,
): Promise<Entry> {
  const { transactionHash: txHash, status, blockNumber, gasUsed, effectiveGasPrice } = receipt;
  const height = Number(blockNumber);
  const sent = [...entries.unsettled()].find((one) => one.txHash === txHash) ?? {
    ...{ txHash, subject, height, empty: true, reimbursed: 0n },
  };
  const won = status === 1n && !sent.empty;
  const entry: Entry = {
    ...{ txHash, subject, height, spent: gasUsed * effectiveGasPrice },
    ...{ reimbursed: won ? sent.reimbursed : 0n, outcome: won ? 'won' : 'lost' },
  };
  await entries.add(entry, sent);
  return entry;
}

type Settling = {
  readonly entries: EntryBook;
  readonly sender: Pick<Sender, 'receiptOf'>;
  /** Of the newest root-chain block. */
  readonly height: number;
  /** Root-chain blocks after which nothing is taken back. */
  readonly finalityMargin: number;
};

/** Books what was sent, is in a block for good, and was never booked; `isUnderWay` says what somebody waits for. */
export async function settleEarlier(
  { entries, sender, height, finalityMargin }: Settling,
  isUnderWay: (subject: string) => boolean,
): Promise<void> {
  for (const sent of [...entries.unsettled()]) {
    if (isUnderWay(sent.subject)) continue;
    const receipt = await sender.receiptOf(sent.txHash as Hex);
    const depth = receipt && height - Number(receipt.blockNumber);
    if (depth !== undefined && depth < finalityMargin) continue;
    if (receipt) await bookReceipt(entries, sent.subject, receipt);
    else if (height - sent.height > KEPT_BLOCKS) await entries.forget(sent);
  }
}
