/**
 * The side of a partner that needs the chain: announcing, noticing, offering, starting, answering
 * audits. It comes up when the first validator answers, and everything in it survives that none
 * answers for a while.
 */
import { join } from 'node:path';
import { type ChainClient, connect } from '@palisade/client';
import { type Domain, fromHex, PalisadeError, toHex } from '@palisade/core';
import { type DaemonContext, pause } from '@palisade/daemon';
import { UTILITY } from '@palisade/market/schema';
import type { AccessAgreements } from './access/agreement.ts';
import { accessAgreements } from './access/open-agreements.ts';
import { Agreements } from './agreements/agreements.ts';
import { Archivist } from './agreements/archivist.ts';
import type { Desk } from './agreements/desk.ts';
import { Tender } from './agreements/tender.ts';
import { Auditor } from './audits/auditor.ts';
import { ensureBound } from './binding.ts';
import { ensureBond } from './bond.ts';
import { ComputeDesk } from './compute/desk.ts';
import { fitText } from './fit-text.ts';
import { Follower } from './follower.ts';
import { Lender } from './miner/lender.ts';
import { Miner } from './miner/miner.ts';
import type { Network } from './network.ts';
import { type StandingLimits, standingLimits } from './offers/standing-limits.ts';
import { reportingOmissions } from './omissions.ts';
import type { PartnerOptions } from './options.ts';
import type { Parts } from './parts.ts';
import { ChallengeDesk } from './pool/challenge-desk.ts';
import { shared } from './pool/stopping.ts';
import { recoverStrays } from './recover.ts';
import { ensureSameChain } from './same-chain.ts';
import { Speakers } from './speakers.ts';
import { Rounds } from './usage/rounds.ts';
import { UsageDesk } from './usage/usage-desk.ts';
import { UsageTender } from './usage/usage-tender.ts';

/** Room for a node key's label on chain. */
const MAX_LABEL = 32;

export type Live = {
  readonly network: Network;
  readonly domain: Domain;
  /** The account that is paid, 20 bytes. */
  readonly account: Uint8Array;
  readonly desk: Desk;
  readonly speakers: Speakers;
  /** Where validators look whether this partner is there. */
  readonly challenges: ChallengeDesk;
  /** The session that is being looked after. */
  readonly session: () => bigint | undefined;
  /** Where access is offered. */
  readonly tunnels?: AccessAgreements;
  /** Where sectors are kept. */
  readonly miner?: Miner;
};

export function connectNetwork(options: PartnerOptions): Network {
  const { validators, environment, connect: own } = options;
  if (own) return own(validators);
  const client: ChainClient = connect({
    urls: validators,
    ...(environment ? { environment } : {}),
  });
  return client;
}

/** Waits for the chain, then brings everything up. Throws what waiting longer would not mend. */
export async function goLive(parts: Parts, context: DaemonContext, url: string): Promise<Live> {
  const { options, signer, log, metrics } = parts;
  const { accountSigner } = options;
  const signal = shared(context.signal);
  const network = reportingOmissions(connectNetwork(options), { accountSigner, log, metrics });
  const persist = <T>(what: string, task: () => Promise<T>) =>
    untilItWorks(what, task, parts, signal);
  const domain = await persist('finding a validator', () => network.domain());
  await ensureSameChain(join(options.dataDir, 'chain.json'), domain);
  const name = options.name ?? `partner ${toHex(signer.id).slice(2, 10)}`;
  const label = fitText(name, MAX_LABEL);
  const account = await persist('finding the account', () =>
    ensureBound({ network, domain, signer, accountSigner, label, log, signal }),
  );
  const { sessionMs } = await persist('reading parameters', () => network.params());
  await persist('looking for strays', () => recoverStrays({ network, ...parts }));
  const { book, usage } = parts;
  const agreements = () => [...book.all(), ...usage.all()];
  const limits = standingLimits({ network, signer, agreements });
  const base = { network, domain, url, signal, sessionMs: Number(sessionMs), limits };
  const all = assemble(parts, base);
  await bringUp(all, context);
  // What runs is looked after also while the account cannot pay a bond; new work waits a little for it.
  const bonding = persist('posting the bond', () =>
    ensureBond({ network, signer, account, log, signal }),
  );
  const bonded = bonding.catch((error) => {
    if (!signal.aborted) log.error('without a bond there is no new work', { err: error });
  });
  context.onStop('bond', () => bonded);
  await Promise.race([bonded, pause(parts.timing.inclusionMs, signal)]);
  const miner = startMiner(parts, { ...base, account }, context);
  await all.speakers.start();
  log.info('the partner is at work', { nodeKey: signer.id, account, url });
  return { network, domain, account, ...all, ...(miner ? { miner } : {}) };
}

