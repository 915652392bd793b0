/**
 * Runs a piece of TypeScript as a process of its own. Node 20 does not run TypeScript, so the
 * piece is bundled, with everything it imports, into a temporary file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

export type Child = {
  readonly pid: number;
  /** Parsed log lines so far. */
  lines(): readonly Record<string, unknown>[];
  /** Waits for a line with this message; fails when the process ends without it. */
  saw(message: string): Promise<Record<string, unknown>>;
  kill(signal: NodeJS.Signals): void;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
};

export type Script = { run(...args: readonly string[]): Child; remove(): void };

/** Bundles `source`, whose imports are resolved from the folder `from`. */
export async function bundleScript(source: string, from: string): Promise<Script> {
  const dir = mkdtempSync(join(tmpdir(), 'palisade-child-'));
  const outfile = join(dir, 'script.mjs');
  await build({
    stdin: { contents: source, resolveDir: from, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['node'],
    // pino is CommonJS and calls `require` for Node's own modules.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
  });
  const children: ChildProcess[] = [];
  return {
    run: (...args) => {
      const child = spawn(process.execPath, [outfile, ...args], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      return watch(child);
    },
    remove: () => {
      for (const child of children) child.kill('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function watch(child: ChildProcess): Child {
  let text = '';
  const listeners = new Set<() => void>();
  const notify = () => listeners.forEach((listener) => void listener());
  child.stdout!.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    notify();
  });
  const lines = () =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  let over = false;
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('close', (code, signal) => {
      over = true;
      resolve(code ?? signal!);
      notify();
    });
  });
  const saw = (message: string) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const look = () => {
        const found = lines().find((line) => line.msg === message);
        if (found) resolve(found);
        else if (over) reject(new Error(`ended without saying '${message}':\n${text}`));
        else return;
        listeners.delete(look);
      };
      listeners.add(look);
      look();
    });
  return { pid: child.pid!, lines, saw, kill: (signal) => void child.kill(signal), ended };
}
