/**
 * The streams of a tunnel, alike at both ends: how many bytes may be on their way (each side gives
 * the other credit for what was passed on), and how many were. A byte counts once for each side,
 * with its data frame: when it is sent, and when it arrives.
 */
import { PalisadeError } from '@palisade/core';
import { type Frame, MAX_FRAME_BODY, type Reason } from './frames.ts';
import type { TunnelLink } from './link.ts';

/** What whoever uses a stream does with what comes. */
export type StreamHandler = {
  /** Bytes, to be reported as `consumed` once they are passed on. */
  data(bytes: Uint8Array): void;
  /** No more will come. */
  end(): void;
  /** The other side gave it up, or the tunnel did. */
  reset(reason: Reason): void;
  /** What `send` did not take may be tried again. */
  writable(): void;
};

/** A credit is worth a frame when it is this part of the window. */
const CREDIT_PART = 4;

export type StreamsOptions = {
  readonly link: TunnelLink;
  /** Bytes that may be on their way on a stream, in each direction. */
  readonly window: number;
};

/** What a stream asks of all streams. */
type Shared = StreamsOptions & {
  isHeld: boolean;
  sent: number;
  received: number;
  forget(id: number): void;
};

export class TunnelStream {
  readonly id: number;
  /** Grows with every frame of data, so that idle ones can be told. */
  activity = 0;
  readonly #shared: Shared;
  #handler: StreamHandler | undefined;
  /** What we may still send; what the other side may. */
  #window: number;
  #room: number;
  /** Arrived and not consumed; consumed and no credit given yet. */
  #unread = 0;
  #due = 0;
  #held: (Uint8Array | 'end')[] = [];
  #hasEnded = { here: false, there: false };
  #isOver = false;

  constructor(id: number, shared: Shared) {
    this.id = id;
    this.#shared = shared;
    this.#window = shared.window;
    this.#room = shared.window;
  }

