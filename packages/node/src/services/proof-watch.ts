/**
 * Watching window proofs, the work of a passive validator: each proof that a block names is fetched
 * from its miner and checked; one that does not hold is disputed on chain by the entry that shows it.
 */
import { SEAT } from '@palisade/chain';
import { equalBytes } from '@palisade/core';
import type { CommittedBlock } from '@palisade/engine';
import {
  challengesOfWindows,
  disputeWindow,
  entryPath,
  faultOfWindowProof,
  partitions,
  readEntries,
  sectors,
  sectorsParameters,
  windowEntryBytes,
  windowEntryCount,
  windowProven,
} from '@palisade/power';
import { fieldsOf } from '../events/event-index.ts';
import { fetchProof } from './fetch-proof.ts';
import { fileCommand } from './file-command.ts';
import type { Pool } from './pool.ts';
import { type Addresses, addressOf } from './seal-judge.ts';
import type { Validator } from './validator.ts';

/** Proofs being fetched and checked at a time. */
const AT_ONCE = 2;
/** Proofs that wait for it; those of a block beyond are left to others. */
const MAX_WAITING = 1024;
/** A dispute: an entry, its path and the envelope. */
const DISPUTE_BYTES = 3200;
/** Tries to fetch a proof: a line may break. */
const TRIES = 3;

type Named = {
  readonly miner: Uint8Array;
  readonly deadline: number;
  readonly partition: number;
  readonly proof: Uint8Array;
};
type Dispute = Named & {
  readonly entry: number;
  readonly bytes: Uint8Array;
  readonly path: Uint8Array[];
};

export class ProofWatch {
  private readonly pool: Pool;
  private readonly self: Validator;
  private readonly addresses: Addresses;
  private readonly waiting: Named[] = [];
  private running = 0;
  /** Disputes that are to stand on the chain. */
  private disputes: Dispute[] = [];

  constructor(pool: Pool, self: Validator, addresses: Addresses) {
    this.pool = pool;
    this.self = self;
    this.addresses = addresses;
  }

  /** Takes up the proofs that a block names, and files what was found; it does not wait for miners. */
  async look({ results }: CommittedBlock): Promise<void> {
    if (this.self.seat !== SEAT.passive) return;
    for (const event of results.txResults.flatMap(({ events }) => events)) {
      if (event.type !== windowProven.name || this.waiting.length >= MAX_WAITING) continue;
      const { name, schema } = windowProven;
      this.waiting.push(schema.fromJson(fieldsOf(event, windowProven), name));
    }
    this.next();
    for (const dispute of this.disputes) await this.file(dispute);
  }

  private next(): void {
    while (this.running < AT_ONCE) {
      const named = this.waiting.shift();
      if (!named) return;
      this.running++;
      this.check(named)
        // What fails on this side says nothing about the miner.
        .catch(() => this.note('failed'))
        .finally(() => {
          this.running--;
          this.next();
        });
    }
  }

  private note(outcome: string): void {
    this.pool.metrics.count('sector_proofs_total', { kind: 'window', outcome });
  }

  private async check(named: Named): Promise<void> {
    const { committed } = this.pool.application;
    const { miner, deadline, partition, proof } = named;
    const url = addressOf(this.pool, this.addresses, miner);
    if (!url) return this.note('no-address');
    const params = sectorsParameters.need(committed);
    const record = this.standing(named);
    const drawn = challengesOfWindows.get(committed, BigInt(deadline));
    if (!record || drawn?.opens !== record.opens) return this.note('late');
    const known = record.proven.map((number) => ({
      number,
      replica: sectors.need(committed, miner, number).replica,
    }));
    const { sectorBytes, windowLeaves } = params;
    const count = windowEntryCount(sectorBytes, known.length, windowLeaves);
    const length = windowEntryBytes(sectorBytes);
    const file = await this.fetch(url, proof, count * length);
    if (!file) return this.note('withheld');
    const place = { miner, deadline, partition, ...drawn };
    const fault = faultOfWindowProof(place, sectorBytes, known, windowLeaves, proof, file);
    if (!fault) return this.note('holds');
    const entries = readEntries(file, count, length);
    // A file of another length or id is not the one that was named: as good as none.
    if (fault.entry === undefined || !entries) return this.note('withheld');
    this.note('fails');
    const { entry } = fault;
    const bytes = entries[entry]!.slice();
    this.disputes.push({ ...named, entry, bytes, path: entryPath(entries, entry) });
  }

  private async fetch(url: string, proof: Uint8Array, length: number) {
    for (let tries = 0; tries < TRIES; tries++) {
      const file = await fetchProof(url, proof, length);
      if (file) return file;
    }
    return undefined;
  }

  /** The partition, while the proof stands. */
  private standing({ miner, deadline, partition, proof }: Named) {
    const { committed } = this.pool.application;
    const record = partitions.get(committed, BigInt(deadline), miner, BigInt(partition));
    return record && equalBytes(record.proof, proof) ? record : undefined;
  }

  private async file(dispute: Dispute): Promise<void> {
    const { proof: _, ...fields } = dispute;
    const outcome = this.standing(dispute)
      ? await fileCommand(this.pool, this.self, disputeWindow, fields, DISPUTE_BYTES)
      : 'refused';
    if (outcome === 'refused') this.disputes = this.disputes.filter((other) => other !== dispute);
  }
}
