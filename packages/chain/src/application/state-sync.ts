/** Snapshots of the state: giving ours to others, and beginning from one of theirs. */
import type {
  ApplySnapshotChunkRequest,
  ApplySnapshotChunkResponse,
  LoadSnapshotChunkRequest,
  OfferSnapshotRequest,
  OfferSnapshotResponse,
  Snapshot,
} from '@palisade/formats';
import { Restoration } from '../image/restore.ts';
import type { SnapshotStore } from '../image/snapshot-store.ts';
import type { Tip } from './tip.ts';

export class StateSync {
  private readonly tip: Tip;
  private readonly genesisHash: Uint8Array;
  private readonly snapshots: SnapshotStore | undefined;
  private restoration: Restoration | undefined;

  constructor(tip: Tip, genesisHash: Uint8Array, snapshots: SnapshotStore | undefined) {
    this.tip = tip;
    this.genesisHash = genesisHash;
    this.snapshots = snapshots;
  }

  async list(): Promise<readonly Snapshot[]> {
    return (await this.snapshots?.list()) ?? [];
  }

  /** Empty where there is no such chunk. */
  async load({ height, format, chunk }: LoadSnapshotChunkRequest): Promise<Uint8Array> {
    return (await this.snapshots?.load(height, format, chunk)) ?? new Uint8Array();
  }

  async offer(request: OfferSnapshotRequest): Promise<OfferSnapshotResponse> {
    const { state: store, provenStores } = this.tip;
    const { genesisHash } = this;
    const offered = await Restoration.offer({ store, genesisHash, provenStores }, request);
    if (typeof offered === 'string') return { result: offered };
    this.restoration = offered;
    return { result: 'accept' };
  }

  async apply(request: ApplySnapshotChunkRequest): Promise<ApplySnapshotChunkResponse> {
    if (!this.restoration) return { result: 'abort', refetchChunks: [], rejectSenders: [] };
    const { index, chunk, sender } = request;
    const { response, roots } = await this.restoration.apply(index, chunk, sender);
    if (response.result === 'reject-snapshot') this.restoration = undefined;
    if (!roots) return response;
    this.restoration = undefined;
    this.tip.restored(roots);
    return response;
  }
}
