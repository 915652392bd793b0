/**
 * The miner of a partner: keeps as many sectors proven as it was told. It looks at the chain and at
 * its disk again and again and does the one next thing for each sector, so that a crash anywhere is
 * an ordinary start:
 *
 *   wanted -> sealing -> announced -> challenged -> proven -> (window after window)
 *                                                    |  ^
 *                                            damaged v  | repaired, declared recovered
 *                                                  declared faulty
 */
import { type Clock, PalisadeError, type Signer } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import {
  createMiner,
  declareFaults,
  declareRecoveries,
  isMutable,
  MEMBER,
  nodesOf,
  type PreCommit,
  preCommit,
  proveCommit,
  proveWindow,
  type Sector,
  type SectorsParams,
  shapeOf,
  windowAt,
} from '@palisade/power/schema';
import type { MiningTerms } from '../config.ts';
import type { PartnerMetrics } from '../metrics.ts';
import { type Environment, type Network, untilIncluded } from '../network.ts';
import { pause, settled } from '../pool/pause.ts';
import { type ChainSectors, readParams, readPartitions, readSectors } from './chain-view.ts';
import type { ProofShelf } from './proof-shelf.ts';
import type { Sealer } from './sealer.ts';
import { type LocalSector, SECTOR_STATE, type SectorBook } from './sector-book.ts';
import { askForVerdicts } from './verdicts.ts';

const ZERO = new Uint8Array(32);

export type MinerOptions = {
  readonly network: Network;
  readonly domain: Parameters<typeof askForVerdicts>[0]['domain'];
  readonly signer: Signer;
  /** The account that this machine acts for, 20 bytes: the miner. */
  readonly account: Uint8Array;
  readonly env: Environment;
  readonly clock: Clock;
  readonly url: string;
  readonly terms: MiningTerms;
  /** Room on the disk that stays free for others, bytes. */
  readonly reserveBytes: number;
  readonly freeBytes: () => Promise<number>;
  readonly book: SectorBook;
  readonly shelf: ProofShelf;
  readonly sealer: Sealer;
  readonly log: Logger;
  readonly metrics: PartnerMetrics;
  readonly signal: AbortSignal;
};

/** What `/status` tells of it. */
export type MinerStatus = {
  readonly wanted: number;
  readonly sealing: readonly { readonly number: bigint; readonly percent: number }[];
  readonly announced: number;
  readonly proven: number;
  readonly damaged: readonly bigint[];
  /** Why no further sector is begun; null while nothing is in the way. */
  readonly reason: string | null;
};

type View = {
  readonly params: SectorsParams;
  readonly height: bigint;
  readonly chain: ChainSectors;
};

export class Miner {
  readonly #options: MinerOptions;
  #params: SectorsParams | undefined;
  #isRegistered = false;
  #chain: ChainSectors | undefined;
  #running: Promise<unknown> | undefined;
  /** Work that takes longer than a look, by name: sealing, proving, repairing. */
  readonly #long = new Map<string, Promise<void>>();
  readonly #progress = new Map<bigint, number>();
  readonly #damaged = new Set<bigint>();
  readonly #checkedMs = new Map<bigint, number>();
  #reason: string | undefined;
  /** How often faults were looked for. */
  #looks = 0;

