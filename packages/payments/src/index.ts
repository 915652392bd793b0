/**
 * @palisade/payments: the child chain's outputs, transactions, blocks and fees, in the two dialects
 * that the root chain's contracts speak (spec/payments.md). Pure: no clock, no disk, no network.
 */
export * from './schema.ts';
