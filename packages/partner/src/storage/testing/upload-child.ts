/**
 * A process of its own that uploads a content into a store, bit by bit, and says what it is doing;
 * the crash tests bundle it. Arguments: folder, size of the content, and, for it to be killed, at
 * which write and how many milliseconds after that write was begun.
 */
import { readFileSync, writeSync } from 'node:fs';
import { describeContent } from '@palisade/core';
import { ContentStore } from '../index.ts';
import { bytesOf, granted, jobId, MIB } from './builders.ts';

/** Synchronous, so that what was said before the kill has arrived. */
const say = (line: string) => writeSync(1, `${line}\n`);

const [folder, ...numbers] = process.argv.slice(2);
const [size = 0, killAtWrite, killDelayMs] = numbers.map(Number);
/** Sent between two acknowledgements. */
const BATCH_BYTES = 2 * MIB;

/** Small contents are those of the tests; a large one repeats a MiB, not to be held in memory here. */
const isLarge = size > 64 * MIB;
const pattern = bytesOf(isLarge ? MIB : size);

function* bytesFrom(from: number, to: number): Generator<Uint8Array> {
  for (let at = from; at < to; at += 65_536) {
    const end = Math.min(at + 65_536, to);
    if (!isLarge) yield pattern.subarray(at, end);
    else yield pattern.subarray(at % MIB, (at % MIB) + end - at);
  }
}

async function* stream(from: number, to: number): AsyncGenerator<Uint8Array> {
  yield* bytesFrom(from, to);
}

let writes = 0;
const store = await ContentStore.open({
  directory: folder!,
  quotaBytes: 2 ** 40,
  clock: { nowMs: () => 0 },
  freeBytes: async () => 2 ** 40,
  diskHook: (step) => {
    if (step === 'write-group' && ++writes === killAtWrite) {
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), killDelayMs);
    }
  },
});
const content = describeContent(bytesFrom(0, size));
let { received } = granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
const batch = isLarge ? size : BATCH_BYTES;
while (received < size) {
  const source = stream(received, Math.min(received + batch, size));
  ({ received } = granted(await store.append(content.contentId, received, source)));
  say(`acknowledged ${received}`);
}
granted(await store.finish(content.contentId));
say(`resident ${Math.round((peakKib() * 1024) / 1e6)}`);
await store.close();

/** Peak of the resident set. `maxRSS` would also count the parent's on Linux, as it was at the start. */
function peakKib(): number {
  const { maxRSS } = process.resourceUsage();
  if (process.platform !== 'linux') return maxRSS;
  return Number(
    /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? maxRSS,
  );
}
