/** Windows: what is asked for now is proven. */
import {
  MEMBER,
  proveWindow,
  type Sector,
  type SectorsParams,
  type WindowPlace,
  windowAt,
} from '@palisade/power/schema';
import { readPartitions } from './chain-view.ts';
import { isCode, type MinerWork, type View } from './work.ts';

export class WindowProver {
  readonly #work: MinerWork;

  constructor(work: MinerWork) {
    this.#work = work;
  }

  /** Proves what the open window asks for and was not proven yet. */
  async proveOpenWindow({ params, height, chain }: View): Promise<void> {
    const { network, account } = this.#work.options;
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
      this.#work.begin(name, () => this.#proveWindow(place, numbers, chain.sectors, params));
    }
  }

  async #proveWindow(
    place: WindowPlace,
    numbers: readonly bigint[],
    sectors: ReadonlyMap<bigint, Sector>,
    { sectorBytes, windowLeaves }: SectorsParams,
  ): Promise<void> {
    const { sealer, shelf, book, log, metrics } = this.#work.options;
    const { id, skipped } = await sealer.run('proveWindow', {
      ...{ proofs: shelf.folder, place, sectorBytes, leaves: windowLeaves },
      sectors: numbers.map((number) => ({
        number,
        replica: sectors.get(number)!.replica,
        folder: book.folderOf(number),
      })),
    });
    for (const number of skipped) this.#work.noteDamage(number);
    if (!id) return;
    const { deadline, partition, opens } = place;
    try {
      await this.#work.send(proveWindow, { deadline, partition, skipped: [...skipped], proof: id });
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
}
