/**
 * Delegations in columns: small numbers for long names, and typed arrays for what is counted. A
 * million entries are 16 MB, and adding them up takes milliseconds. The columns are made from the
 * store, which stays the truth, and hold its sums against it.
 */
import { type KeyValueReader, toBinaryString } from '@palisade/core';
import { claims } from './claim.ts';
import { ENTRY, listed } from './entry.ts';

/** Entries that the columns begin with room for. */
const FIRST_ROOM = 1024;

export class DelegationColumns {
  /** Entries in all. */
  count = 0;
  /** By entry: which collator registration, what kind, how many bytes. */
  private registrations = new Uint32Array(FIRST_ROOM);
  private kinds = new Uint8Array(FIRST_ROOM);
  private amounts = new BigUint64Array(FIRST_ROOM);
  private readonly numbers = new Map<string, number>();
  readonly names: { readonly collator: Uint8Array; readonly generation: number }[] = [];

  /** All entries of all claims, in the order of the store. */
  static from(state: KeyValueReader): DelegationColumns {
    const columns = new DelegationColumns();
    for (const [, { entries }] of claims.list(state))
      for (const { collator, generation, kind, amount } of listed(entries))
        columns.add(collator, generation, kind, amount);
    return columns;
  }

  add(collator: Uint8Array, generation: number, kind: number, amount: bigint): void {
    if (this.count === this.amounts.length) this.grow();
    this.registrations[this.count] = this.numberOf(collator, generation);
    this.kinds[this.count] = kind;
    this.amounts[this.count] = amount;
    this.count++;
  }

  private numberOf(collator: Uint8Array, generation: number): number {
    const name = `${toBinaryString(collator)}${generation}`;
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    this.numbers.set(name, this.names.length);
    this.names.push({ collator, generation });
    return this.names.length - 1;
  }

  private grow(): void {
    const size = 2 * this.count;
    const registrations = new Uint32Array(size);
    const kinds = new Uint8Array(size);
    const amounts = new BigUint64Array(size);
    registrations.set(this.registrations);
    kinds.set(this.kinds);
    amounts.set(this.amounts);
    this.registrations = registrations;
    this.kinds = kinds;
    this.amounts = amounts;
  }

  /** Sums of what is delegated, by the number of the registration: as `names` has them. */
  delegated(): BigUint64Array {
    const sums = new BigUint64Array(this.names.length);
    for (let i = 0; i < this.count; i++)
      if (this.kinds[i] === ENTRY.delegated)
        sums[this.registrations[i]!] = sums[this.registrations[i]!]! + this.amounts[i]!;
    return sums;
  }
}
