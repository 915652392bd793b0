/** What the HTTP interface needs of whoever takes vouchers and receipts, whatever is agreed on. */
import type { RunView } from '../compute/desk.ts';
import type { Outcome } from '../storage/outcome.ts';

/** An agreement as clients see it (spec/api.md); `offset` and `size` tell of an upload, if there is one. */
export type DeskView = {
  readonly state: 'upload' | 'starting' | 'complete';
  readonly offset: number;
  readonly size: number;
  /** Id of the start transaction, once there is one. */
  readonly start?: Uint8Array;
};

export type Desk = {
  takeVoucher(envelope: Uint8Array): Promise<Outcome<DeskView>>;
  view(job: Uint8Array): Promise<Outcome<DeskView>>;
  takeOutline(job: Uint8Array, roots: Uint8Array): Promise<Outcome<DeskView>>;
  takeContent(
    job: Uint8Array,
    offset: number,
    source: AsyncIterable<Uint8Array>,
  ): Promise<Outcome<DeskView>>;
  /** How far a computation is, and what came out. */
  viewRun(job: Uint8Array): Promise<Outcome<RunView>>;
  output(job: Uint8Array): Promise<Outcome<Uint8Array>>;
  /** Answers with the partner's own receipt. */
  takeReceipt(envelope: Uint8Array): Promise<Outcome<Uint8Array>>;
};
