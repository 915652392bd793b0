/** One end of a tunnel's connection: frames in, frames out, and whether anybody is still there. */
import { PalisadeError } from '@palisade/core';
import {
  dataFrame,
  type Frame,
  type FrameName,
  FrameReader,
  frame,
  type Reason,
} from './frames.ts';

/** What a tunnel needs of a connection; a socket of Node is one. */
export type ByteSocket = {
  /** Bytes that were written and have not left yet. */
  readonly writableLength: number;
  /** False: better wait for `drain`. */
  write(bytes: Uint8Array, written?: (error?: Error | null) => void): boolean;
  end(): unknown;
  destroy(): unknown;
  pause(): unknown;
  resume(): unknown;
  on(event: 'data', listener: (bytes: Uint8Array) => void): unknown;
  on(event: 'end' | 'drain' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
};

/** Silence after which the other side is asked for a sign of life, ms: below what routers forget. */
const PING_MS = 15_000;
/** Silence after which it is given up, ms: three signs of life are missing. */
const DEAD_MS = 45_000;
/**
 * Bytes that may wait to be sent. Data wait for `drain` at some 64 KiB; what grows beyond are
 * answers to somebody who asks and asks and does not read.
 */
const MAX_WAITING = 2 ** 20;
/** For the last frame to leave, ms. */
const CLOSE_MS = 1000;

export type LinkEvents = {
  /** A thrown `PalisadeError` closes the link with its words. */
  readonly onFrame: (frame: Frame) => void;
  /** What was held back may go on. */
  readonly onDrain: () => void;
  /** Once, whatever ended it. */
  readonly onClosed: (reason: Reason) => void;
};

export class TunnelLink {
  readonly #socket: ByteSocket;
  readonly #events: LinkEvents;
  readonly #reader = new FrameReader();
  #isClogged = false;
  #isClosed = false;
  #heardMs: number;
  #askedMs = 0;
  /** Since the last tick. */
  #hasHeard = false;

  constructor(socket: ByteSocket, nowMs: number, events: LinkEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#heardMs = nowMs;
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('drain', () => {
      this.#isClogged = false;
      if (!this.#isClosed) events.onDrain();
    });
    socket.on('end', () => this.#lost('The other side of the tunnel hung up.'));
    socket.on('error', (error) => this.#lost(`The tunnel's connection broke: ${error.message}.`));
    socket.on('close', () => this.#lost("The tunnel's connection was closed."));
  }

  /** Whether data should wait. */
  get isClogged(): boolean {
    return this.#isClogged;
  }

  send<N extends FrameName>(name: N, body: Parameters<typeof frame<N>>[1], stream = 0): void {
    this.#write(frame(name, body, stream));
  }

  sendData(stream: number, payload: Uint8Array): void {
    this.#write(dataFrame(stream, payload));
  }

  /** Ends it, with a word for the other side. */
  close(reason: Reason): void {
    if (this.#isClosed) return;
    this.#socket.write(frame('close', reason));
    this.#closed(reason);
  }

  /** To be called now and then, with the time. */
  tick(nowMs: number): void {
    if (this.#isClosed) return;
    if (this.#hasHeard) this.#heardMs = nowMs;
    this.#hasHeard = false;
    const silence = nowMs - this.#heardMs;
    if (silence > DEAD_MS) this.#lost('The other side of the tunnel is silent.');
    else if (silence > PING_MS && nowMs - this.#askedMs > PING_MS) {
      this.#askedMs = nowMs;
      this.send('ping', {});
    }
  }

  #write(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    if (!this.#socket.write(bytes)) this.#isClogged = true;
    if (this.#socket.writableLength > MAX_WAITING) {
      this.#socket.destroy();
      this.#lost('The other side of the tunnel asks much and reads nothing.');
    }
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#hasHeard = true;
    try {
      for (const one of this.#reader.read(bytes)) {
        this.#take(one);
        if (this.#isClosed) return;
      }
    } catch (error) {
      if (!(error instanceof PalisadeError)) throw error;
      this.close(reasonOf(error));
    }
  }

  #take(one: Frame): void {
    if (one.name === 'ping') this.send('pong', {});
    else if (one.name === 'close') this.#closed(one.body);
    else if (one.name !== 'pong') this.#events.onFrame(one);
  }

  #lost(message: string): void {
    if (!this.#isClosed) this.#closed(reasonOf({ code: 'access/connection', message }));
  }

  #closed(reason: Reason): void {
    this.#isClosed = true;
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_MS);
    this.#socket.on('close', () => clearTimeout(timer));
    this.#socket.end();
    // What still comes is let go, so that the last frame is not overtaken by a reset.
    this.#socket.resume();
    this.#events.onClosed(reason);
  }
}

/** As many as the frame has room for. */
const MAX_MESSAGE = 400;

/** An error or refusal as a frame carries it: what is printable of it, in ASCII. */
export function reasonOf({ code, message }: { code: string; message: string }): Reason {
  return { code, message: message.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_MESSAGE) };
}
