/** The sectors of this machine, one folder each: what the chain cannot know of them. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bytes32, type Infer, record, u8, u64 } from '@palisade/core';
import { atomicWrite, ensureDir } from '@palisade/daemon';
import { readJson } from '../records/saved-file.ts';

/** Version of the form; a change of fields needs a new one. */
const VERSION = 1;

export const SECTOR_STATE = { sealing: 0, sealed: 1 } as const;

const sectorForm = record('MinerSector', {
  version: u8,
  number: u64,
  state: u8.is('0 being sealed, 1 sealed'),
  session: u64.is('Whose randomness it is sealed by'),
  seed: bytes32.is('That randomness'),
  data: bytes32.is('Content id of the data; zero until it is sealed, as the next two'),
  replica: bytes32,
  columns: bytes32,
});
export type LocalSector = Readonly<Omit<Infer<typeof sectorForm>, 'version'>>;

export class SectorBook {
  readonly #folder: string;
  readonly #sectors = new Map<bigint, LocalSector>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(folder: string): Promise<SectorBook> {
    await ensureDir(folder);
    const book = new SectorBook(folder);
    for (const name of await readdir(folder)) {
      if (!/^\d{1,19}$/.test(name)) continue;
      const json = await readJson(join(folder, name, 'sector.json'));
      // A folder without its record was begun by a crash, or is being removed.
      if (json === undefined) await rm(join(folder, name), { recursive: true, force: true });
      else book.#sectors.set(BigInt(name), sectorForm.fromJson(json, 'sector'));
    }
    return book;
  }

  folderOf(number: bigint): string {
    return join(this.#folder, `${number}`);
  }

  /** By number. */
  all(): readonly LocalSector[] {
    return [...this.#sectors.values()].sort((a, b) => (a.number < b.number ? -1 : 1));
  }

  get(number: bigint): LocalSector | undefined {
    return this.#sectors.get(number);
  }

  /** Durable when the promise resolves. */
  async put(sector: LocalSector): Promise<void> {
    const folder = this.folderOf(sector.number);
    await ensureDir(folder);
    const json = sectorForm.toJson({ version: VERSION, ...sector });
    await atomicWrite(join(folder, 'sector.json'), JSON.stringify(json));
    this.#sectors.set(sector.number, sector);
  }

  async remove(number: bigint): Promise<void> {
    this.#sectors.delete(number);
    await rm(join(this.folderOf(number), 'sector.json'), { force: true });
    await rm(this.folderOf(number), { recursive: true, force: true });
  }
}
