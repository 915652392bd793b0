/** The way out: from a wished-for place to a connection, or the reason why there is none. */
import { lookup } from 'node:dns/promises';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type Refusal, refuse } from '@palisade/core';
import { done, type Outcome, refused } from '../storage/outcome.ts';
import type { AllowList, Resolver } from './allow-list.ts';

/** What a partner sees of the world outside; tests put their own in its place. */
export type Outside = {
  readonly resolve: Resolver;
  /** Opens a connection that may be half-closed, to an address and never to a name. */
  readonly connect: (address: string, port: number) => Socket;
  /** Addresses of this machine. */
  readonly own: () => readonly string[];
};

export const realOutside: Outside = {
  resolve: async (name) =>
    (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address),
  connect: (host, port) => connect({ host, port, allowHalfOpen: true }),
  own: () =>
    Object.values(networkInterfaces()).flatMap(
      (interfaces) => interfaces?.map(({ address }) => address.replace(/%.*$/, '')) ?? [],
    ),
};

export type DialOptions = {
  readonly allowList: AllowList;
  readonly outside: Outside;
  /** For everything together: the name, and all of its addresses. */
  readonly timeoutMs: number;
  /** The stream is over: nobody waits for the connection. */
  readonly signal: AbortSignal;
};

/** Connects to the first allowed address that answers. The socket is paused. */
export async function dial(
  { host, port }: { readonly host: string; readonly port: number },
  { allowList, outside, timeoutMs, signal }: DialOptions,
): Promise<Outcome<Socket>> {
  const life = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const judging = allowList.judge(host, port, outside.resolve, outside.own());
  const judged = await Promise.race([judging, untilAborted(life)]);
  if (!judged) return refused(timedOut());
  if (!judged.ok) return judged;
  let last: Refusal = timedOut();
  for (const address of judged.value) {
    const socket = outside.connect(address, port);
    const refusal = await settle(socket, life);
    if (!refusal) return done(socket);
    socket.destroy();
    if (life.aborted) return refused(timedOut());
    last = refusal;
  }
  return refused(last);
}

function untilAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function settle(socket: Socket, signal: AbortSignal): Promise<Refusal | undefined> {
  return new Promise((resolve) => {
    socket.pause();
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(unreachable(error.code)));
    socket.once('connect', () => resolve(undefined));
    signal.addEventListener('abort', () => resolve(timedOut()), { once: true });
    if (signal.aborted) resolve(timedOut());
  });
}

function timedOut(): Refusal {
  return refuse('access/timeout', 'That place did not answer in time.', { retry: 'later' });
}

/** No more than a connection of one's own would tell. */
function unreachable(code = 'unknown'): Refusal {
  return code === 'ECONNREFUSED'
    ? refuse('access/refused', 'Nobody listens there.', { retry: 'later' })
    : refuse('access/unreachable', `That place cannot be reached (${code}).`, { retry: 'later' });
}
