/** Sectors on their way: begun, sealed, announced, proven once. */
import { PalisadeError } from '@palisade/core';
import {
  type PreCommit,
  preCommit,
  proveCommit,
  type SectorsParams,
  shapeOf,
} from '@palisade/power/schema';
import { type LocalSector, SECTOR_STATE } from './sector-book.ts';
import { askForVerdicts } from './verdicts.ts';
import { isCode, type MinerWork, type View } from './work.ts';

const ZERO = new Uint8Array(32);

export class SectorMaker {
  readonly #work: MinerWork;

  constructor(work: MinerWork) {
    this.#work = work;
  }

  /** Begins a sector when fewer are there than wanted, and there is room for it. */
  async wantMore({ params, chain }: View): Promise<void> {
    const { wanted, book, network } = this.#work.options;
    const all = new Set([...chain.sectors.keys(), ...chain.announced.keys()]);
    for (const { number } of book.all()) all.add(number);
    const isSealing = book.all().some(({ state }) => state === SECTOR_STATE.sealing);
    if (isSealing || all.size >= (await wanted())) return;
    if (!(await this.#work.hasRoom(params))) return;
    const { number: session, randomness, randomnessHeight } = await network.session();
    if (randomnessHeight === 0n) return;
    const highest = book.all().at(-1)?.number ?? -1n;
    const number = highest >= chain.next ? highest + 1n : chain.next;
    await book.put({
      ...{ number, session, seed: randomness, state: SECTOR_STATE.sealing },
      ...{ data: ZERO, replica: ZERO, columns: ZERO },
    });
  }

  /** The next step of a sector that is on this disk. */
  async advance(local: LocalSector, view: View): Promise<void> {
    const { number } = local;
    const announced = view.chain.announced.get(number);
    if (local.state === SECTOR_STATE.sealing)
      return this.#work.begin(`seal ${number}`, () => this.#seal(local, view.params));
    if (announced && !announced.challenge.every((byte) => byte === 0))
      return this.#work.begin(`prove ${number}`, () => this.#prove(local, announced, view.params));
    if (announced || view.chain.sectors.has(number)) return;
    if (number < view.chain.next) return this.#forget(local, 'the chain has ended it');
    this.#work.begin(`announce ${number}`, () => this.#announce(local, view));
  }

  async #seal(local: LocalSector, params: SectorsParams): Promise<void> {
    const { book, sealer, account, log, metrics } = this.#work.options;
    const { number, seed } = local;
    const order = { ...this.#place(local), seed, shape: shapeOf(params), miner: account };
    log.info('sealing a sector', { number, bytes: params.sectorBytes, layers: params.layers });
    let before = 0;
    const done = await sealer.run('seal', order, (labels) => {
      this.#work.progress.set(number, labels);
      metrics.count('partner_sealed_labels_total', {}, Math.max(0, labels - before));
      before = labels;
    });
    await book.put({ ...local, ...done, state: SECTOR_STATE.sealed });
    this.#work.progress.delete(number);
    log.info('a sector is sealed', { number, replica: done.replica });
  }

  #place({ number }: LocalSector) {
    return { folder: this.#work.options.book.folderOf(number), sector: number };
  }

  async #announce(local: LocalSector, { params, height }: View): Promise<void> {
    const { terms, log } = this.#work.options;
    const { number, session, replica, columns, data } = local;
    const least = params.maxProveBlocks + params.minLifeBlocks;
    // A few blocks may pass before it is in one.
    const life = Math.min(Math.max(terms.lifeBlocks, 2 * least), params.maxLifeBlocks);
    const expires = height + BigInt(life);
    try {
      await this.#work.send(preCommit, { number, session, replica, columns, data, expires });
      log.info('a sector is announced', { number });
    } catch (error) {
      const useless = ['sectors/bad-seal-session', 'sectors/number-used'];
      if (!useless.some((code) => isCode(error, code))) throw error;
      await this.#forget(local, 'it was sealed too long ago, or its number is taken');
    }
  }

  async #prove(local: LocalSector, announced: PreCommit, params: SectorsParams): Promise<void> {
    const { sealer, shelf, account, clock, log, metrics } = this.#work.options;
    const { number } = local;
    const proof = await sealer.run('proveSeal', {
      folder: this.#work.options.book.folderOf(number),
      proofs: shelf.folder,
      statement: { ...announced, miner: account, sector: number },
      shape: shapeOf(params),
      challenge: announced.challenge,
    });
    const nowMs = () => clock.nowMs();
    const wanted = params.sealVerdicts;
    const verdicts = await askForVerdicts({ ...this.#work.options, nowMs }, number, proof, wanted);
    if (verdicts.length < wanted)
      throw new PalisadeError({
        code: 'partner/no-verdicts',
        message: `Only ${verdicts.length} of ${wanted} validators have checked the proof of sector ${number}.`,
        retry: 'later',
      });
    await this.#work.send(proveCommit, { number, proof, verdicts: [...verdicts] });
    await shelf.prune();
    metrics.count('partner_sector_proofs_total', { kind: 'seal' });
    log.info('a sector is proven', { number, proof });
  }

  async #forget(local: LocalSector, why: string): Promise<void> {
    const { book, log } = this.#work.options;
    await book.remove(local.number);
    this.#work.damaged.delete(local.number);
    log.info('a sector is removed from the disk', { number: local.number, why });
  }
}
