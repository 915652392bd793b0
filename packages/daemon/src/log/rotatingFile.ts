import { closeSync, fstatSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolders } from '../files/folders.ts';
import type { LogSink } from './logger.ts';

/** How often we look whether somebody moved the file away, or whether a full disk has room again. */
const RECHECK_MS = 1000;

type OpenFile = { readonly fd: number; readonly inode: number; bytes: number };

/**
 * A file of lines that never takes more than `(keep + 1) * maxBytes`: when a line would not fit,
 * the file becomes `.1`, the former `.1` becomes `.2`, and what would become `.<keep + 1>` is gone.
 *
 * Lines are written at once, so a crash loses none. Others may rename or delete the file (logrotate
 * does): a new one is begun within a second. A disk that refuses a line never stops the process:
 * lines are counted, and the count is written when the disk accepts lines again.
 */
export function openRotatingFile({
  path,
  maxBytes,
  keep,
  now = Date.now,
}: {
  path: string;
  maxBytes: number;
  keep: number;
  /** Milliseconds; for tests. */
  now?: () => number;
}): LogSink {
  let current: OpenFile | undefined;
  let checkedAt = now();
  let lost = 0;

  const open = (): OpenFile => {
    makeFolders(dirname(path));
    const fd = openSync(path, 'a', 0o640); // logs tell much about a node: not for everyone
    const { size, ino } = fstatSync(fd);
    return { fd, inode: ino, bytes: size };
  };
  const close = () => {
    if (current) closeSync(current.fd);
    current = undefined;
  };
  const rotate = () => {
    close();
    rmSync(`${path}.${keep}`, { force: true });
    for (let i = keep - 1; i >= 1; i--) moveIfThere(`${path}.${i}`, `${path}.${i + 1}`);
    if (keep > 0) moveIfThere(path, `${path}.1`);
    else rmSync(path, { force: true });
  };
  const append = (line: string) => {
    const bytes = Buffer.from(line);
    if (bytes.length > maxBytes) throw new Error('a line must fit into a file');
    current ??= open();
    if (current.bytes + bytes.length > maxBytes) {
      rotate();
      current = open();
    }
    for (let at = 0; at < bytes.length; ) at += writeSync(current.fd, bytes, at);
    current.bytes += bytes.length;
  };
  const write = (line: string) => {
    const due = Math.abs(now() - checkedAt) >= RECHECK_MS;
    if (lost > 0 && !due) {
      lost++;
      return;
    }
    try {
      if (due) {
        checkedAt = now();
        if (current && inodeOf(path) !== current.inode) close();
      }
      if (lost > 0) append(`${JSON.stringify({ level: 'error', msg: 'log lines lost', lost })}\n`);
      lost = 0;
      append(line);
    } catch {
      lost++;
      checkedAt = now();
    }
  };
  return { write, close };
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

function moveIfThere(from: string, to: string): void {
  if (inodeOf(from) !== undefined) renameSync(from, to);
}
