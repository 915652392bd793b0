/** What an engine holds between start and stop, and what its steps share. */
import type { BlockStore } from './block-store.ts';
import type { ChainState } from './chain-state.ts';
import type { EvidencePool } from './evidence-pool.ts';
import type { Mempool } from './mempool.ts';
import type { EmbeddedOptions, FaultPoint, Limits, Notice } from './options.ts';
import type { ShadowKeeper } from './shadow.ts';
import type { Signers } from './votes.ts';

/** One running engine. `state` is the only thing in it that is replaced, once per height. */
export type Running = {
  readonly options: EmbeddedOptions;
  readonly limits: Limits;
  readonly signers: Signers;
  /** Hex of the hosted public keys. */
  readonly hostedKeys: ReadonlySet<string>;
  readonly store: BlockStore;
  readonly mempool: Mempool;
  readonly evidence: EvidencePool;
  readonly shadow: ShadowKeeper | undefined;
  readonly onNotice: (notice: Notice) => void;
  state: ChainState;
};

/** Gives a test its chance to stop the process at a named moment. */
export async function reach(running: Running, point: FaultPoint, height: bigint): Promise<void> {
  await running.options.faults?.(point, height);
}
