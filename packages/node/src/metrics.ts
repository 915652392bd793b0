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
  notices_total: {
    kind: 'counter',
    help: 'Notices of jobs, by whether the validator answers for the partner.',
    labels: ['duty'],
  },
  notices_acknowledged_total: {
    kind: 'counter',
    help: 'Acknowledged notices, by whether it took the allowed time at most.',
    labels: ['in_time'],
  },
  work_queries_total: {
    kind: 'counter',
    help: 'Questions for work, by the reason that was given.',
    labels: ['answer'],
  },
  partners_silenced_total: {
    kind: 'counter',
    help: 'Partners told to shut up, by fault.',
    labels: ['fault'],
  },
  connections_total: {
    kind: 'counter',
    help: 'Matches by what both sides report, and by the validator that made them.',
    labels: ['validator', 'outcome'],
  },
  probes_total: {
    kind: 'counter',
    help: 'Endpoints tried where the sides of a match disagree, by finding.',
    labels: ['finding'],
  },
  complaints_total: {
    kind: 'counter',
    help: 'Complaints about the validators of this process, by whether they could be rebutted.',
    labels: ['outcome'],
  },
  challenges_total: {
    kind: 'counter',
    help: 'Challenges of partners by the validators of this process, by what was found.',
    labels: ['finding'],
  },
  sector_proofs_total: {
    kind: 'counter',
    help: 'Proofs of sectors that validators of this process fetched and checked, by outcome.',
    labels: ['kind', 'outcome'],
  },
  audits_missed_total: { kind: 'counter', help: 'Audits that partners missed.' },
});
