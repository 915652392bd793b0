/**
 * The whole network in one process, which kills itself at its point. Arguments: data folder, and the
 * point as JSON. It appends to `said.jsonl` what it is about to promise, before the bytes leave.
 */
import { appendFileSync } from 'node:fs';
import { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { createLogger, logSection, runDaemon } from '@palisade/daemon';
import { startDevnet } from '@palisade/devnet';
import type { Point } from './points.ts';
import { TIMING } from './timing.ts';

/** Something that this network promised: a transaction, or that a partner holds a content. */
export type Said =
  | { readonly kind: 'acknowledged'; readonly id: string }
  | { readonly kind: 'complete'; readonly port: number; readonly job: string };

const [root = '', json = 'null'] = process.argv.slice(2);
const point = JSON.parse(json) as Point | null;

/** Steps of the moment's kind until it is there. */
let left = point && 'count' in point ? point.count : 0;
/** Blocks count from here on. */
let isArmed = false;

/** A folder or file of one content in a partner's store, and not of the store as a whole. */
const OF_A_CONTENT = /\/(uploads|contents|trash)\/[0-9a-f]/;

/** SIGKILL takes effect before the call returns: nothing after it runs, no file is closed. */
function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

function note(said: Said): void {
  appendFileSync(join(root, 'said.jsonl'), `${JSON.stringify(said)}\n`);
}

function isGood(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Every answer of every daemon of this process begins here, when its work is done. */
function watchAnswers(): void {
  const { writeHead, write, end } = ServerResponse.prototype;
  const written = new WeakMap<ServerResponse, unknown[]>();
  const pattern = new RegExp(point?.kind === 'reply' ? point.path : '^$');
  const begin = function (this: ServerResponse, ...args: unknown[]) {
    const { method, url = '' } = this.req;
    if (point?.kind === 'reply' && method === point.method && pattern.test(url))
      if (isGood(Number(args[0])) && --left === 0) die();
    return Reflect.apply(writeHead, this, args);
  };
  const proceed = function (this: ServerResponse, ...args: unknown[]) {
    if (isNoted(this)) written.set(this, [...(written.get(this) ?? []), args[0]]);
    return Reflect.apply(write, this, args);
  };
  const finish = function (this: ServerResponse, ...args: unknown[]) {
    if (isNoted(this)) noteAnswer(this, [...(written.get(this) ?? []), args[0]]);
    return Reflect.apply(end, this, args);
  };
  Object.assign(ServerResponse.prototype, { writeHead: begin, write: proceed, end: finish });
}

function isNoted({ req, statusCode }: ServerResponse): boolean {
  const path = req.url ?? '';
  const isSubmission = req.method === 'POST' && path === '/v1/transactions';
  return isGood(statusCode) && (isSubmission || path.startsWith('/v1/agreements'));
}

function noteAnswer({ req, socket }: ServerResponse, parts: readonly unknown[]): void {
  const bytes = parts.flatMap((part) =>
    typeof part === 'string' || part instanceof Uint8Array ? [Buffer.from(part as string)] : [],
  );
  const answer = JSON.parse(Buffer.concat(bytes).toString()) as { id: string; state: string };
  const [, job] = /^\/v1\/agreements\/(0x[0-9a-f]+)/.exec(req.url ?? '') ?? [];
  if (req.url === '/v1/transactions') note({ kind: 'acknowledged', id: answer.id });
  if (job && answer.state === 'complete')
    note({ kind: 'complete', port: socket?.localPort ?? 0, job });
}

watchAnswers();
// Whoever kills it may die first; then nobody would.
process.stdin.on('close', die).on('data', () => {
  isArmed = true;
});
const settings = logSection.parse({ stdout: false, file: join(root, 'log', 'devnet.log') });
await runDaemon(
  'devnet',
  async (context) => {
    const devnet = await startDevnet(context, {
      root,
      timing: TIMING,
      seed: 'crash',
      processes: false,
      logLevel: 'info',
      faults(fault) {
        if (isArmed && point?.kind === 'engine' && fault === point.fault && --left === 0) die();
      },
      diskHook(step, path) {
        if (point?.kind !== 'disk' || step !== point.step || !OF_A_CONTENT.test(path)) return;
        if (--left !== 0) return;
        if (point.during) setImmediate(die);
        else die();
      },
    });
    process.stdout.write(`ready ${devnet.urls.join(' ')}\n`);
    return devnet;
  },
  { log: createLogger(settings, { name: 'devnet' }), dataDir: root },
);
