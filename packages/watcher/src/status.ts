/** What `/status` and `/ready` tell of a watcher. */
import type { Watch } from './watch/watch.ts';

export function statusOf(watch: Watch) {
  const { findings, books, follower, table, entries, challenger, parts } = watch;
  const { danger, funding, head, events } = findings;
  const refusal = watch.refusal();
  return {
    mode: parts.mode,
    dryRun: parts.dryRun,
    synced: watch.isFresh(),
    danger,
    prompt: danger.advice,
    spending: refusal ? { allowed: false, reason: refusal.message } : { allowed: true },
    events: events.map(({ event }) => event),
    rootHeight: head?.height ?? null,
    childBlock: books.blknum,
    outputs: books.ledger.size,
    waiting: follower.waiting,
    standstill: follower.standstill?.kind ?? null,
    openExits: [...table.open()].length,
    challenger: challenger
      ? { address: challenger.address, open: challenger.open, ...funding, ...entries.totals }
      : null,
    smallBonds: watch.smallBonds(),
    unwitnessed: watch.unwitnessed() ?? null,
  };
}

/** Why a watcher does not protect its user now; undefined when it does. */
export function notReady(watch: Watch): string | undefined {
  const { findings, follower, parts } = watch;
  if (!findings.head) return 'the root chain has not been read yet';
  if (!watch.isFresh())
    return follower.waiting > 0
      ? `${follower.waiting} events of the root chain wait to be applied`
      : 'the root chain has not been read to its newest block';
  const { level, reasons } = findings.danger;
  if (level === 'DANGER' || level === 'EXIT') return `${level}: ${reasons.join(', ')}`;
  const alone = watch.unwitnessed();
  // A witness that misses a turn makes up for it with the next block, and nobody is sent away for that.
  if (alone && alone.to - alone.from + 1 > parts.finalityMargin)
    return `the logs of the root-chain blocks ${alone.from} to ${alone.to} were told by one node alone: the others are silent`;
  if (findings.funding?.state === 'low') return 'the challenger account runs low';
  if (parts.mode === 'watch-only') return 'this watcher only looks';
  return undefined;
}
