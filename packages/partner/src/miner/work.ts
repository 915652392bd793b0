/** What the parts of a miner share: the chain's words, commands, work that takes long, what is damaged. */
import { type Clock, PalisadeError, type Signer } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import type { SectorsParams } from '@palisade/power/schema';
import type { MiningTerms } from '../config.ts';
import type { PartnerMetrics } from '../metrics.ts';
import { type Environment, type Network, untilIncluded } from '../network.ts';
import { settled } from '../pool/stopping.ts';
import type { ChainSectors } from './chain-view.ts';
import { roomToSeal } from './order.ts';
import type { ProofShelf } from './proof-shelf.ts';
import type { Sealer } from './sealer.ts';
import type { SectorBook } from './sector-book.ts';
import type { askForVerdicts } from './verdicts.ts';

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
  /** Sectors that are wanted. */
  readonly wanted: () => Promise<number>;
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

/** What is decided by: read anew at every look. */
export type View = {
  readonly params: SectorsParams;
  readonly height: bigint;
  readonly chain: ChainSectors;
};

export class MinerWork {
  readonly options: MinerOptions;
  /** Work that takes longer than a look, by name: sealing, proving, repairing. */
  readonly #long = new Map<string, Promise<void>>();
  /** Labels that are done of what is being sealed. */
  readonly progress = new Map<bigint, number>();
  readonly damaged = new Set<bigint>();
  /** Why no further sector is begun, or mended. */
  reason: string | undefined;

  constructor(options: MinerOptions) {
    this.options = options;
  }

  /** Resolves when nothing runs any more. The signal must have been given. */
  async stop(): Promise<void> {
    await this.options.sealer.stop();
    await settled(Promise.all(this.#long.values()));
  }

  /** Sends a command and waits for its block. */
  async send<T>(declaration: Parameters<Network['post']>[0], fields: T): Promise<bigint> {
    const { network, signer, signal } = this.options;
    const posted = await network.post(declaration, fields as never, signer, { signal });
    return (await untilIncluded(network, posted, signal)).height;
  }

  /** Starts something that must not hold up the windows; once at a time. */
  begin(name: string, work: () => Promise<void>): void {
    if (this.#long.has(name) || this.options.signal.aborted) return;
    const running = work()
      .catch((error) => {
        const { log, signal } = this.options;
        if (!signal.aborted) log.warn('a sector did not get further', { work: name, err: error });
      })
      .finally(() => this.#long.delete(name));
    this.#long.set(name, running);
  }

  noteDamage(number: bigint): void {
    if (this.damaged.has(number)) return;
    this.damaged.add(number);
    this.options.log.error('a sector is damaged on the disk', {
      number,
      next: 'It is declared faulty, sealed again and declared recovered; look at the disk.',
    });
  }

  /** Whether the disk has room for sealing one sector. */
  async hasRoom(params: SectorsParams): Promise<boolean> {
    const { freeBytes, reserveBytes, log } = this.options;
    const needed = roomToSeal(params, 1);
    const free = (await freeBytes()) - reserveBytes;
    if (free >= needed) {
      this.reason = undefined;
      return true;
    }
    const reason = `Sealing a sector needs ${needed} bytes of disk; ${Math.max(0, free)} are free beside the reserve of ${reserveBytes}.`;
    if (this.reason !== reason)
      log.error('no sector is begun for want of disk', {
        why: reason,
        next: 'Free some space, lower partner.reserveBytes, or ask for fewer mining.sectors.',
      });
    this.reason = reason;
    return false;
  }
}

/** Whether the chain refused something for this reason. */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof PalisadeError && error.code === code;
}
