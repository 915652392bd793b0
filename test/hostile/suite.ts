/**
 * The hostile suite: cases from a seed against a running node, in batches. After each batch the node
 * must have refused every case clearly, its state must be that of a control that saw none of them,
 * and it must answer a good request.
 */
import { balanceOf, NATIVE, send as transfer } from '@palisade/chain';
import { accountSigner, equalBytes, nodeSigner, signEnvelope, toHex } from '@palisade/core';
import { request, subscribe } from '@palisade/market';
import { EnvelopeMaker, passesOuterDecoder, sentTo } from './envelopes.ts';
import { ParameterMaker } from './parameters.ts';
import { Rng } from './rng.ts';
import { exchange, openLine, parseAnswers, socketCase } from './sockets.ts';
import { type Answer, type Sent, startTarget, type Target } from './target.ts';

/** Cases under way at once. */
const CONCURRENCY = 48;
/** Cases of a batch: then the node is looked at. */
const BATCH = 2_000;
/** Streams that are opened and dropped per batch. */
const STREAMS = 100;
/** Connections on which a request never ends; they stay open through the suite. */
const SLOW = 20;
/** A slow connection must be ended within this time, ms: ten seconds, and room for a busy machine. */
const SLOW_MS = 25_000;

export type Report = {
  readonly cases: number;
  readonly envelopes: number;
  /** Envelopes that passed the outer decoder: noise alone would try out nothing else. */
  readonly pastOuter: number;
  /** How often each kind of case got each answer. */
  readonly answers: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** What was wrong; empty when all is well. At most the first hundred. */
  readonly faults: readonly string[];
};

export type SuiteOptions = {
  readonly seed: string;
  readonly cases: number;
  readonly onBatch?: (done: number, faults: number) => void;
};

/** Faults listed at most: the first ones tell what is wrong. */
const MAX_FAULTS = 100;

class Tally {
  readonly answers = new Map<string, Map<string, number>>();
  readonly faults: string[] = [];
  cases = 0;
  envelopes = 0;
  pastOuter = 0;

  note(kind: string, answer: string): void {
    const row = this.answers.get(kind) ?? new Map<string, number>();
    this.answers.set(kind, row);
    row.set(answer, (row.get(answer) ?? 0) + 1);
  }

  fault(what: string): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push(what.slice(0, 600));
  }
}

const RETRY = new Set(['never', 'later', 'now']);

/** What is wrong with an answer that should be a refusal, or its code. */
function readRefusal({
  status,
  body,
}: Answer): { readonly code: string } | { readonly wrong: string } {
  if (status < 400 || status === 500 || status > 503) return { wrong: `status ${status}` };
  try {
    const { error } = JSON.parse(body) as { error: Record<string, unknown> };
    const { code, message, retry } = error;
    if (typeof code !== 'string' || !/^[a-z0-9-]+\/[a-z0-9-]+$/.test(code))
      return { wrong: 'no code' };
    if (typeof message !== 'string' || message.length < 5) return { wrong: 'no message' };
    if (!RETRY.has(retry as string)) return { wrong: 'no advice whether to try again' };
    if (code === 'api/internal') return { wrong: code };
    return { code };
  } catch {
    return { wrong: 'no refusal in JSON' };
  }
}

function judge(tally: Tally, kind: string, answer: Answer, what: () => string): void {
  const read = readRefusal(answer);
  tally.note(kind, `${answer.status} ${'code' in read ? read.code : `WRONG: ${read.wrong}`}`);
  if ('wrong' in read)
    tally.fault(
      `${kind}: ${read.wrong}: ${what()} -> ${answer.status} ${answer.body.slice(0, 200)}`,
    );
}

function describe({ method, path, body }: Sent): string {
  const shown = body ? ` ${toHex(body.subarray(0, 120))} (${body.length} bytes)` : '';
  return `${method} ${path.slice(0, 200)}${shown}`;
}

/** Runs `work` for each number below `count`, some at once. */
async function together(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, count) }, worker));
}

