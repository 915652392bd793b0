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
import { createMiner, nodesOf, type SectorsParams, shapeOf } from '@palisade/power/schema';
import { settled } from '../pool/stopping.ts';
import { type ChainSectors, readParams, readSectors } from './chain-view.ts';
import { Mender } from './damage.ts';
import { pauseOrMove } from './pause-or-move.ts';
import { SECTOR_STATE } from './sector-book.ts';
import { SectorMaker } from './sectors.ts';
import { WindowProver } from './windows.ts';
import { isCode, type MinerOptions, MinerWork } from './work.ts';

export type { MinerOptions } from './work.ts';

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

export class Miner {
  readonly #work: MinerWork;
  readonly #maker: SectorMaker;
  readonly #windows: WindowProver;
  readonly #mender: Mender;
  #params: SectorsParams | undefined;
  #isRegistered = false;
  #chain: ChainSectors | undefined;
  #wanted = 0;
  #running: Promise<unknown> | undefined;

  constructor(options: MinerOptions) {
    this.#work = new MinerWork(options);
    this.#maker = new SectorMaker(this.#work);
    this.#windows = new WindowProver(this.#work);
    this.#mender = new Mender(this.#work);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when nothing runs any more. The signal must have been given. */
  async stop(): Promise<void> {
    await this.#work.stop();
    await settled(Promise.resolve(this.#running));
  }

  get status(): MinerStatus {
    const { book } = this.#work.options;
    const sealing = book.all().filter(({ state }) => state === SECTOR_STATE.sealing);
    return {
      wanted: this.#wanted,
      sealing: sealing.map(({ number }) => ({ number, percent: this.#percent(number) })),
      announced: this.#chain?.announced.size ?? 0,
      proven: this.#chain?.sectors.size ?? 0,
      damaged: [...this.#work.damaged],
      reason: this.#work.reason ?? null,
    };
  }

  #percent(number: bigint): number {
    const params = this.#params;
    if (!params) return 0;
    const all = nodesOf(shapeOf(params)) * params.layers;
    return Math.floor((100 * (this.#work.progress.get(number) ?? 0)) / all);
  }

  async #run(): Promise<void> {
    const { terms, signal, log, clock } = this.#work.options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#look();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        log[failures++ === 0 ? 'warn' : 'debug']('mining stands still', { err: error });
      }
      await pauseOrMove(terms.tickMs, clock, signal);
    }
  }

  async #look(): Promise<void> {
    const { network, account, metrics, wanted } = this.#work.options;
    this.#wanted = await wanted();
    this.#params ??= await readParams(network);
    await this.#register();
    const { height } = await network.status();
    const chain = await readSectors(network, account);
    this.#chain = chain;
    const view = { params: this.#params, height, chain };
    await this.#windows.proveOpenWindow(view);
    await this.#mender.mendDamage(view);
    await this.#mender.lookForFaults(view);
    for (const local of this.#work.options.book.all()) await this.#maker.advance(local, view);
    await this.#maker.wantMore(view);
    metrics.set('partner_sectors', chain.sectors.size, { state: 'proven' });
    metrics.set('partner_sectors', chain.announced.size, { state: 'announced' });
    metrics.set('partner_sectors', this.status.sealing.length, { state: 'sealing' });
  }

  async #register(): Promise<void> {
    if (this.#isRegistered) return;
    const { log, account } = this.#work.options;
    try {
      await this.#work.send(createMiner, {});
      log.info('registered as a miner', { account });
    } catch (error) {
      if (!isCode(error, 'power/miner-known')) throw error;
    }
    this.#isRegistered = true;
  }
}