/** Begins to keep sectors, where some are wanted. */
function startMiner(
  parts: Parts,
  base: Pick<Base, 'network' | 'domain' | 'url' | 'signal'> & { readonly account: Uint8Array },
  { onStop }: DaemonContext,
): Miner | undefined {
  const { mining, terms, log } = parts;
  if (!mining) return undefined;
  const { reserveBytes } = terms;
  const miner = new Miner({
    ...parts,
    ...base,
    ...mining,
    reserveBytes,
    log: log.child({ module: 'miner' }),
  });
  onStop('miner', () => miner.stop());
  miner.start();
  startLender(parts, base, onStop);
  return miner;
}

/** Lends what the miner proves, where it was told to whom. */
function startLender(
  { mining, clock, log, options }: Parts,
  { network, account, signal }: Pick<Base, 'network' | 'signal'> & { readonly account: Uint8Array },
  onStop: DaemonContext['onStop'],
): void {
  const { lendTo = [], tickMs = 0 } = mining?.terms ?? {};
  if (lendTo.length === 0) return;
  const { accountSigner } = options;
  if (!accountSigner) {
    log.error('power is not lent: only the account that owns it can do that', {
      next: 'Name it in node.accountKey, or lend by hand: palisade power delegate.',
    });
    return;
  }
  const collators = lendTo.map(fromHex);
  const lender = new Lender({
    ...{ network, account, accountSigner, collators, tickMs, clock, signal },
    log: log.child({ module: 'lender' }),
  });
  onStop('lender', () => lender.stop());
  lender.start();
}

type Base = {
  readonly network: Network;
  readonly domain: Domain;
  readonly url: string;
  readonly signal: AbortSignal;
  readonly sessionMs: number;
  readonly limits: StandingLimits;
};

/** What looks after agreements, whatever they are about. */
type Keepers = Pick<Live, 'desk' | 'session' | 'tunnels'> & {
  /** Takes up what runs; what it starts, it hands to `onStop`. */
  open(context: DaemonContext): Promise<void>;
};

/** Agreements about contents, kept or run: with clients, with the chain, with the disk. */
function assembleContents(parts: Parts, base: Base, speakers: Speakers): Keepers {
  const { log, timing, options } = parts;
  const { network } = base;
  const { announcer, notices, reports } = speakers;
  const shared = { ...parts, ...base, onChange: () => announcer.changed() };
  const computing =
    parts.computer &&
    new ComputeDesk({
      ...shared,
      ...parts.computer,
      price: parts.terms.price,
      log: log.child({ module: 'compute' }),
    });
  const tender: Tender = new Tender({
    ...shared,
    log: log.child({ module: 'agreements' }),
    onActive: () => {
      computing?.look();
      const looking = follower.lookAtSession();
      looking.catch((error) => log.debug('the session is not known', { err: error }));
    },
  });
  const tend = (job: Uint8Array, afterMs?: number) => tender.add(job, afterMs);
  const auditor = new Auditor({ ...shared, log: log.child({ module: 'audits' }), tend });
  const agreements = new Agreements({
    ...shared,
    desk: computing,
    log: log.child({ module: 'agreements' }),
    tend,
    receiptGraceMs: timing.inclusionMs,
    onClient: (job) => reports.came(job),
  });
  const archivist = new Archivist({
    ...shared,
    agreements,
    log: log.child({ module: 'archive' }),
    tend,
  });
  const follower: Follower = new Follower({
    ...shared,
    tender,
    auditor,
    log: log.child({ module: 'chain' }),
    path: join(options.dataDir, 'events.json'),
    onSession: (session) => speakers.noteSession(session),
    onDraw: (session) => archivist.look(session),
    onJob: (job, height) => speakers.complainer.noteJob(job, height),
    onPoll: async () => {
      await network.status();
      notices.refresh();
      reports.sweep();
      await speakers.noteStanding();
      await lookAtDisk(parts);
      await parts.computer?.runs.expire();
      computing?.look();
      announcer.changed();
    },
  });
  parts.hooks.onAdopted = ({ job }) => {
    const viewing = agreements.view(job);
    viewing.catch((error) =>
      log.error('a content that is here was not started with', { job, err: error }),
    );
  };
  return {
    desk: agreements,
    session: () => auditor.session,
    async open({ onStop, signal }) {
      if (computing) onStop('runs', () => computing.stop());
      onStop('agreements', () => tender.stop());
      onStop('payout files', () => archivist.stop());
      onStop('audits', () => auditor.stop());
      onStop('events of the chain', () => follower.stop());
      // Contents that a crash kept from their start go on their way now.
      for (const { job } of parts.book.uploading()) await agreements.view(job);
      await untilItWorks('reading the session', () => follower.start(), parts, signal);
    },
  };
}