class Suite {
  private readonly target: Target;
  private readonly control: Target;
  private readonly rng: Rng;
  private readonly tally: Tally;
  private readonly envelopes: EnvelopeMaker;
  private readonly parameters: ParameterMaker;
  /** Good ones that are in blocks, to be sent again. */
  private readonly included: Sent[] = [];
  private job = '';
  private nonce = 0n;

  constructor(target: Target, control: Target, rng: Rng, tally: Tally) {
    this.target = target;
    this.control = control;
    this.rng = rng;
    this.tally = tally;
    this.envelopes = new EnvelopeMaker(rng, target);
    this.parameters = new ParameterMaker(rng, target);
  }

  /** The first blocks, with one transfer and one job in them. */
  async begin(): Promise<void> {
    await this.both((target) => target.block());
    const { network, node } = this.target;
    const client = accountSigner(network.clientSecret);
    const terms = { utility: 1, subject: new Uint8Array(32).fill(1), size: 5n, partners: 1 };
    const price = { sessions: 3, maxRate: 10n ** 15n, nonce: 0n, maxFee: 10n ** 18n };
    const body = await signEnvelope(request, { ...terms, ...price }, node.domain, client);
    const sent = { method: 'POST', path: '/v1/jobs', body };
    const [answer] = await this.both((target) => target.send(sent));
    this.job = (JSON.parse(answer.body) as { job: string }).job;
    this.included.push(sent);
    await this.goodRequest();
  }

  private async both<T>(work: (target: Target) => Promise<T>): Promise<[T, T]> {
    return [await work(this.target), await work(this.control)];
  }

  /** A transfer is taken, stands in the next block, and both nodes then have the same state. */
  async goodRequest(): Promise<void> {
    const { node, network } = this.target;
    const client = accountSigner(network.clientSecret);
    const to = new Uint8Array(20).fill(7);
    const value = {
      to,
      denom: NATIVE.denom,
      amount: 10n ** 15n,
      nonce: this.nonce++,
      maxFee: 10n ** 18n,
    };
    const body = await signEnvelope(transfer, value, node.domain, client);
    const sent = { method: 'POST', path: '/v1/transactions', body };
    for (const { status, body: said } of await this.both((target) => target.send(sent)))
      if (status !== 202) this.tally.fault(`a good transfer was answered with ${status} ${said}`);
    await this.sameState();
    const { free } = balanceOf(node.application.committed, to);
    if (free !== this.nonce * 10n ** 15n)
      this.tally.fault(`the good transfer is in no block: ${free}`);
    this.included.push(sent);
  }

  private async sameState(): Promise<void> {
    const [mine, theirs] = await this.both((target) => target.block());
    if (!equalBytes(mine, theirs)) this.tally.fault('the state is not that of the control');
  }

  private validator(): number {
    return this.rng.chance(0.8) ? 0 : this.rng.below(this.target.node.urls.length);
  }

  async batch(count: number): Promise<void> {
    await together(count, async () => {
      this.tally.cases++;
      await this.rng.weighted([
        [66, () => this.envelopeCase()],
        [28, () => this.parameterCase()],
        [4, () => this.socketCase()],
        [2, () => this.replayCase()],
      ])();
    });
    await this.streams();
    const health = await this.target.send({ method: 'GET', path: '/health' });
    if (health.status !== 200) this.tally.fault(`/health answers ${health.status}`);
    await this.sameState();
    await this.goodRequest();
  }

  private async envelopeCase(): Promise<void> {
    const { kind, data } = this.envelopes.next();
    this.tally.envelopes++;
    if (passesOuterDecoder(data)) this.tally.pastOuter++;
    await this.refusedCase(`envelope: ${kind}`, sentTo(this.rng, data));
  }

  private async parameterCase(): Promise<void> {
    const { kind, sent } = this.parameters.next();
    await this.refusedCase(`parameter: ${kind}`, sent);
  }

  private async refusedCase(kind: string, sent: Sent): Promise<void> {
    try {
      const answer = await this.target.send(sent, this.validator());
      judge(this.tally, kind, answer, () => describe(sent));
    } catch (error) {
      // A body that is too large may be refused while it is still on its way.
      const { code } = error as NodeJS.ErrnoException;
      const hungUp = code === 'EPIPE' || code === 'ECONNRESET';
      this.tally.note(kind, hungUp ? 'hung up' : 'WRONG: no answer');
      if (!hungUp || (sent.body?.length ?? 0) < 97 * 1024)
        this.tally.fault(`${kind}: ${describe(sent)} -> ${error}`);
    }
  }

