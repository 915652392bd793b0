/**
 * A payout file as bytes, so that partners can keep and prove it like any content:
 *
 *   version (1 byte) || SSZ of each row, by job and partner
 *
 * Rows have one size, so this is the SSZ list of them. The content id of these bytes stands in the
 * proven record of the session, beside the Merkle root: whoever holds the record needs to believe
 * nobody about the file, wherever it comes from (spec/market.md, section 5).
 */
import {
  decode,
  encode,
  equalBytes,
  type KeyValueReader,
  PalisadeError,
  TreeBuilder,
} from '@palisade/core';
import { merkleRoot } from '@palisade/formats';
import { type PayoutRow, type PayoutSummary, payoutRow, payoutRows } from './payout.ts';

/** First byte of a file: what follows may change once, and old files are kept for long. */
const VERSION = Uint8Array.of(1);
/** Bytes of a row: all of its fields have fixed sizes. */
export const ROW_BYTES = payoutRow.ssz.fixedSize!;

/** Bytes of a payout file of so many rows. */
export function payoutFileSize(rows: number): number {
  return VERSION.length + rows * ROW_BYTES;
}

/** Root, content id and sums over the rows of a session, in one pass. */
export function summarize(rows: Iterable<PayoutRow>): Omit<PayoutSummary, 'height'> {
  const leaves: Uint8Array[] = [];
  const content = new TreeBuilder();
  content.push(VERSION);
  let total = 0n;
  for (const row of rows) {
    const bytes = encode(payoutRow, row);
    leaves.push(bytes);
    content.push(bytes);
    total += row.amount;
  }
  const root = merkleRoot(leaves);
  return { root, content: content.finish().contentId, rows: leaves.length, total };
}

/**
 * The file of a closed session in pieces of about `rows` rows. Each piece is read when it is asked
 * for; what was closed does not change, so time may pass in between.
 */
export function* payoutFileBytes(
  state: KeyValueReader,
  session: bigint,
  rows: number,
): Generator<Uint8Array> {
  yield VERSION;
  let after: readonly [Uint8Array, Uint8Array] | undefined;
  for (;;) {
    const piece = pieceAfter(state, session, after, rows);
    const last = piece.at(-1);
    if (!last) return;
    const bytes = new Uint8Array(piece.length * ROW_BYTES);
    piece.forEach((row, i) => {
      bytes.set(encode(payoutRow, row), i * ROW_BYTES);
    });
    yield bytes;
    after = [last.job, last.partner];
  }
}

function pieceAfter(
  state: KeyValueReader,
  session: bigint,
  after: readonly [Uint8Array, Uint8Array] | undefined,
  most: number,
): readonly PayoutRow[] {
  const found = after
    ? payoutRows.listAfter(state, [session, ...after], session)
    : payoutRows.list(state, session);
  const piece: PayoutRow[] = [];
  for (const [, row] of found) if (piece.push(row) === most) break;
  return piece;
}

/** Whether rows, in their order, are exactly those of a payout record. */
export function areRowsOf(rows: readonly PayoutRow[], record: PayoutSummary): boolean {
  const { root, content, total } = summarize(rows);
  return (
    rows.length === record.rows &&
    total === record.total &&
    equalBytes(root, record.root) &&
    equalBytes(content, record.content)
  );
}

/**
 * The rows of a payout file, whoever it came from.
 * @param record the session's record, from a proof or from somebody who is believed
 * @throws PalisadeError `market/not-the-payout-file` when the bytes are not the ones of the record
 */
export function readPayoutFile(bytes: Uint8Array, record: PayoutSummary): readonly PayoutRow[] {
  const tree = new TreeBuilder();
  if (bytes.length === payoutFileSize(record.rows)) tree.push(bytes);
  if (!equalBytes(tree.finish().contentId, record.content) || bytes[0] !== VERSION[0])
    throw new PalisadeError({
      code: 'market/not-the-payout-file',
      message: `These ${bytes.length} bytes are not the payout file of ${record.rows} rows that the record names.`,
      next: 'Ask another validator or partner.',
    });
  return Array.from({ length: record.rows }, (_, i) => {
    const start = payoutFileSize(i);
    return decode(payoutRow, bytes.subarray(start, start + ROW_BYTES));
  });
}
