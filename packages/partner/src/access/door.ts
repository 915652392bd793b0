/**
 * Where tunnels come in: an HTTP/1.1 upgrade of the partner's own server (spec/access.md). A plain
 * upgrade and not a WebSocket: the frames of a tunnel have lengths and kinds of their own, a second
 * layer of both would only cost.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type Reason, TUNNEL_PATH, TUNNEL_PROTOCOL } from '@palisade/client';
import { type Domain, PalisadeError, toHex } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import type { AccessTerms } from '../config.ts';
import type { PartnerMetrics } from '../metrics.ts';
import type { AccessAgreements } from './agreement.ts';
import { AllowList } from './allow-list.ts';
import { type Outside, realOutside } from './dial.ts';
import { AccessSession } from './session.ts';

/** Tunnels that may be on their way in beside those that are open: each holds a socket for 10 s. */
const MAX_WAITING = 32;
/** Jobs of which is remembered what they left unpaid; the oldest is forgiven. 100 bytes each. */
const MAX_REMEMBERED = 4096;
/** How often is looked at the clock, as a part of an interval, and at least and most, ms. */
const LOOK_PART = 20;
const LOOK_MS = { least: 20, most: 1000 };

export type DoorOptions = {
  readonly terms: AccessTerms;
  readonly partner: Uint8Array;
  /** Undefined until the chain is known. */
  readonly chain: () =>
    | { readonly domain: Domain; readonly agreements: AccessAgreements }
    | undefined;
  readonly nowMs: () => number;
  readonly log: Logger;
  readonly metrics: PartnerMetrics;
  readonly outside?: Outside;
};

/** Where tunnels lead and what they carry, as `GET /v1/tunnel` says. */
export type TunnelTerms = Pick<
  AccessTerms,
  'allow' | 'voucherMs' | 'voucherBytes' | 'maxStreams' | 'connectsPerSecond'
>;

export class AccessDoor {
  readonly #options: DoorOptions;
  readonly #allowList: AllowList;
  readonly #sessions = new Set<AccessSession>();
  readonly #byJob = new Map<string, AccessSession>();
  readonly #counted = new Map<string, bigint>();
  readonly #timer: NodeJS.Timeout;
  #isStopping = false;

  /** @throws PalisadeError `partner/bad-rule` */
  constructor(options: DoorOptions) {
    this.#options = options;
    this.#allowList = new AllowList(options.terms.allow);
    const { least, most } = LOOK_MS;
    const lookMs = Math.min(most, Math.max(least, options.terms.voucherMs / LOOK_PART));
    this.#timer = setInterval(() => this.#tick(), lookMs);
    this.#timer.unref();
  }

  /** Whether tunnels are offered at all. */
  get isOpen(): boolean {
    return !this.#allowList.isEmpty;
  }

  /** What clients are told before they pay. */
  get terms(): TunnelTerms {
    const { allow, voucherMs, voucherBytes, maxStreams, connectsPerSecond } = this.#options.terms;
    return { allow, voucherMs, voucherBytes, maxStreams, connectsPerSecond };
  }

  /** Tunnels that are open. */
  get tunnels(): number {
    return this.#byJob.size;
  }

  /** Takes a request for an upgrade, and its socket in any case. */
  enter(request: IncomingMessage, socket: Socket, head: Uint8Array): void {
    socket.on('error', () => socket.destroy());
    const chain = this.#options.chain();
    const refusal = this.#whyNot(request);
    if (refusal || !chain) {
      socket.end(refusalText(refusal ?? [503, 'Service Unavailable']));
      return;
    }
    socket.setTimeout(0); // the tunnel looks after its silence itself
    socket.setNoDelay(true);
    if (head.length > 0) socket.unshift(head);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${TUNNEL_PROTOCOL}\r\n\r\n`,
    );
    const session = new AccessSession(socket, {
      ...this.#options,
      ...chain,
      allowList: this.#allowList,
      outside: this.#options.outside ?? realOutside,
      onOpen: (job, opened) => this.#opened(toHex(job), opened),
      onClosed: (closed) => this.#closed(closed),
    });
    this.#sessions.add(session);
  }

  /** Ends the tunnels whose term is over in a session. */
  endWith(session: bigint): void {
    const reason: Reason = { code: 'market/agreement-over', message: 'The term is over.' };
    for (const one of [...this.#sessions]) if (one.isOverIn(session)) one.close(reason);
  }

  /** Ends all tunnels; what they owe is remembered by nobody. */
  stop(): void {
    this.#isStopping = true;
    clearInterval(this.#timer);
    const reason: Reason = { code: 'partner/stopping', message: 'This partner is shutting down.' };
    for (const session of [...this.#sessions]) session.close(reason);
  }

  #whyNot({ url, headers }: IncomingMessage): readonly [number, string] | undefined {
    if (url !== TUNNEL_PATH || !this.isOpen) return [404, 'Not Found'];
    if (headers.upgrade?.toLowerCase() !== TUNNEL_PROTOCOL) return [426, 'Upgrade Required'];
    const isFull = this.#sessions.size - this.#byJob.size >= MAX_WAITING;
    return isFull || this.#isStopping ? [503, 'Service Unavailable'] : undefined;
  }

  #opened(job: string, session: AccessSession): bigint {
    // A client that lost its connection comes back before we have noticed that it is gone.
    const reason = { code: 'access/replaced', message: 'Another tunnel was opened for this job.' };
    const before = this.#byJob.get(job);
    const { maxTunnels } = this.#options.terms;
    if (!before && this.#byJob.size >= maxTunnels) throw full(maxTunnels);
    before?.close(reason);
    this.#byJob.set(job, session);
    this.#options.metrics.set('partner_tunnels', this.#byJob.size);
    return this.#counted.get(job) ?? 0n;
  }

  #closed(session: AccessSession): void {
    this.#sessions.delete(session);
    if (!session.job) return;
    const job = toHex(session.job);
    if (this.#byJob.get(job) === session) this.#byJob.delete(job);
    this.#options.metrics.set('partner_tunnels', this.#byJob.size);
    this.#counted.delete(job);
    this.#counted.set(job, session.counted);
    const [oldest] = this.#counted.keys();
    if (this.#counted.size > MAX_REMEMBERED && oldest) this.#counted.delete(oldest);
  }

  #tick(): void {
    const nowMs = this.#options.nowMs();
    for (const session of [...this.#sessions]) session.tick(nowMs);
  }
}

function full(limit: number): PalisadeError {
  return new PalisadeError({
    code: 'access/full',
    message: `${limit} tunnels are open here, which is the limit.`,
    retry: 'later',
  });
}

function refusalText([status, text]: readonly [number, string]): string {
  return `HTTP/1.1 ${status} ${text}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
}