/** Agreements whose use is vouched for: there are no audits, and no contents. */
function assembleUsage(parts: Parts, base: Base, speakers: Speakers): Keepers {
  const { log, timing, signer, usage: book } = parts;
  const { network } = base;
  const { announcer, notices, reports } = speakers;
  const shared = { ...parts, ...base, book, log: log.child({ module: 'usage' }) };
  const tender = new UsageTender({ ...shared, onChange: () => announcer.changed() });
  const desk = new UsageDesk({
    ...shared,
    tend: (job, afterMs) => tender.add(job, afterMs),
    receiptGraceMs: timing.inclusionMs,
    onClient: (job) => reports.came(job),
  });
  const look = async () => {
    const { number } = await network.session();
    speakers.noteSession(number);
    notices.refresh();
    reports.sweep();
    await speakers.noteStanding();
    await lookAtDisk(parts);
    announcer.changed();
    tender.addAll();
    parts.hooks.onSession(number);
    return number;
  };
  const rounds = new Rounds({ ...shared, everyMs: timing.pollMs, look });
  return {
    desk,
    session: () => rounds.session,
    tunnels: accessAgreements(book, desk, { network, partner: signer.id }),
    async open({ onStop, signal }) {
      onStop('usage', () => tender.stop());
      onStop('rounds', () => rounds.stop());
      await untilItWorks('reading the session', () => rounds.start(), parts, signal);
    },
  };
}

type Assembled = Pick<Live, 'speakers' | 'challenges'> & Keepers;

function assemble(parts: Parts, base: Base): Assembled {
  const speakers = new Speakers(parts, base);
  const isUsage = parts.terms.utility === UTILITY.access;
  parts.hooks.onChange = () => speakers.announcer.changed();
  const { network, domain } = base;
  const capacity = () => speakers.announcer.capacity;
  const challenges = new ChallengeDesk({ ...parts, network, domain, capacity });
  return {
    speakers,
    challenges,
    ...(isUsage ? assembleUsage : assembleContents)(parts, base, speakers),
  };
}

async function lookAtDisk({ store, room, log }: Parts): Promise<void> {
  for (const id of await store.expireUploads()) log.info('an upload expired', { contentId: id });
  await store.refreshState();
  await room.refresh();
}

/** Starts what looks after agreements; what is pushed last is closed first, so the sign-off leads. */
async function bringUp({ speakers, open }: Assembled, context: DaemonContext): Promise<void> {
  await open(context);
  context.onStop('notices', () => speakers.stop());
  context.onStop('sign-off', () => speakers.announcer.signOff('This partner is shutting down.'));
}

const MAX_PAUSE_MS = 10_000;

/** Tries again until it works, or cannot ever. */
async function untilItWorks<T>(
  what: string,
  task: () => Promise<T>,
  { log, timing }: Parts,
  signal: AbortSignal,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await task();
    } catch (error) {
      if (signal.aborted || !isTransient(error)) throw error;
      if (failures === 0) log.warn(`${what} failed and is tried again`, { err: error });
    }
    await pause(Math.min(MAX_PAUSE_MS, timing.retryMs * 2 ** Math.min(failures, 16)), signal);
  }
}

/** What another minute may mend: nobody answers, or somebody says to come back. */
function isTransient(error: unknown): boolean {
  return error instanceof PalisadeError && error.retry !== 'never';
}