  private async socketCase(): Promise<void> {
    const { kind, data, leave } = socketCase(this.rng);
    const name = `socket: ${kind}`;
    try {
      const said = await exchange(this.target.node.urls[this.validator()]!, data, leave);
      if (leave) return this.tally.note(name, 'left');
      const answers = parseAnswers(said);
      if (!answers) {
        this.tally.note(name, 'WRONG: no HTTP');
        return this.tally.fault(
          `${name}: not a row of answers: ${JSON.stringify(said.slice(0, 300))}`,
        );
      }
      if (answers.length === 0) this.tally.note(name, 'hung up');
      for (const answer of answers)
        judge(this.tally, name, answer, () => JSON.stringify(data.slice(0, 100)));
    } catch (error) {
      this.tally.fault(`${name}: ${error}`);
    }
  }

  /** What is in a block already is acknowledged again, and changes nothing. */
  private async replayCase(): Promise<void> {
    const sent = this.rng.pick(this.included);
    const { status, body } = await this.target.send(sent);
    this.tally.note('replay', `${status}`);
    if (status !== 202) this.tally.fault(`replay: ${describe(sent)} -> ${status} ${body}`);
  }

  /** Streams of all kinds, opened and dropped before or after their first bytes. */
  private async streams(): Promise<void> {
    const { node, network, nowMs } = this.target;
    const partner = nodeSigner(network.partners[1]!.nodeSecret);
    const asked = await signEnvelope(subscribe, { atMs: BigInt(nowMs()) }, node.domain, partner);
    const paths = [
      '/v1/events',
      '/v1/events?from=0',
      `/v1/jobs/${this.job}/offers`,
      `/v1/notices?subscribe=${toHex(asked)}`,
    ];
    await together(STREAMS, async () => {
      const path = this.rng.pick(paths);
      const { socket, ended } = openLine(node.urls[0]!);
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
      if (this.rng.chance(0.5))
        await new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
      socket.destroy();
      await ended;
      this.tally.note('stream opened and dropped', path.replace(/0x[0-9a-f]+/, 'ID'));
    });
  }
}

/** Connections that send a byte now and then, and never a whole request. */
function slowConnections(url: string): Promise<string>[] {
  return Array.from({ length: SLOW }, (_, i) => {
    const { socket, ended } = openLine(url);
    const request =
      i % 2 === 0
        ? 'GET /status HTTP/1.1\r\nx: '
        : 'POST /v1/offers HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\n';
    socket.write(request);
    const timer = setInterval(() => socket.write('a'), 500);
    const given = setTimeout(() => socket.destroy(new Error('never ended')), 10 * SLOW_MS);
    return ended.finally(() => {
      clearInterval(timer);
      clearTimeout(given);
    });
  });
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Runs the suite against a node of its own. */
export async function runHostile({ seed, cases, onBatch }: SuiteOptions): Promise<Report> {
  const tally = new Tally();
  const onFailure = (reason: unknown) =>
    tally.fault(`unhandled: ${(reason as Error)?.stack ?? reason}`);
  process.on('unhandledRejection', onFailure);
  const [target, control] = [await startTarget(), await startTarget()];
  try {
    const suite = new Suite(target, control, new Rng(seed), tally);
    await suite.begin();
    const slow = slowConnections(target.node.urls[0]!);
    while (tally.cases < cases) {
      await suite.batch(Math.min(BATCH, cases - tally.cases));
      onBatch?.(tally.cases, tally.faults.length);
    }
    const ends = await within(Promise.all(slow), SLOW_MS);
    if (!ends) tally.fault(`a request that never ends was not ended within ${SLOW_MS} ms`);
    for (const said of ends ?? [])
      for (const answer of parseAnswers(said) ?? [])
        judge(tally, 'slow connection', answer, () => said);
    await suite.goodRequest();
  } finally {
    await target.stop();
    await control.stop();
    process.off('unhandledRejection', onFailure);
  }
  return tally;
}
