/** What a node does with each block that its engine has committed. */
import { currentSession } from '@palisade/chain';
import type { Logger, Metrics } from '@palisade/daemon';
import type { CommittedBlock } from '@palisade/engine';
import { auditMissed } from '@palisade/market';
import { draws, seatsDrawn } from '@palisade/power';
import { fieldsOf } from '../events/event-index.ts';
import type { nodeMetrics } from '../metrics.ts';
import type { StoreRoots } from '../store/draw-roots.ts';
import type { OpenJobs } from './open-jobs.ts';
import type { Pool } from './pool.ts';
import type { ValidatorService } from './validator-service.ts';

type Following = {
  readonly pool: Pool;
  readonly services: readonly ValidatorService[];
  readonly openJobs: OpenJobs;
  readonly metrics: Metrics<typeof nodeMetrics>;
  readonly log: Logger;
  /** When the last block came, ms; kept up to date. */
  readonly lastBlock: { atMs: number };
};

export type Follower = {
  /** Resolves when all that the blocks so far are followed by is done. */
  settled(): Promise<void>;
  /** No further block is followed; resolves when the last one is. */
  stop(): Promise<void>;
};

/** Indexes each block, looks again at what waits, and tells partners of new jobs: one block after another. */
export function followBlocks(following: Following): Follower {
  const { pool, metrics, lastBlock } = following;
  let busy: Promise<unknown> = Promise.resolve();
  const off = pool.engine.onBlock((block) => {
    const now = pool.nowMs();
    metrics.observe('block_interval_seconds', (now - lastBlock.atMs) / 1000);
    lastBlock.atMs = now;
    // As many wait as came while one is followed, which takes a small part of a block's time.
    const followed = busy.then(() => follow(following, block, now));
    busy = followed.catch(() => {}); // the engine reports it
    return followed;
  });
  return {
    async settled() {
      await busy;
    },
    async stop() {
      off();
      await busy;
    },
  };
}

async function follow(following: Following, block: CommittedBlock, now: number): Promise<void> {
  const { pool, services, openJobs, log } = following;
  const { index, jobFiles, application } = pool;
  await index.add(block);
  await count(following, block, now);
  for (const envelope of jobFiles.waiting())
    await application.checkTx({ tx: envelope, type: 'recheck' });
  pool.meetings.sweep();
  await pool.evidence.prune(currentSession.get(application.committed) ?? 0n);
  const fresh = await openJobs.add(block);
  for (const service of services) {
    service.confirmations.forget(fresh.map(({ job }) => job));
    for (const { job, envelope } of fresh) await service.notifier.notify(job, envelope);
    await service.defence.look(block);
    await service.challenger.look();
    await service.proofs.look(block);
  }
  // Last: duties do not wait for the disk.
  await keepDrawRoots(pool, block, log);
}

/** Keeps what ties the snapshot of a draw to a block, for as long as the draw is known. */
export async function keepDrawRoots(
  { application, drawRoots }: Pick<Pool, 'application' | 'drawRoots'>,
  { results }: Pick<CommittedBlock, 'results'>,
  log: Logger,
): Promise<void> {
  const event = results.events.find(({ type }) => type === seatsDrawn.name);
  if (!event) return;
  const { committed } = application;
  const { session } = seatsDrawn.schema.fromJson(fieldsOf(event, seatsDrawn), seatsDrawn.name);
  const asked = { path: '/roots', data: new Uint8Array(), height: 0n, prove: false };
  const { height, value } = await application.query(asked);
  // Within a session every block has the same snapshot, so it need not be the block of the draw.
  if (currentSession.get(committed) !== session)
    return log.warn(
      'the session of a draw was over before its roots were read: they are lost here',
      {
        session,
      },
    );
  const roots = JSON.parse(Buffer.from(value).toString()) as StoreRoots['roots'];
  await drawRoots.keep(session, { height: `${height}`, roots });
  await drawRoots.forget((past) => draws.has(committed, past));
}

async function count({ pool, metrics }: Following, block: CommittedBlock, now: number) {
  const { events, txResults } = block.results;
  metrics.set('block_height', Number(block.block.header.height));
  metrics.set('partners_ready', pool.board.count(now));
  metrics.set('mempool_transactions', (await pool.engine.status()).mempool.txs);
  for (const { type } of events)
    if (type === auditMissed.name) metrics.count('audits_missed_total');
  for (const { code } of txResults)
    metrics.count('block_transactions_total', { outcome: code === 0 ? 'ok' : 'refused' });
}
