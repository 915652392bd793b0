/**
 * One tunnel from the beginning to the receipt: a SOCKS server here, a partner there, and between
 * them a connection that is made again when it breaks. What was signed is kept in a file, written
 * before every voucher leaves.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AccessJob,
  type MarketClient,
  openTunnel,
  type Reason,
  type Tunnel,
  type TunnelStream,
  type TunnelTotals,
  type UsagePayer,
} from '@palisade/client';
import { PalisadeError, type Signer } from '@palisade/core';
import { dialPartner } from './dial-partner.ts';

/** Pauses before a broken connection is made again, ms: half a minute in all, then it is given up. */
const RETRY_MS = [500, 1000, 2000, 4000, 8000, 16_000] as const;
/** Ends after which a tunnel is opened again: nobody meant them. */
const ACCIDENTS: ReadonlySet<string> = new Set(['access/connection', 'partner/stopping']);

export type TunnelRunOptions = {
  readonly market: MarketClient;
  readonly signer: Signer;
  readonly job: AccessJob;
  readonly payer: UsagePayer;
  /** Hears of everything that a person should know. */
  readonly say: (text: string) => void;
};

export class TunnelRun {
  readonly #options: TunnelRunOptions;
  #tunnel: Tunnel | undefined;
  /** Of tunnels before this one, bytes. */
  #earlier = { sent: 0, received: 0 };

  constructor(options: TunnelRunOptions) {
    this.#options = options;
  }

  /** @throws PalisadeError with the reason that either side gave */
  async open(): Promise<void> {
    const { market, signer, job, payer } = this.#options;
    const { chain } = market;
    const domain = await chain.domain();
    const socket = await dialPartner(job.url);
    socket.setNoDelay(true);
    const { env } = chain.context;
    const { job: id, partner } = job;
    const tunnel = await openTunnel(socket, { env, domain, signer, job: id, partner, payer });
    if (this.#tunnel) {
      const { sent, received } = this.totals;
      this.#earlier = { sent, received };
    }
    this.#tunnel = tunnel;
  }

  /** Keeps the tunnel open; resolves with the reason when it is over for good. */
  async keep(): Promise<Reason> {
    for (;;) {
      const reason = await this.#tunnel!.over();
      if (!ACCIDENTS.has(reason.code)) return reason;
      this.#options.say(`${reason.message} The tunnel is opened again.`);
      const failure = await this.#again();
      if (failure) return failure;
    }
  }

  async #again(): Promise<Reason | undefined> {
    let last: PalisadeError | undefined;
    for (const pauseMs of RETRY_MS) {
      await sleep(pauseMs);
      try {
        await this.open();
        return undefined;
      } catch (error) {
        if (!(error instanceof PalisadeError)) throw error;
        last = error;
      }
    }
    return last;
  }

  async connect(host: string, port: number): Promise<TunnelStream> {
    return this.#tunnel!.connect(host, port);
  }

  /** Bytes of this run; units and what is paid of the whole job. */
  get totals(): TunnelTotals {
    const now = this.#tunnel!.totals;
    const { sent, received } = this.#earlier;
    return { ...now, sent: sent + now.sent, received: received + now.received };
  }

  /** Ends all connections and pays for all of it. */
  async finish(): Promise<void> {
    await this.#tunnel!.finish();
  }
}
