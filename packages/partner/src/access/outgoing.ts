/**
 * The connections of one tunnel: made where the list allows it, no faster and no more than there may
 * be, and closed when nothing moves in them.
 */
import type { Socket } from 'node:net';
import { pump, type Reason, reasonOf, type TunnelLink, type TunnelStream } from '@palisade/client';
import type { Logger } from '@palisade/daemon';
import type { AccessTerms } from '../config.ts';
import type { PartnerMetrics } from '../metrics.ts';
import type { AllowList } from './allow-list.ts';
import { dial, type Outside } from './dial.ts';

export type Place = { readonly host: string; readonly port: number };

export type OutgoingOptions = {
  readonly terms: AccessTerms;
  readonly allowList: AllowList;
  readonly outside: Outside;
  readonly nowMs: () => number;
  readonly log: Logger;
  readonly metrics: PartnerMetrics;
};

/** A connection, or one that is being made. */
type Connection = {
  readonly stream: TunnelStream;
  readonly life: AbortController;
  socket?: Socket;
  activity: number;
  sinceMs: number;
};

export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #link: TunnelLink;
  readonly #connections = new Map<number, Connection>();
  /** Connections that may be asked for now, and when this was worked out. */
  #tokens: number;
  #tokensMs: number;
  #isOver = false;

  constructor(link: TunnelLink, options: OutgoingOptions) {
    this.#link = link;
    this.#options = options;
    this.#tokens = options.terms.connectsPerSecond;
    this.#tokensMs = options.nowMs();
  }

  /** Connects a stream, or resets it with the reason. */
  connect(stream: TunnelStream, to: Place, isFinishing: boolean): void {
    const { log, metrics, nowMs } = this.#options;
    const refusal = this.#whyNot(isFinishing);
    if (refusal) {
      stream.reset(refusal);
      metrics.count('partner_tunnel_connects_total', { outcome: refusal.code });
      return;
    }
    const { id } = stream;
    const life = new AbortController();
    const connection: Connection = { stream, life, activity: 0, sinceMs: nowMs() };
    this.#connections.set(id, connection);
    this.#reach(connection, to).catch((error: Error) => {
      log.error('a connection was not made', { err: error });
      stream.reset({ code: 'api/failed', message: 'Something went wrong here.' });
      this.#connections.delete(id);
    });
  }

  /** Why no connection is made now, wherever it should lead. */
  #whyNot(isFinishing: boolean): Reason | undefined {
    const { terms, nowMs } = this.#options;
    const now = nowMs();
    const earned = ((now - this.#tokensMs) / 1000) * terms.connectsPerSecond;
    this.#tokens = Math.min(terms.connectsPerSecond, this.#tokens + earned);
    this.#tokensMs = now;
    if (this.#tokens < 1)
      return {
        code: 'access/too-fast',
        message: `More than ${terms.connectsPerSecond} connections a second were asked for.`,
      };
    this.#tokens -= 1;
    if (isFinishing) return { code: 'access/finishing', message: 'The tunnel is being closed.' };
    if (this.#connections.size >= terms.maxStreams)
      return {
        code: 'access/too-many-streams',
        message: `${terms.maxStreams} connections are open, as many as are carried at once.`,
      };
    return undefined;
  }

  async #reach(connection: Connection, to: Place): Promise<void> {
    const { allowList, outside, terms, metrics } = this.#options;
    const { stream, life } = connection;
    const { signal } = life;
    const reached = await dial(to, { allowList, outside, timeoutMs: terms.connectMs, signal });
    const outcome = reached.ok ? 'connected' : reached.refusal.code;
    metrics.count('partner_tunnel_connects_total', { outcome });
    if (!reached.ok) {
      stream.reset(reasonOf(reached.refusal));
      this.#connections.delete(stream.id);
      return;
    }
    const socket = reached.value;
    socket.on('close', () => this.#connections.delete(stream.id));
    if (stream.isOver || this.#isOver) {
      socket.destroy();
      return;
    }
    connection.socket = socket;
    this.#link.send('connected', {}, stream.id);
    pump(socket, stream);
  }

  /** Closes what is idle; while the tunnel is stopped, nothing can move, and that counts for nobody. */
  tick(nowMs: number, isStopped: boolean): void {
    for (const [id, connection] of this.#connections) {
      const { stream, socket, activity, life, sinceMs } = connection;
      if (stream.isOver && !socket) life.abort();
      if (stream.activity !== activity || isStopped) {
        connection.activity = stream.activity;
        connection.sinceMs = nowMs;
      } else if (socket && nowMs - sinceMs > this.#options.terms.idleMs) {
        stream.reset({ code: 'access/idle', message: 'Nothing was sent for too long.' });
        socket.destroy();
        this.#connections.delete(id);
      }
    }
  }

  /** The client is done: every connection ends. */
  finish(): void {
    const reason = { code: 'access/done', message: 'The client is done.' };
    for (const { stream, socket, life } of this.#connections.values()) {
      life.abort();
      stream.reset(reason);
      socket?.destroy();
    }
  }

  /** The tunnel is gone: nothing is connected any more. */
  abandon(): void {
    this.#isOver = true;
    for (const { life } of this.#connections.values()) life.abort();
  }
}
