import { declareMetrics } from '@palisade/daemon';

/** What a validator process counts. */
export const nodeMetrics = declareMetrics({
  block_height: { kind: 'gauge', help: 'Height of the last committed block.' },
  block_transactions_total: {
    kind: 'counter',
    help: 'Transactions in committed blocks.',
    labels: ['outcome'],
  },
  block_interval_seconds: {
    kind: 'histogram',
    help: 'Time between two committed blocks.',
    buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30],
  },
  mempool_transactions: { kind: 'gauge', help: 'Transactions that wait for a block.' },
  partners_ready: { kind: 'gauge', help: 'Partners whose word holds now.' },
  audits_missed_total: { kind: 'counter', help: 'Audits that partners missed.' },
});
