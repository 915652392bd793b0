/** What a partner counts. */
import { declareMetrics, type Metrics } from '@palisade/daemon';

export const partnerMetrics = declareMetrics({
  partner_notices_total: {
    kind: 'counter',
    help: 'Notices of jobs by what became of them.',
    labels: ['outcome'],
  },
  partner_announcements_total: {
    kind: 'counter',
    help: 'READY messages sent, per validator and outcome.',
    labels: ['outcome'],
  },
  partner_work_answers_total: {
    kind: 'counter',
    help: 'Answers to questions for work: work, or none.',
    labels: ['reason'],
  },
  partner_complaints_total: {
    kind: 'counter',
    help: 'Complaints about validators that told of nothing, by what the chain said first.',
    labels: ['outcome'],
  },
  partner_challenges_total: {
    kind: 'counter',
    help: 'Challenges of validators, by what became of them.',
    labels: ['outcome'],
  },
  partner_omissions_total: {
    kind: 'counter',
    help: 'Acknowledged transactions in no block, by what became of the report.',
    labels: ['outcome'],
  },
  partner_sectors: {
    kind: 'gauge',
    help: 'Sectors of this machine by state.',
    labels: ['state'],
  },
  partner_sector_proofs_total: {
    kind: 'counter',
    help: 'Proofs of sectors that the chain took.',
    labels: ['kind'],
  },
  partner_sealed_labels_total: { kind: 'counter', help: 'Labels computed while sealing.' },
  partner_agreements: {
    kind: 'gauge',
    help: 'Agreements by state.',
    labels: ['state'],
  },
  partner_audits_total: {
    kind: 'counter',
    help: 'Audits by outcome: answered, damaged, refused, missed.',
    labels: ['outcome'],
  },
  partner_earned_pal: {
    kind: 'gauge',
    help: 'PAL paid to this partner since the process began.',
  },
  partner_free_bytes: { kind: 'gauge', help: 'Room that can still be promised.' },
  partner_accepting: { kind: 'gauge', help: '1 while new work is taken.' },
  partner_damaged_contents: { kind: 'gauge', help: 'Contents that could not be proven.' },
  partner_received_bytes_total: { kind: 'counter', help: 'Content bytes taken in.' },
  partner_served_bytes_total: { kind: 'counter', help: 'Content bytes handed out.' },
  partner_tunnels: { kind: 'gauge', help: 'Tunnels that are open.' },
  partner_tunnel_bytes_total: { kind: 'counter', help: 'Bytes through tunnels, both directions.' },
  partner_tunnel_connects_total: {
    kind: 'counter',
    help: 'Connections asked for through tunnels, by what became of them.',
    labels: ['outcome'],
  },
  partner_requests_total: {
    kind: 'counter',
    help: 'HTTP requests by route and status class.',
    labels: ['route', 'status'],
  },
});

export type PartnerMetrics = Metrics<typeof partnerMetrics>;
