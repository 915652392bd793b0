import type { EmbeddedEngine } from '@palisade/engine';
import type { EventIndex } from './event-index.ts';

/** Indexes blocks that were committed but not indexed when the process died. */
export async function catchUpIndex(engine: EmbeddedEngine, index: EventIndex): Promise<void> {
  const { height } = await engine.status();
  for (let at = index.height + 1n; at <= height; at++) {
    const [block, results, commit] = await Promise.all([
      engine.block(at),
      engine.blockResults(at),
      engine.commit(at),
    ]);
    if (block && results && commit) await index.add({ ...block, results, commit: commit.commit });
  }
}