  /** Who takes what comes; what came before is kept for it. */
  attach(handler: StreamHandler): void {
    this.#handler = handler;
    this.released();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends as much as may be sent now, and answers how much that was. */
  send(bytes: Uint8Array): number {
    const { link } = this.#shared;
    let done = 0;
    while (done < bytes.length && !this.#isOver && !this.#shared.isHeld && !link.isClogged) {
      const length = Math.min(bytes.length - done, this.#window, MAX_FRAME_BODY);
      if (length === 0) break;
      this.#window -= length;
      this.#shared.sent += length;
      this.activity++;
      link.sendData(this.id, bytes.subarray(done, done + length));
      done += length;
    }
    return done;
  }

  /** No more bytes will be sent. */
  end(): void {
    if (this.#isOver || this.#hasEnded.here) return;
    this.#hasEnded.here = true;
    this.#shared.link.send('end', {}, this.id);
    this.#endIfDone();
  }

  /** Gives it up; the handler is not told. */
  reset(reason: Reason): void {
    if (this.#isOver) return;
    this.#shared.link.send('reset', reason, this.id);
    this.#drop();
  }

  /** So many bytes that came were passed on: the other side may send as many again. */
  consumed(bytes: number): void {
    if (this.#isOver) return;
    this.#unread -= bytes;
    this.#due += bytes;
    if (this.#due * CREDIT_PART >= this.#shared.window || this.#hasEnded.there) this.#credit();
    this.#endIfDone();
  }

  /** Handles a frame of this stream. @throws PalisadeError `access/too-much` */
  take(frame: Frame): void {
    if (frame.name === 'data') this.#takeData(frame.body);
    else if (frame.name === 'end') this.#takeEnd();
    else if (frame.name === 'credit') {
      this.#window += frame.body.bytes;
      if (this.#window > this.#shared.window) throw tooMuchCredit();
      this.#handler?.writable();
    } else if (frame.name === 'reset') this.abandon(frame.body);
  }

  /** Over, by the other side or with the tunnel. */
  abandon(reason: Reason): void {
    if (this.#isOver) return;
    this.#drop();
    this.#handler?.reset(reason);
  }

  /** What was held goes to the handler; what waited to be sent is asked for. */
  released(): void {
    const handler = this.#handler;
    if (!handler || this.#shared.isHeld) return;
    for (let one = this.#held.shift(); one !== undefined; one = this.#held.shift())
      this.#hand(one, handler);
    handler.writable();
  }

  writable(): void {
    this.#handler?.writable();
  }

  #takeData(bytes: Uint8Array): void {
    if (this.#hasEnded.there) throw tooMuch('data after the end of a stream');
    if (bytes.length > this.#room) throw tooMuch('more data than there was credit for');
    this.#room -= bytes.length;
    this.#unread += bytes.length;
    this.#shared.received += bytes.length;
    this.activity++;
    this.#deliver(bytes);
  }

  #takeEnd(): void {
    if (this.#hasEnded.there) throw tooMuch('two ends of a stream');
    this.#hasEnded.there = true;
    this.#credit();
    this.#deliver('end');
  }

  #deliver(one: Uint8Array | 'end'): void {
    if (this.#shared.isHeld || !this.#handler) this.#held.push(one === 'end' ? one : one.slice());
    else this.#hand(one, this.#handler);
  }

  #hand(one: Uint8Array | 'end', handler: StreamHandler): void {
    if (one !== 'end') handler.data(one);
    else {
      handler.end();
      this.#endIfDone();
    }
  }

  #credit(): void {
    if (this.#due === 0) return;
    this.#room += this.#due;
    this.#shared.link.send('credit', { bytes: this.#due }, this.id);
    this.#due = 0;
  }

  #endIfDone(): void {
    const { here, there } = this.#hasEnded;
    if (here && there && this.#unread === 0 && this.#held.length === 0) this.#drop();
  }

  #drop(): void {
    if (this.#isOver) return;
    // Whatever comes of it: these bytes have arrived, and are no longer on their way.
    this.#due += this.#unread;
    this.#unread = 0;
    this.#credit();
    this.#isOver = true;
    this.#held = [];
    this.#shared.forget(this.id);
  }
}

export class Streams {
  readonly #all = new Map<number, TunnelStream>();
  readonly #shared: Shared;
  #last = 0;
  #credited = 0;
  #turn = 0;

  constructor(options: StreamsOptions) {
    const forget = (id: number) => this.#all.delete(id);
    this.#shared = { ...options, isHeld: false, sent: 0, received: 0, forget };
  }

  /** Bytes sent and received in this tunnel, and of those sent how many surely arrived. */
  get counts(): { readonly sent: number; readonly received: number; readonly credited: number } {
    const { sent, received } = this.#shared;
    return { sent, received, credited: this.#credited };
  }

  get size(): number {
    return this.#all.size;
  }

  all(): readonly TunnelStream[] {
    return [...this.#all.values()];
  }

  find(id: number): TunnelStream | undefined {
    return this.#all.get(id);
  }

  /** A new stream of our own. */
  open(): TunnelStream {
    return this.#add(this.#last + 1);
  }

  /** A stream that the other side opens. @throws PalisadeError `access/bad-stream` */
  accept(id: number): TunnelStream {
    if (id <= this.#last) throw badStream('a number that was used before');
    return this.#add(id);
  }

  #add(id: number): TunnelStream {
    const stream = new TunnelStream(id, this.#shared);
    this.#all.set(id, stream);
    this.#last = id;
    return stream;
  }

  /** Handles a frame, if it belongs to a stream. @throws PalisadeError `access/...` */
  take(frame: Frame): boolean {
    const { name, stream: id } = frame;
    if (name !== 'data' && name !== 'credit' && name !== 'end' && name !== 'reset') return false;
    if (id === 0 || id > this.#last) throw badStream('a stream that was never opened');
    if (name === 'credit') {
      this.#credited += frame.body.bytes;
      if (frame.body.bytes === 0 || this.#credited > this.#shared.sent) throw tooMuchCredit();
    }
    const stream = this.#all.get(id);
    if (stream) stream.take(frame);
    else if (name === 'data') {
      // Sent before our reset was read: it counts, and is dropped.
      this.#shared.received += frame.body.length;
      this.#shared.link.send('credit', { bytes: frame.body.length }, id);
    }
    return true;
  }

  /** While held, nothing is sent and what arrives is kept; a window of it per stream at most. */
  hold(isHeld: boolean): void {
    if (this.#shared.isHeld === isHeld) return;
    this.#shared.isHeld = isHeld;
    if (!isHeld) for (const stream of this.all()) stream.released();
  }

  /** The connection takes more. */
  drained(): void {
    const all = this.all();
    // Each time another one is first: else the oldest would have the connection for itself.
    const first = this.#turn++ % Math.max(1, all.length);
    for (const stream of [...all.slice(first), ...all.slice(0, first)]) {
      if (this.#shared.link.isClogged) return;
      stream.writable();
    }
  }

  /** The tunnel is over, and all streams with it. */
  abandon(reason: Reason): void {
    for (const stream of this.all()) stream.abandon(reason);
  }
}

function tooMuch(what: string): PalisadeError {
  return new PalisadeError({
    code: 'access/too-much',
    message: `The other side of the tunnel sent ${what}.`,
  });
}

function tooMuchCredit(): PalisadeError {
  return tooMuch('credit for more bytes than it was sent');
}

function badStream(what: string): PalisadeError {
  return new PalisadeError({
    code: 'access/bad-stream',
    message: `The other side of the tunnel spoke of ${what}.`,
  });
}
