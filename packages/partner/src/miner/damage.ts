/** Damage: found, declared before it is asked for, made good; and faults that have passed. */
import {
  declareFaults,
  declareRecoveries,
  isMutable,
  MEMBER,
  type Sector,
  type SectorsParams,
  shapeOf,
} from '@palisade/power/schema';
import { type ChainSectors, readPartitions } from './chain-view.ts';
import type { MinerWork, View } from './work.ts';

export class Mender {
  readonly #work: MinerWork;
  readonly #checkedMs = new Map<bigint, number>();
  /** How often faults were looked for. */
  #looks = 0;

  constructor(work: MinerWork) {
    this.#work = work;
  }

  /** Looks for damage, says so before it is asked for, and makes it good. */
  async mendDamage({ params, height, chain }: View): Promise<void> {
    this.#checkOne(params, chain);
    for (const number of this.#work.damaged) {
      const sector = chain.sectors.get(number);
      if (sector) await this.#mend(number, sector, params, height);
    }
  }

  /** Reads the sector that was not read for the longest time, if it is time. */
  #checkOne({ sectorBytes }: SectorsParams, chain: ChainSectors): void {
    const { clock, terms, book, sealer } = this.#work.options;
    const now = clock.nowMs();
    const due = [...chain.sectors].find(
      ([number]) =>
        !this.#work.damaged.has(number) &&
        now - (this.#checkedMs.get(number) ?? 0) >= terms.checkMs,
    );
    if (!due) return;
    const [number, { replica }] = due;
    this.#work.begin('check', async () => {
      const order = { folder: book.folderOf(number), replica, sectorBytes };
      if (!(await sealer.run('check', order))) this.#work.noteDamage(number);
      this.#checkedMs.set(number, clock.nowMs());
    });
  }

  /**
   * Sectors that the chain calls faulty though nothing is known to be wrong with them: this machine
   * was away for a window. Another deadline is looked at each time.
   */
  async lookForFaults({ params, height, chain }: View): Promise<void> {
    const { network, account } = this.#work.options;
    const deadlines = [...new Set([...chain.sectors.values()].map(({ deadline }) => deadline))];
    const deadline = deadlines[this.#looks++ % Math.max(1, deadlines.length)];
    if (deadline === undefined || !isMutable(params, deadline, height + 1n)) return;
    const { partitions } = await readPartitions(network, account, deadline);
    for (const { number, state } of partitions.flatMap(({ record }) => record.members)) {
      const sector = chain.sectors.get(number);
      if (state === MEMBER.faulty && sector && !this.#work.damaged.has(number))
        this.#work.begin(`recover ${number}`, () => this.#recover(number, sector, params));
    }
  }

  async #recover(number: bigint, { replica }: Sector, params: SectorsParams): Promise<void> {
    const { book, sealer, log } = this.#work.options;
    const order = { folder: book.folderOf(number), replica, sectorBytes: params.sectorBytes };
    if (!(await sealer.run('check', order))) return this.#work.noteDamage(number);
    await this.#work.send(declareRecoveries, { sectors: [number] });
    log.info('a faulty sector is whole and declared recovered', { number });
  }

  async #mend(
    number: bigint,
    sector: Sector,
    params: SectorsParams,
    height: bigint,
  ): Promise<void> {
    const { network, account } = this.#work.options;
    // One more block passes before a command is in one.
    if (!isMutable(params, sector.deadline, height + 1n)) return;
    const { partitions } = await readPartitions(network, account, sector.deadline);
    const members = partitions.flatMap(({ record }) => record.members);
    const state = members.find((member) => member.number === number)?.state;
    if (state === undefined) return;
    if (state !== MEMBER.faulty)
      return this.#work.begin(`declare ${number}`, () => this.#declareFault(number));
    if (await this.#work.hasRoom(params))
      this.#work.begin(`repair ${number}`, () => this.#repair(number, sector, params));
  }

  async #declareFault(number: bigint): Promise<void> {
    await this.#work.send(declareFaults, { sectors: [number] });
    this.#work.options.log.warn('a damaged sector is declared faulty', { number });
  }

  async #repair(number: bigint, sector: Sector, params: SectorsParams): Promise<void> {
    const { sealer, book, account, log } = this.#work.options;
    const { seed, replica } = sector;
    const order = { seed, replica, miner: account, shape: shapeOf(params) };
    const at = { folder: book.folderOf(number), sector: number };
    const onProgress = (labels: number) => this.#work.progress.set(number, labels);
    const same = await sealer.run('repair', { ...order, ...at }, onProgress);
    this.#work.progress.delete(number);
    if (!same) throw new Error(`sector ${number} does not come out as it was committed`);
    await this.#work.send(declareRecoveries, { sectors: [number] });
    this.#work.damaged.delete(number);
    log.info('a damaged sector is sealed again and declared recovered', { number });
  }
}
