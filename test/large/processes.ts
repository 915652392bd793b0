/** Processes as Linux shows them: who they are, what they hold in memory, which files are open. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** How often memory is looked at, ms: the kernel keeps the peak, only the last moment can be missed. */
const LOOK_MS = 100;

/** Peak resident memory by process name, bytes; a name may have been several processes in turn. */
export type Peaks = Map<string, number>;

/** Watches the processes that descend from this one until it is told to stop. */
export function watchMemory(peaks: Peaks): () => void {
  const timer = setInterval(() => {
    for (const pid of descendantsOf(process.pid)) {
      const name = nameOf(pid);
      const peak = peakOf(pid);
      if (name && peak > (peaks.get(name) ?? 0)) peaks.set(name, peak);
    }
  }, LOOK_MS);
  return () => clearInterval(timer);
}

/** Reads something below /proc; undefined when the process has ended meanwhile. */
function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function descendantsOf(parent: number): number[] {
  const text = tryRead(() => readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8')) ?? '';
  const children = text.split(' ').filter(Boolean).map(Number);
  return children.flatMap((pid) => [pid, ...descendantsOf(pid)]);
}

/** The command of our program that it runs: `put`, `devnet`, `partner 2`. */
function nameOf(pid: number): string | undefined {
  const words = tryRead(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.split('\0') ?? [];
  const [command, role, number] = words.slice(
    words.findIndex((word) => word.endsWith('palisade.js')) + 1,
  );
  if (command !== 'devnet-part') return command;
  return role === 'partner' ? `partner ${number}` : role;
}

function peakOf(pid: number): number {
  const text = tryRead(() => readFileSync(`/proc/${pid}/status`, 'utf8')) ?? '';
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

/** The partner process that has a file open below a folder of that name, with its number. */
export function partnerWithOpen(
  folder: string,
): { readonly pid: number; readonly name: string } | undefined {
  for (const pid of descendantsOf(process.pid)) {
    const name = nameOf(pid);
    if (!name?.startsWith('partner ')) continue;
    for (const fd of tryRead(() => readdirSync(`/proc/${pid}/fd`)) ?? []) {
      const path = tryRead(() => readlinkSync(`/proc/${pid}/fd/${fd}`));
      if (path?.includes(`/${folder}/`)) return { pid, name };
    }
  }
  return undefined;
}
