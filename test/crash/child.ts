/** A process that may be killed, and speaks in lines. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export class Child {
  /** Signal or code with which the last process ended; undefined while one runs. */
  ended: NodeJS.Signals | number | undefined;
  /** What it wrote to its standard error. */
  readonly errors: string[] = [];
  readonly #program: string;
  #process: ChildProcess | undefined;
  #closed: Promise<void> = Promise.resolve();

  /** `program` is a bundle beside this one. */
  constructor(program: string) {
    this.#program = fileURLToPath(new URL(program, import.meta.url));
  }

  start(args: readonly string[], onLine: (line: string) => void): void {
    const all = ['--enable-source-maps', this.#program, ...args];
    const child = spawn(process.execPath, all, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process = child;
    this.ended = undefined;
    child.stdin!.on('error', () => {}); // it may be gone already; its end tells
    child.stderr!.on('data', (data: Buffer) => this.errors.push(data.toString()));
    createInterface({ input: child.stdout! }).on('line', onLine);
    this.#closed = once(child, 'close').then(([code, signal]) => {
      this.ended = (signal ?? code) as NodeJS.Signals | number;
    });
  }

  say(line: string): void {
    this.#process?.stdin?.write(`${line}\n`);
  }

  /** Nothing happens where none runs. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#process?.kill(signal);
  }

  /** Resolves when the process is gone. */
  gone(): Promise<void> {
    return this.#closed;
  }
}
