/** Constants of following and sending, each with its unit and its reason. */

/** Child blocks are numbered in this step; numbers between are deposits'. */
export const CHILD_BLOCK_INTERVAL = 1000n;

/** Blocks after which a log counts: reorganisations of Ethereum are shorter but in a catastrophe. */
export const FINALITY_MARGIN = 12n;
/** Blocks per question for logs: what providers grant alike. */
export const BATCH_BLOCKS = 1000n;
/** ms between looks for a new head: a third of Ethereum's block time. */
export const POLL_MS = 4000;
/** How often in a row the same contradiction is seen before it is believed: one answer may come from a
 * lagging replica behind the same address. */
export const BELIEVE_AFTER = 5;
/** The newest checkpoints, all of which are kept; older ones are thinned out: half an hour of Ethereum. */
export const DENSE_CHECKPOINTS = 128;

/** A replacement must offer at least a tenth more by the rule of common nodes; an eighth is safe. */
export const BUMP_NUMERATOR = 9n;
export const BUMP_DENOMINATOR = 8n;
/** ms after which a transaction that is in no block is replaced: three blocks of Ethereum. */
export const STUCK_MS = 36_000;
/** ms between looks for a receipt. */
export const RECEIPT_POLL_MS = 3000;
/** Wei of gas offered to whoever makes the block, where the node names no figure: 1 gwei. */
export const DEFAULT_TIP = 1_000_000_000n;
/** Per cent of the estimate that is allowed: state may change between estimate and inclusion. */
export const GAS_PERCENT = 125n;
/** Transactions of one account under way at a time: geth keeps 64 per account in its pool. */
export const MAX_UNDER_WAY = 48;
