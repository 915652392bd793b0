/**
 * The client's end of a tunnel: shows whose job it is, opens streams, counts, and pays in time. The
 * partner stops after one unpaid interval; a voucher is due after a third of one, so that neither a
 * slow signature nor a slow line stops anything.
 */
import { type Domain, equalBytes, PalisadeError, type Signer, signEnvelope } from '@palisade/core';
import { tunnelOpen } from '@palisade/market/schema';
import { type Environment, follow } from '../base/environment.ts';
import { type Frame, type Reason, TUNNEL_VERSION } from './frames.ts';
import { type ByteSocket, reasonOf, TunnelLink } from './link.ts';
import { Streams, type TunnelStream } from './streams.ts';
import { broken, Waiting } from './waiting.ts';

/** Who signs the vouchers of a job, and remembers them. */
export type Payer = {
  /** Units of the last voucher; a unit is a byte. */
  readonly units: bigint;
  /** Most units that the job can pay for. */
  readonly limit: bigint;
  /** The last voucher's envelope; empty before the first. */
  readonly voucher: Uint8Array;
  /** Signs for so many units in all, and writes that down before it answers with the envelope. */
  pay(units: bigint): Promise<Uint8Array>;
};

export type TunnelOptions = {
  readonly env: Environment;
  readonly domain: Domain;
  readonly signer: Signer;
  readonly job: Uint8Array;
  /** The partner's node key. */
  readonly partner: Uint8Array;
  readonly payer: Payer;
};

export type TunnelTotals = {
  /** Bytes of this tunnel, both counted by the client. */
  readonly sent: number;
  readonly received: number;
  /** Of the job: counted in all, and paid for. */
  readonly units: bigint;
  readonly paid: bigint;
  readonly streams: number;
  /** Why the partner forwards nothing, while it does not. */
  readonly stopped: Reason | undefined;
};

/** Part of an interval after which a voucher is due. */
const DUE_PART = 3;
/** How often is looked, as a part of an interval, and at least and most, ms. */
const LOOK_PART = 20;
const LOOK_MS = { least: 20, most: 1000 };
/** For every answer of the partner that stands between us and a state, ms. */
const PATIENCE_MS = 10_000;
/** For a connection somewhere else; the partner gives up before. */
const CONNECT_MS = 60_000;

type Terms = Extract<Frame, { name: 'opened' }>['body'];
type Connecting = { done(stream: TunnelStream): void; fail(reason: Reason): void };

/**
 * Opens a tunnel on a connection that the partner has just accepted as one.
 * @throws PalisadeError with the reason that either side gave
 */
export async function openTunnel(socket: ByteSocket, options: TunnelOptions): Promise<Tunnel> {
  const tunnel = new Tunnel(socket, options);
  await tunnel.opened();
  return tunnel;
}

export class Tunnel {
  readonly #options: TunnelOptions;
  readonly #link: TunnelLink;
  readonly #life = follow();
  readonly #connecting = new Map<number, Connecting>();
  readonly #waiting: Waiting;
  #streams: Streams | undefined;
  #terms: Terms | undefined;
  /** Units of the last voucher that was signed, and of the last that the partner has taken. */
  #signed: bigint;
  #paid: bigint;
  #unpaidSinceMs: number | undefined;
  #isPaying = false;
  #stopped: Reason | undefined;
  #hasFinished = false;
  #end: Reason | undefined;

