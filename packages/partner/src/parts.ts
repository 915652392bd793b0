/** What a partner keeps on its disk, opened in order. No network is needed for any of it. */
import { join } from 'node:path';
import { environment } from '@palisade/client';
import { type Clock, nodeSigner, type Signer } from '@palisade/core';
import {
  createMetrics,
  ensureDir,
  freeBytes,
  type Logger,
  type Metrics,
  type MetricsPage,
  silentLogger,
} from '@palisade/daemon';
import { UTILITY } from '@palisade/market/schema';
import { Intake } from './agreements/intake.ts';
import { RunBook } from './compute/run-book.ts';
import { Runner } from './compute/runner.ts';
import {
  type AccessTerms,
  accessSection,
  type ComputeTerms,
  computeSection,
  type MiningTerms,
  miningSection,
  type PartnerTerms,
  type PartnerTiming,
  partnerSection,
  timingSection,
} from './config.ts';
import { partnerMetrics } from './metrics.ts';
import { orderedSectors } from './miner/order.ts';
import { ProofShelf } from './miner/proof-shelf.ts';
import { Sealer } from './miner/sealer.ts';
import { SectorBook } from './miner/sector-book.ts';
import type { Environment } from './network.ts';
import { OfferBook } from './offers/offer-book.ts';
import type { PartnerOptions } from './options.ts';
import type { AgreementRecord } from './records/agreement.ts';
import { AgreementBook } from './records/agreement-book.ts';
import { Ledger } from './records/ledger.ts';
import { RecordBook } from './records/record-book.ts';
import { Sequence } from './records/sequence.ts';
import { Room } from './room.ts';
import { ContentStore } from './storage/index.ts';
import { type UsageRecord, usageForm, usageFromJson } from './usage/usage-record.ts';

/** What the disk's side tells the chain's side, once there is one. */
export type Hooks = {
  /** Room was taken or given back, or the disk is full. */
  onChange: () => void;
  /** A content that came without outline arrived in the store. */
  onAdopted: (agreement: AgreementRecord) => void;
  /** The running session was looked at. */
  onSession: (session: bigint) => void;
};

export type Parts = {
  readonly options: PartnerOptions;
  readonly terms: PartnerTerms & { readonly utility: number };
  readonly compute: ComputeTerms;
  readonly access: AccessTerms;
  readonly timing: PartnerTiming;
  readonly signer: Signer;
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics<typeof partnerMetrics> & MetricsPage;
  readonly store: ContentStore;
  readonly book: AgreementBook;
  /** Agreements whose use is vouched for; the others are in `book`. */
  readonly usage: RecordBook<UsageRecord>;
  readonly offers: OfferBook;
  readonly ledger: Ledger;
  readonly sequence: Sequence;
  readonly intake: Intake;
  readonly room: Room;
  /** What runs modules, where computation is what is offered. */
  readonly computer: { readonly runner: Runner; readonly runs: RunBook } | undefined;
  /** What is kept as storage power, where sectors are wanted. */
  readonly mining: MiningParts | undefined;
  readonly hooks: Hooks;
};

export type MiningParts = {
  readonly terms: MiningTerms;
  /** Sectors that are wanted: by the settings, or more of them by an order. */
  readonly wanted: () => Promise<number>;
  readonly book: SectorBook;
  readonly shelf: ProofShelf;
  readonly sealer: Sealer;
  readonly freeBytes: () => Promise<number>;
};

/** Sectors are this machine's own affair: they need no network to be opened. */
async function openMining(
  { config = {}, dataDir, sealThread, sealer = new Sealer(sealThread) }: PartnerOptions,
  inDataDir: (name: string) => string,
  freeBytes: () => Promise<number>,
): Promise<MiningParts | undefined> {
  const terms = miningSection.parse(config.mining ?? {});
  const wanted = async () => Math.max(terms.sectors, await orderedSectors(dataDir));
  if ((await wanted()) === 0) return undefined;
  return {
    terms,
    wanted,
    book: await SectorBook.open(inDataDir('sectors')),
    shelf: await ProofShelf.open(inDataDir('proofs')),
    sealer,
    freeBytes,
  };
}

const systemClock: Clock = { nowMs: () => Date.now() };

/** One kind of utility per node key: what is set up is what is offered. */
function utilityOf(compute: ComputeTerms, access: AccessTerms): number {
  if (compute.slots > 0) return UTILITY.computation;
  return access.allow.length > 0 ? UTILITY.access : UTILITY.storage;
}

export async function openParts(
  options: PartnerOptions,
  onStop: (name: string, close: () => Promise<void>) => void,
): Promise<Parts> {
  const { dataDir, clock = systemClock, config = {}, log = silentLogger } = options;
  const compute = computeSection.parse(config.compute ?? {});
  const access = accessSection.parse(config.access ?? {});
  const utility = utilityOf(compute, access);
  const terms = { ...partnerSection.parse(config.partner ?? {}), utility };
  const timing = timingSection.parse(config.timing ?? {});
  const inDataDir = (name: string) => join(dataDir, name);
  const directory = inDataDir('content');
  await ensureDir(directory);
  const free = options.freeBytes ?? (() => freeBytes(directory));
  const hooks: Hooks = { onChange: () => {}, onAdopted: () => {}, onSession: () => {} };

  const book = await AgreementBook.open(inDataDir('agreements'));
  const usage = await RecordBook.open<UsageRecord>(inDataDir('usage'), {
    toJson: (known) => usageForm.toJson(known),
    fromJson: usageFromJson,
  });
  const store = await ContentStore.open({
    directory,
    quotaBytes: terms.quotaBytes,
    reserveBytes: terms.reserveBytes,
    uploadExpiryMs: timing.uploadExpiryMs,
    clock,
    freeBytes: free,
    onStateChange: () => hooks.onChange(),
    ...(options.diskHook ? { diskHook: options.diskHook } : {}),
  });
  onStop('content store', () => store.close());
  const intake = await Intake.open({
    store,
    folder: inDataDir('intake'),
    uploading: () => book.uploading(),
    clock,
    onAdopted: (agreement) => hooks.onAdopted(agreement),
  });
  onStop('intake', () => intake.close());
  const offers = await OfferBook.open(inDataDir('offers.json'), clock);
  const room = new Room({ store, reserveBytes: terms.reserveBytes, freeBytes: free });
  room.count(intake);
  room.count(offers);
  await room.refresh();
  const ledger = await Ledger.open(inDataDir('ledger'));
  onStop('ledger', () => ledger.settled());
  const computer =
    compute.slots > 0
      ? {
          runner: new Runner({
            slots: compute.slots,
            ...(options.runThread ? { thread: options.runThread } : {}),
          }),
          runs: await RunBook.open(inDataDir('runs'), clock),
        }
      : undefined;
  if (computer) onStop('modules', () => computer.runner.stop());
  return {
    options,
    terms,
    compute,
    access,
    timing,
    signer: nodeSigner(options.nodeSecret),
    env: environment({ nowMs: () => clock.nowMs(), ...options.environment }),
    clock,
    log,
    metrics: createMetrics(partnerMetrics, { process: options.processMetrics ?? true }),
    store,
    book,
    usage,
    offers,
    ledger,
    sequence: await Sequence.open(inDataDir('ready-sequence.json')),
    intake,
    room,
    computer,
    mining: await openMining(options, inDataDir, free),
    hooks,
  };
}
