/**
 * One process for each data folder. A lock that can be left behind by `kill -9` and taken over by
 * several successors at once is easily taken by two of them, if taking over means deleting the old
 * file. So nobody takes anything over here: every process puts a file of its own into `lock/`,
 * named by its pid and its start time, *and then* looks for files of other living processes. Of
 * two that come at once, the later look sees both files; files of the dead mean nothing.
 *
 * Limit: processes are told apart by pid, so two containers or two machines that share a folder do
 * not see each other.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PalisadeError } from '@palisade/core';

export type DataLock = { release(): void };

/** Two that start at the same moment both step back; after pauses of different length one stays. */
const ATTEMPTS = 4;
const PAUSE_MS = 100;

/** Folders that this process holds: its own pid tells nothing about them. */
const held = new Set<string>();

/**
 * Claims a data folder, which must exist, for this process until `release`.
 * @throws PalisadeError `daemon/data-dir-in-use` naming the process that holds it, and in its data, too
 */
export async function lockDataDir(dir: string, name: string): Promise<DataLock> {
  const folder = join(resolve(dir), 'lock');
  mkdirSync(folder, { recursive: true });
  const mine = `${process.pid}-${startTime(process.pid) ?? 0}`;
  if (held.has(folder)) throw inUse(dir, folder, mine);
  held.add(folder);
  const release = () => {
    rmSync(join(folder, mine), { force: true });
    held.delete(folder);
  };
  let holder: string | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await sleep(PAUSE_MS * Math.random());
    writeFileSync(join(folder, mine), JSON.stringify({ name, since: new Date().toISOString() }));
    holder = livingHolder(folder, mine);
    if (holder === undefined) return { release };
    rmSync(join(folder, mine), { force: true });
  }
  held.delete(folder);
  throw inUse(dir, folder, holder!);
}

/** Another living process that has a file in the folder; files of dead ones are swept away. */
function livingHolder(folder: string, mine: string): string | undefined {
  let holder: string | undefined;
  for (const file of readdirSync(folder)) {
    const [, pid, started] = /^(\d+)-(\d+)$/.exec(file) ?? [];
    if (file === mine || pid === undefined) continue;
    if (isAlive(Number(pid), Number(started))) holder = file;
    else rmSync(join(folder, file), { force: true });
  }
  return holder;
}

function isAlive(pid: number, started: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    // EPERM: it lives, and belongs to somebody else.
  }
  const seen = startTime(pid);
  // Without a start time to compare we believe in life: a refusal is repairable, two writers not.
  return seen === undefined || started === 0 || seen === started;
}

/**
 * When a process began, in clock ticks since boot (proc(5), field 22), so that a pid that was given
 * to another process is not mistaken for its former owner; -1 for one that is dead and not yet
 * reaped; undefined where the system does not tell.
 */
function startTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command's name, in brackets, may hold anything; the fields that follow are plain.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? -1 : Number(fields[19]);
  } catch {
    return undefined;
  }
}

function inUse(dir: string, folder: string, holder: string): PalisadeError {
  const pid = Number(holder.split('-')[0]);
  const who = pid === process.pid ? 'this process itself' : `process ${pid}`;
  const { name, since } = contentOf(join(folder, holder));
  const called = name === undefined ? '' : ` (${name}, since ${since})`;
  return new PalisadeError({
    code: 'daemon/data-dir-in-use',
    message: `The data folder ${dir} is in use by ${who}${called}; two writers would destroy it.`,
    next: `Stop that process, or use another folder. If it is no Palisade process, delete ${join(folder, holder)}.`,
    data: { dir, pid, ...(name === undefined ? {} : { name, since: `${since}` }) },
  });
}

function contentOf(file: string): { readonly name?: string; readonly since?: string } {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {}; // it ended meanwhile, or has not written yet
  }
}