  constructor(options: MinerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when nothing runs any more. The signal must have been given. */
  async stop(): Promise<void> {
    await this.#options.sealer.stop();
    await settled(Promise.all([this.#running, ...this.#long.values()]));
  }

  get status(): MinerStatus {
    const { terms, book } = this.#options;
    const sealing = book.all().filter(({ state }) => state === SECTOR_STATE.sealing);
    return {
      wanted: terms.sectors,
      sealing: sealing.map(({ number }) => ({ number, percent: this.#percent(number) })),
      announced: this.#chain?.announced.size ?? 0,
      proven: this.#chain?.sectors.size ?? 0,
      damaged: [...this.#damaged],
      reason: this.#reason ?? null,
    };
  }

  #percent(number: bigint): number {
    const params = this.#params;
    if (!params) return 0;
    const all = nodesOf(shapeOf(params)) * params.layers;
    return Math.floor((100 * (this.#progress.get(number) ?? 0)) / all);
  }

  async #run(): Promise<void> {
    const { terms, signal, log } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#look();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        log[failures++ === 0 ? 'warn' : 'debug']('mining stands still', { err: error });
      }
      await pause(terms.tickMs, signal);
    }
  }

  async #look(): Promise<void> {
    const { network, account, metrics } = this.#options;
    this.#params ??= await readParams(network);
    await this.#register();
    const { height } = await network.status();
    const chain = await readSectors(network, account);
    this.#chain = chain;
    const view = { params: this.#params, height, chain };
    await this.#proveOpenWindow(view);
    await this.#mendDamage(view);
    await this.#lookForFaults(view);
    for (const local of this.#options.book.all()) await this.#advance(local, view);
    await this.#wantMore(view);
    metrics.set('partner_sectors', chain.sectors.size, { state: 'proven' });
    metrics.set('partner_sectors', chain.announced.size, { state: 'announced' });
    metrics.set('partner_sectors', this.status.sealing.length, { state: 'sealing' });
  }

  async #register(): Promise<void> {
    if (this.#isRegistered) return;
    const { log, account } = this.#options;
    try {
      await this.#send(createMiner, {});
      log.info('registered as a miner', { account });
    } catch (error) {
      if (!isCode(error, 'power/miner-known')) throw error;
    }
    this.#isRegistered = true;
  }

  async #send<T>(declaration: Parameters<Network['post']>[0], fields: T): Promise<bigint> {
    const { network, signer, signal } = this.#options;
    const posted = await network.post(declaration, fields as never, signer, { signal });
    return (await untilIncluded(network, posted, signal)).height;
  }

  /** Starts something that must not hold up the windows; once at a time. */
  #begin(name: string, work: () => Promise<void>): void {
    if (this.#long.has(name) || this.#options.signal.aborted) return;
    const running = work()
      .catch((error) => {
        const { log, signal } = this.#options;
        if (!signal.aborted) log.warn('a sector did not get further', { work: name, err: error });
      })
      .finally(() => this.#long.delete(name));
    this.#long.set(name, running);
  }

  // Sealing

  /** Begins a sector when fewer are there than wanted, and there is room for it. */
  async #wantMore({ params, chain }: View): Promise<void> {
    const { terms, book, network } = this.#options;
    const all = new Set([...chain.sectors.keys(), ...chain.announced.keys()]);
    for (const { number } of book.all()) all.add(number);
    const isSealing = book.all().some(({ state }) => state === SECTOR_STATE.sealing);
    if (all.size >= terms.sectors || isSealing) return;
    if (!(await this.#hasRoom(params))) return;
    const { number: session, randomness, randomnessHeight } = await network.session();
    if (randomnessHeight === 0n) return;
    const highest = book.all().at(-1)?.number ?? -1n;
    const number = highest >= chain.next ? highest + 1n : chain.next;
    await book.put({
      ...{ number, session, seed: randomness, state: SECTOR_STATE.sealing },
      ...{ data: ZERO, replica: ZERO, columns: ZERO },
    });
  }

  /** Sealing needs room for the layers, the replica and one file on its way. */
  async #hasRoom({ layers, sectorBytes }: SectorsParams): Promise<boolean> {
    const { freeBytes, reserveBytes, log } = this.#options;
    const needed = (layers + 2) * sectorBytes;
    const free = (await freeBytes()) - reserveBytes;
    if (free >= needed) {
      this.#reason = undefined;
      return true;
    }
    const reason = `Sealing a sector needs ${needed} bytes of disk; ${Math.max(0, free)} are free beside the reserve of ${reserveBytes}.`;
    if (this.#reason !== reason)
      log.error('no sector is begun for want of disk', {
        why: reason,
        next: 'Free some space, lower partner.reserveBytes, or ask for fewer mining.sectors.',
      });
    this.#reason = reason;
    return false;
  }

  /** The next step of a sector that is on this disk. */
  async #advance(local: LocalSector, view: View): Promise<void> {
    const { number } = local;
    const announced = view.chain.announced.get(number);
    if (local.state === SECTOR_STATE.sealing)
      return this.#begin(`seal ${number}`, () => this.#seal(local, view.params));
    if (announced && !announced.challenge.every((byte) => byte === 0))
      return this.#begin(`prove ${number}`, () => this.#prove(local, announced, view.params));
    if (announced || view.chain.sectors.has(number)) return;
    if (number < view.chain.next) return this.#forget(local, 'the chain has ended it');
    this.#begin(`announce ${number}`, () => this.#announce(local, view));
  }

  async #seal(local: LocalSector, params: SectorsParams): Promise<void> {
    const { book, sealer, account, log, metrics } = this.#options;
    const { number, seed } = local;
    const order = { ...this.#place(local), seed, shape: shapeOf(params), miner: account };
    log.info('sealing a sector', { number, bytes: params.sectorBytes, layers: params.layers });
    let before = 0;
    const done = await sealer.run('seal', order, (labels) => {
      this.#progress.set(number, labels);
      metrics.count('partner_sealed_labels_total', {}, Math.max(0, labels - before));
      before = labels;
    });
    await book.put({ ...local, ...done, state: SECTOR_STATE.sealed });
    this.#progress.delete(number);
    log.info('a sector is sealed', { number, replica: done.replica });
  }

  #place({ number }: LocalSector) {
    return { folder: this.#options.book.folderOf(number), sector: number };
  }

  async #announce(local: LocalSector, { params, height }: View): Promise<void> {
    const { terms, log } = this.#options;
    const { number, session, replica, columns, data } = local;
    const least = params.maxProveBlocks + params.minLifeBlocks;
    // A few blocks may pass before it is in one.
    const life = Math.min(Math.max(terms.lifeBlocks, 2 * least), params.maxLifeBlocks);
    const expires = height + BigInt(life);
    try {
      await this.#send(preCommit, { number, session, replica, columns, data, expires });
      log.info('a sector is announced', { number });
    } catch (error) {
      const useless = ['sectors/bad-seal-session', 'sectors/number-used'];
      if (!useless.some((code) => isCode(error, code))) throw error;
      await this.#forget(local, 'it was sealed too long ago, or its number is taken');
    }
  }

  async #prove(local: LocalSector, announced: PreCommit, params: SectorsParams): Promise<void> {
    const { sealer, shelf, account, clock, log, metrics } = this.#options;
    const { number } = local;
    const proof = await sealer.run('proveSeal', {
      folder: this.#options.book.folderOf(number),
      proofs: shelf.folder,
      statement: { ...announced, miner: account, sector: number },
      shape: shapeOf(params),
      challenge: announced.challenge,
    });
    const nowMs = () => clock.nowMs();
    const wanted = params.sealVerdicts;
    const verdicts = await askForVerdicts({ ...this.#options, nowMs }, number, proof, wanted);
    if (verdicts.length < wanted)
      throw new PalisadeError({
        code: 'partner/no-verdicts',
        message: `Only ${verdicts.length} of ${wanted} validators have checked the proof of sector ${number}.`,
        retry: 'later',
      });
    await this.#send(proveCommit, { number, proof, verdicts: [...verdicts] });
    await shelf.prune();
    metrics.count('partner_sector_proofs_total', { kind: 'seal' });
    log.info('a sector is proven', { number, proof });
  }

  async #forget(local: LocalSector, why: string): Promise<void> {
    const { book, log } = this.#options;
    await book.remove(local.number);
    this.#damaged.delete(local.number);
    log.info('a sector is removed from the disk', { number: local.number, why });
  }

  // Windows

  /** Proves what the open window asks for and was not proven yet. */
  async #proveOpenWindow({ params, height, chain }: View): Promise<void> {
    const { network, account } = this.#options;
    const window = windowAt(params, height + 1n);
    const due = [...chain.sectors.values()].some(({ deadline }) => deadline === window.deadline);
    if (!due) return;
    const { opens, seed, partitions } = await readPartitions(network, account, window.deadline);
    if (opens !== window.opens) return;
    for (const { partition, record } of partitions) {
      if (record.opens === opens) continue;
      const asked = record.members.filter(({ state }) => state !== MEMBER.faulty);
      if (asked.length === 0) continue;
      const place = { miner: account, deadline: window.deadline, partition, opens, seed };
      const numbers = asked.map(({ number }) => number);
      const name = `window ${window.deadline}/${partition}`;
      this.#begin(name, () => this.#proveWindow(place, numbers, chain.sectors, params));
    }
  }

  async #proveWindow(
    place: {
      miner: Uint8Array;
      deadline: number;
      partition: number;
      opens: bigint;
      seed: Uint8Array;
    },
    numbers: readonly bigint[],
    sectors: ReadonlyMap<bigint, Sector>,
    { sectorBytes, windowLeaves }: SectorsParams,
  ): Promise<void> {
    const { sealer, shelf, book, log, metrics } = this.#options;
    const { id, skipped } = await sealer.run('proveWindow', {
      ...{ proofs: shelf.folder, place, sectorBytes, leaves: windowLeaves },
      sectors: numbers.map((number) => ({
        number,
        replica: sectors.get(number)!.replica,
        folder: book.folderOf(number),
      })),
    });
    for (const number of skipped) this.#noteDamage(number);
    if (!id) return;
    const { deadline, partition, opens } = place;
    try {
      await this.#send(proveWindow, { deadline, partition, skipped: [...skipped], proof: id });
    } catch (error) {
      if (!isCode(error, 'sectors/window-proven')) throw error;
    }
    await shelf.prune();
    metrics.count('partner_sector_proofs_total', { kind: 'window' });
    log.info('sectors are proven for a window', {
      ...{ deadline, partition, opens },
      sectors: numbers.length - skipped.length,
    });
  }

  #noteDamage(number: bigint): void {
    if (this.#damaged.has(number)) return;
    this.#damaged.add(number);
    this.#options.log.error('a sector is damaged on the disk', {
      number,
      next: 'It is declared faulty, sealed again and declared recovered; look at the disk.',
    });
  }

  // Damage

  /** Looks for damage, says so before it is asked for, and makes it good. */
  async #mendDamage({ params, height, chain }: View): Promise<void> {
    this.#checkOne(params, chain);
    for (const number of this.#damaged) {
      const sector = chain.sectors.get(number);
      if (sector) await this.#mend(number, sector, params, height);
    }
  }

  /** Reads the sector that was not read for the longest time, if it is time. */
  #checkOne({ sectorBytes }: SectorsParams, chain: ChainSectors): void {
    const { clock, terms, book, sealer } = this.#options;
    const now = clock.nowMs();
    const due = [...chain.sectors].find(
      ([number]) =>
        !this.#damaged.has(number) && now - (this.#checkedMs.get(number) ?? 0) >= terms.checkMs,
    );
    if (!due) return;
    const [number, { replica }] = due;
    this.#begin('check', async () => {
      const order = { folder: book.folderOf(number), replica, sectorBytes };
      if (!(await sealer.run('check', order))) this.#noteDamage(number);
      this.#checkedMs.set(number, clock.nowMs());
    });
  }

  /**
   * Sectors that the chain calls faulty though nothing is known to be wrong with them: this machine
   * was away for a window. Another deadline is looked at each time.
   */
  async #lookForFaults({ params, height, chain }: View): Promise<void> {
    const { network, account } = this.#options;
    const deadlines = [...new Set([...chain.sectors.values()].map(({ deadline }) => deadline))];
    const deadline = deadlines[this.#looks++ % Math.max(1, deadlines.length)];
    if (deadline === undefined || !isMutable(params, deadline, height + 1n)) return;
    const { partitions } = await readPartitions(network, account, deadline);
    for (const { number, state } of partitions.flatMap(({ record }) => record.members)) {
      const sector = chain.sectors.get(number);
      if (state === MEMBER.faulty && sector && !this.#damaged.has(number))
        this.#begin(`recover ${number}`, () => this.#recover(number, sector, params));
    }
  }

  async #recover(number: bigint, { replica }: Sector, params: SectorsParams): Promise<void> {
    const { book, sealer, log } = this.#options;
    const order = { folder: book.folderOf(number), replica, sectorBytes: params.sectorBytes };
    if (!(await sealer.run('check', order))) return this.#noteDamage(number);
    await this.#send(declareRecoveries, { sectors: [number] });
    log.info('a faulty sector is whole and declared recovered', { number });
  }

  async #mend(
    number: bigint,
    sector: Sector,
    params: SectorsParams,
    height: bigint,
  ): Promise<void> {
    const { network, account } = this.#options;
    // One more block passes before a command is in one.
    if (!isMutable(params, sector.deadline, height + 1n)) return;
    const { partitions } = await readPartitions(network, account, sector.deadline);
    const members = partitions.flatMap(({ record }) => record.members);
    const state = members.find((member) => member.number === number)?.state;
    if (state === undefined) return;
    if (state !== MEMBER.faulty)
      return this.#begin(`declare ${number}`, () => this.#declareFault(number));
    if (await this.#hasRoom(params))
      this.#begin(`repair ${number}`, () => this.#repair(number, sector, params));
  }

  async #declareFault(number: bigint): Promise<void> {
    await this.#send(declareFaults, { sectors: [number] });
    this.#options.log.warn('a damaged sector is declared faulty', { number });
  }

  async #repair(number: bigint, sector: Sector, params: SectorsParams): Promise<void> {
    const { sealer, book, account, log } = this.#options;
    const { seed, replica } = sector;
    const order = { seed, replica, miner: account, shape: shapeOf(params) };
    const at = { folder: book.folderOf(number), sector: number };
    const onProgress = (labels: number) => this.#progress.set(number, labels);
    const same = await sealer.run('repair', { ...order, ...at }, onProgress);
    this.#progress.delete(number);
    if (!same) throw new Error(`sector ${number} does not come out as it was committed`);
    await this.#send(declareRecoveries, { sectors: [number] });
    this.#damaged.delete(number);
    log.info('a damaged sector is sealed again and declared recovered', { number });
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof PalisadeError && error.code === code;
}
