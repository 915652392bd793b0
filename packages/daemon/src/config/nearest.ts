/** Longer names are not compared: the table below grows with the product of both lengths. */
const MAX_COMPARED = 64;

/** How many letters must be added, dropped, replaced or swapped to turn one word into another. */
export function editDistance(a: string, b: string): number {
  if (a.length > MAX_COMPARED || b.length > MAX_COMPARED) return Math.max(a.length, b.length);
  let previous: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(row[j - 1]! + (same ? 0 : 1), row[j]! + 1, next[j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, previous[j - 2]! + 1);
      next.push(best);
    }
    previous = row;
    row = next;
  }
  return row[b.length]!;
}

/**
 * The name that was most likely meant, or undefined when none is near. A right word in the wrong
 * section (`level` for `log.level`) counts as one mistake.
 */
export function nearestName(wrong: string, names: Iterable<string>): string | undefined {
  const tolerated = Math.max(2, Math.floor(wrong.length / 4));
  const last = (name: string) => name.slice(name.lastIndexOf('.') + 1);
  let best: string | undefined;
  let bestDistance = tolerated + 1;
  for (const name of names) {
    const distance = Math.min(editDistance(wrong, name), editDistance(last(wrong), last(name)) + 1);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}