  constructor(socket: ByteSocket, options: TunnelOptions) {
    this.#options = options;
    this.#waiting = new Waiting(options.env, this.#life.signal);
    this.#signed = options.payer.units;
    this.#paid = options.payer.units;
    this.#link = new TunnelLink(socket, options.env.nowMs(), {
      onFrame: (frame) => {
        this.#take(frame);
        this.#payIfDue();
        this.#waiting.look();
      },
      onDrain: () => this.#streams?.drained(),
      onClosed: (reason) => this.#closed(reason),
    });
    void this.#look();
  }

  /** Resolves when the partner has let us in. */
  async opened(): Promise<void> {
    await this.#until('let us in', () => this.#terms !== undefined);
  }

  /** Resolves when the tunnel is over, with the reason. */
  async over(): Promise<Reason> {
    await this.#waiting.until(() => false).catch(ignore); // that is what is waited for
    return this.#end!;
  }

  get totals(): TunnelTotals {
    const { sent = 0, received = 0 } = this.#streams?.counts ?? {};
    const streams = this.#streams?.size ?? 0;
    const units = this.#units();
    return { sent, received, units, paid: this.#paid, streams, stopped: this.#stopped };
  }

  /**
   * A connection from the partner to somewhere.
   * @param host a name, or an address as text
   * @throws PalisadeError with the partner's reason: `access/not-allowed`, `access/refused`, ...
   */
  async connect(host: string, port: number): Promise<TunnelStream> {
    const streams = this.#streams;
    if (this.#end || !streams || !this.#terms)
      throw broken(this.#end ?? { code: 'access/not-open', message: 'The tunnel is not open.' });
    if (streams.size >= this.#terms.streams)
      throw broken({
        code: 'access/too-many-streams',
        message: `${streams.size} connections are open, as many as the partner carries at once.`,
      });
    const stream = streams.open();
    const { id } = stream;
    const patience = follow(this.#life.signal);
    const { env } = this.#options;
    try {
      return await new Promise<TunnelStream>((done, refuse) => {
        const fail = (reason: Reason) => refuse(broken(reason));
        this.#connecting.set(id, { done, fail });
        this.#link.send('connect', { host, port }, id);
        env.sleep(CONNECT_MS, patience.signal).then(() => {
          const reason = { code: 'access/timeout', message: 'The partner did not answer in time.' };
          stream.reset(reason);
          fail(reason);
        }, ignore);
      });
    } finally {
      this.#connecting.delete(id);
      patience.abort();
      patience.release();
    }
  }

  /** Ends all streams, pays for all of it, and closes. @throws PalisadeError when that fails */
  async finish(): Promise<void> {
    this.#link.send('finish', {});
    await this.#until('end the streams', () => this.#hasFinished);
    this.#payIfDue();
    const isSettled = () => this.#paid >= this.#owed() && !this.#isPaying;
    await this.#until('take the last voucher', isSettled);
    this.close({ code: 'access/done', message: 'The client is done.' });
  }

  close(reason: Reason): void {
    this.#link.close(reason);
  }

  /** Units that this job has come to, as we count. */
  #units(): bigint {
    if (!this.#terms || !this.#streams) return this.#signed;
    const { sent, received } = this.#streams.counts;
    return this.#terms.counted + BigInt(sent + received);
  }

  /** What the next voucher is for: no job pays more than was agreed. */
  #owed(): bigint {
    const units = this.#units();
    const { limit } = this.#options.payer;
    if (units > limit) return limit;
    return units;
  }

  #take(frame: Frame): void {
    if (frame.name === 'hello') this.#greet(frame.body);
    else if (frame.name === 'opened') this.#begin(frame.body);
    else if (!this.#streams) throw unexpected(frame.name);
    else if (this.#streams.take(frame)) this.#noteRefusal(frame);
    else if (frame.name === 'connected') this.#connected(frame.stream);
    else if (frame.name === 'accepted') this.#accepted(frame.body);
    else if (frame.name === 'stopped') this.#stopped = frame.body;
    else if (frame.name === 'resumed') this.#stopped = undefined;
    else if (frame.name === 'finished') this.#finished(frame.body.sent);
    else throw unexpected(frame.name);
  }

  #greet({ version, partner, nonce }: Extract<Frame, { name: 'hello' }>['body']): void {
    const { domain, signer, job, payer } = this.#options;
    if (version !== TUNNEL_VERSION)
      throw broken({ code: 'access/version', message: `The partner speaks version ${version}.` });
    if (!equalBytes(partner, this.#options.partner))
      throw broken({ code: 'access/other-partner', message: 'Another partner answers there.' });
    signEnvelope(tunnelOpen, { job, partner, nonce }, domain, signer).then(
      (message) => this.#link.send('open', { message, voucher: payer.voucher }),
      (error: Error) => this.close(reasonOf({ code: 'access/not-signed', message: error.message })),
    );
  }

  #begin(terms: Terms): void {
    const { payer, env } = this.#options;
    if (this.#terms) throw unexpected('opened');
    // An earlier tunnel may have broken between bytes and voucher: one interval at most.
    if (terms.counted < payer.units || terms.counted > payer.units + terms.intervalBytes)
      throw countsDiffer(
        `it begins at ${terms.counted} bytes, and we have paid for ${payer.units}`,
      );
    if (terms.limit > payer.limit)
      throw broken({ code: 'access/other-terms', message: 'The partner counts on more money.' });
    this.#terms = terms;
    this.#streams = new Streams({ link: this.#link, window: terms.window });
    if (terms.counted > payer.units) this.#unpaidSinceMs = env.nowMs();
  }

  #noteRefusal(frame: Frame): void {
    if (frame.name === 'reset') this.#connecting.get(frame.stream)?.fail(frame.body);
  }

  #connected(id: number): void {
    const stream = this.#streams!.find(id);
    if (stream) this.#connecting.get(id)?.done(stream);
  }

  #accepted({ units, sent }: Extract<Frame, { name: 'accepted' }>['body']): void {
    if (units !== this.#signed) throw countsDiffer(`it takes a voucher for ${units} bytes`);
    this.#compare(sent);
    this.#paid = units;
    this.#isPaying = false;
    this.#unpaidSinceMs = this.#owed() > units ? this.#options.env.nowMs() : undefined;
  }

  #finished(sent: bigint): void {
    this.#compare(sent);
    this.#hasFinished = true;
  }

  /** All that the partner sent before this frame has arrived before it. */
  #compare(sent: bigint): void {
    const { received } = this.#streams!.counts;
    if (sent !== BigInt(received))
      throw countsDiffer(`it says that it sent ${sent} bytes, and ${received} have come`);
  }

  #payIfDue(): void {
    const terms = this.#terms;
    if (!terms || this.#isPaying || this.#end) return;
    const unpaid = this.#owed() - this.#signed;
    if (unpaid <= 0n) return;
    const nowMs = this.#options.env.nowMs();
    this.#unpaidSinceMs ??= nowMs;
    const isDue =
      this.#hasFinished ||
      this.#stopped !== undefined ||
      unpaid * BigInt(DUE_PART) >= terms.intervalBytes ||
      (nowMs - this.#unpaidSinceMs) * DUE_PART >= terms.intervalMs;
    if (!isDue) return;
    this.#isPaying = true;
    this.#pay(this.#owed()).catch((error: Error) =>
      this.close(reasonOf({ code: 'access/not-signed', message: error.message })),
    );
  }

  async #pay(units: bigint): Promise<void> {
    const voucher = await this.#options.payer.pay(units);
    this.#signed = units;
    // The counts of this very moment: while the voucher was signed, more may have moved.
    const { sent, received } = this.#streams!.counts;
    this.#link.send('voucher', { sent: BigInt(sent), received: BigInt(received), voucher });
  }

  /** Looks at the clock now and then. */
  async #look(): Promise<void> {
    const { env } = this.#options;
    const { least, most } = LOOK_MS;
    while (!this.#end) {
      const part = (this.#terms?.intervalMs ?? 0) / LOOK_PART;
      await env.sleep(Math.min(most, Math.max(least, part)), this.#life.signal).catch(ignore);
      this.#link.tick(env.nowMs());
      this.#payIfDue();
    }
  }

  #until(what: string, isReached: () => boolean): Promise<void> {
    const message = `The partner did not ${what} in time.`;
    const isLate = () => this.close({ code: 'access/timeout', message });
    return this.#waiting.until(isReached, { patienceMs: PATIENCE_MS, isLate });
  }

  #closed(reason: Reason): void {
    this.#end = reason;
    this.#life.abort();
    for (const { fail } of [...this.#connecting.values()]) fail(reason);
    this.#streams?.abandon(reason);
    this.#waiting.end(reason);
  }
}

function ignore(): void {}

function unexpected(name: string): PalisadeError {
  return broken({ code: 'access/bad-frame', message: `The partner sent '${name}' out of turn.` });
}

function countsDiffer(what: string): PalisadeError {
  return new PalisadeError({
    code: 'access/counts-differ',
    message: `The partner counts otherwise than we do: ${what}. The last voucher stands.`,
  });
}
