/** What a watcher counts. */
import { declareMetrics, type Metrics } from '@palisade/daemon';
import { DANGER_LEVELS, rank } from './danger/levels.ts';
import type { Watch } from './watch/watch.ts';

export const watcherMetrics = declareMetrics({
  watcher_synced: { kind: 'gauge', help: '1 when everything that counts was read and judged.' },
  watcher_danger_level: {
    kind: 'gauge',
    help: `Danger: ${DANGER_LEVELS.map((level, i) => `${i} ${level}`).join(', ')}.`,
  },
  watcher_spending_refused: { kind: 'gauge', help: '1 while payments and deposits are refused.' },
  watcher_child_block: { kind: 'gauge', help: 'Number of the newest child block applied.' },
  watcher_root_height: { kind: 'gauge', help: 'Height of the newest root-chain block seen.' },
  watcher_unwitnessed_blocks: {
    kind: 'gauge',
    help: 'Root-chain blocks whose logs one node alone told so far.',
  },
  watcher_outputs: { kind: 'gauge', help: 'Unspent outputs in the ledger.' },
  watcher_open_exits: { kind: 'gauge', help: 'Exits that nothing has ended yet.' },
  watcher_challenges: { kind: 'gauge', help: 'Challenges that are waiting or under way.' },
  watcher_challenger_wei: { kind: 'gauge', help: 'What the challenger holds, wei.' },
  watcher_needed_wei: { kind: 'gauge', help: 'What challenging all open exits would cost, wei.' },
  watcher_net_wei: { kind: 'gauge', help: 'Reimbursed less spent by the challenger, wei.' },
});

export type WatcherMetrics = Metrics<typeof watcherMetrics>;

export function setGauges(metrics: WatcherMetrics, watch: Watch): void {
  const { findings, books, table, challenger, entries } = watch;
  metrics.set('watcher_synced', watch.isFresh() ? 1 : 0);
  metrics.set('watcher_danger_level', rank(findings.danger.level));
  metrics.set('watcher_spending_refused', watch.refusal() ? 1 : 0);
  metrics.set('watcher_child_block', books.blknum);
  metrics.set('watcher_root_height', findings.head?.height ?? 0);
  const alone = watch.unwitnessed();
  metrics.set('watcher_unwitnessed_blocks', alone ? alone.to - alone.from + 1 : 0);
  metrics.set('watcher_outputs', books.ledger.size);
  metrics.set('watcher_open_exits', [...table.open()].length);
  metrics.set('watcher_challenges', challenger?.open ?? 0);
  metrics.set('watcher_challenger_wei', Number(findings.funding?.balance ?? 0n));
  metrics.set('watcher_needed_wei', Number(findings.funding?.needed ?? 0n));
  metrics.set('watcher_net_wei', Number(entries.totals.net));
}
