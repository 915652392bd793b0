/**
 * Who wants a job, without asking everybody: partners that take work, by utility and then by price,
 * which is what keeps most of them from most jobs. The rules themselves are the market's
 * (`rateAsked`, `misfitOf`): this only finds those for whom they have to be asked.
 */
import { type Filter, misfitOf, rateAsked, type Wanted } from '@palisade/market';

type Listed = { readonly value: Filter };

export class ReadyIndex<T extends Listed> {
  /** Of each utility, the cheapest first. */
  private readonly byUtility = new Map<number, T[]>();

  add(entry: T): void {
    const { utility, price } = entry.value;
    const list = this.byUtility.get(utility) ?? [];
    this.byUtility.set(utility, list);
    list.splice(
      countWhile(list, ({ value }) => value.price <= price),
      0,
      entry,
    );
  }

  /** Removes what was added; what was not is passed over. */
  remove(entry: T): void {
    const { utility, price } = entry.value;
    const list = this.byUtility.get(utility) ?? [];
    const first = countWhile(list, ({ value }) => value.price < price);
    const at = list.indexOf(entry, first);
    if (at >= 0) list.splice(at, 1);
  }

  /** Those that a job fits, the cheapest first. */
  fitting(job: Wanted): readonly T[] {
    const list = this.byUtility.get(job.utility) ?? [];
    const paid = countWhile(list, ({ value }) => (rateAsked(job, value) ?? 0n) <= job.maxRate);
    return list.slice(0, paid).filter(({ value }) => misfitOf(job, value) === undefined);
  }
}

/** How many come before the first that is not so; all that are so come first. */
function countWhile<T>(list: readonly T[], isSo: (entry: T) => boolean): number {
  let from = 0;
  let to = list.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isSo(list[middle]!)) from = middle + 1;
    else to = middle;
  }
  return from;
}
