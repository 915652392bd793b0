/** What a command line has around it; tests put their own in its place. */
import { createInterface } from 'node:readline';
import { type Readable, Writable } from 'node:stream';
import type { Environment } from '@palisade/client';
import { usageError } from './print-error.ts';

export type World = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Rejects with `EPIPE` once nobody reads any more (`palisade events | head`). */
  stdout(data: string | Uint8Array): Promise<void>;
  stderr(text: string): void;
  /** Whether a person is there to be asked. */
  readonly isTerminal: boolean;
  readonly hasColor: boolean;
  readonly columns: number;
  /** Asks for a line; a hidden one is not shown while it is typed. */
  ask(question: string, hidden?: boolean): Promise<string>;
  /** All of standard input, at most so many bytes. */
  stdin(maxBytes: number): Promise<Uint8Array>;
  nowMs(): number;
  /** What talks to the network, where it is not this process itself. */
  readonly environment?: Partial<Environment>;
  /** Room on the disk of a folder, bytes, where it is not the disk itself that says so. */
  readonly freeBytes?: (folder: string) => Promise<number>;
};

const DEFAULT_COLUMNS = 100;

/** The world of this process. */
export function processWorld(): World {
  const { env, stdin, stdout, stderr } = process;
  // The error comes to whoever writes as well; without a listener it would end the process by itself.
  stdout.on('error', () => undefined);
  const noColor = env.NO_COLOR !== undefined && env.NO_COLOR !== '';
  return {
    env,
    stdout: (data) =>
      new Promise((resolve, reject) => {
        stdout.write(data, (error) => (error ? reject(error) : resolve()));
      }),
    stderr: (text) => void stderr.write(text),
    isTerminal: stdin.isTTY === true && stderr.isTTY === true,
    hasColor: !noColor && (stdout.isTTY === true || env.FORCE_COLOR === '1'),
    columns: stdout.columns ?? stderr.columns ?? DEFAULT_COLUMNS,
    ask: (question, hidden) => askOn(stdin, stderr, question, hidden),
    stdin: readStdin,
    nowMs: () => Date.now(),
  };
}

/** Asks on a terminal; the end of the input counts as an empty answer. */
export function askOn(
  input: Readable,
  output: { write(data: string | Uint8Array): unknown },
  question: string,
  hidden = false,
): Promise<string> {
  // What is typed goes to this stream, which shows it or does not; the question goes around it.
  const echo = new Writable({
    write(chunk: Uint8Array, _, done) {
      if (!hidden) output.write(chunk);
      done();
    },
  });
  // First, because it is what keeps the terminal itself from showing what is typed.
  const lines = createInterface({ input, output: echo, terminal: true });
  output.write(question);
  return new Promise((resolve, reject) => {
    // Closing tells its listeners at once: the answer is settled before.
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
    });
    lines.once('SIGINT', () => {
      reject(usageError('You stopped at a question.'));
      lines.close();
    });
    lines.once('close', () => {
      if (hidden) output.write('\n');
      resolve('');
    });
  });
}

async function readStdin(maxBytes: number): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of process.stdin) {
    size += (part as Buffer).length;
    if (size > maxBytes) throw new Error(`standard input has more than ${maxBytes} bytes`);
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}
