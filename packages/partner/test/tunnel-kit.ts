/** A partner's tunnel door alone, clients for it, and places for tunnels to lead to. */
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, createServer as createTcp, type Socket } from 'node:net';
import {
  type ByteSocket,
  environment,
  openTunnel,
  type Payer,
  pump,
  TUNNEL_PATH,
  TUNNEL_PROTOCOL,
  type Tunnel,
} from '@palisade/client';
import { accountSigner, nodeSigner, refuse, signingDomain, toHex } from '@palisade/core';
import { createMetrics, silentLogger } from '@palisade/daemon';
import { FairClock } from '../../client/test/fair-clock.ts';
import type { AccessAgreement } from '../src/access/agreement.ts';
import type { Outside } from '../src/access/dial.ts';
import { realOutside } from '../src/access/dial.ts';
import { AccessDoor } from '../src/access/door.ts';
import { type AccessTerms, accessSection } from '../src/config.ts';
import { partnerMetrics } from '../src/metrics.ts';
import { done, refused } from '../src/storage/outcome.ts';

/** Both ends of every tunnel are in this process. */
const clock = new FairClock();

export type Cleanup = () => Promise<void> | void;

export const DOMAIN = signingDomain(new Uint8Array(32).fill(7));
const secret = (byte: number) => new Uint8Array(32).fill(byte);
export const CLIENT = accountSigner(secret(1));
export const STRANGER = accountSigner(secret(2));
export const PARTNER = nodeSigner(secret(3));
export const JOB = new Uint8Array(32).fill(9);

/** Vouchers of these tests: the units in eight bytes, signed by nobody. */
const voucherFor = (units: bigint) => new Uint8Array(new BigUint64Array([units]).buffer);
const unitsOf = (voucher: Uint8Array) => new BigUint64Array(voucher.slice().buffer)[0]!;

/** The partner's books: one job, and the best voucher that came. */
export function testAgreement(limit = 1n << 40n) {
  const agreement = {
    client: CLIENT.id,
    units: 0n,
    limit,
    lastSession: 9n,
    async takeVoucher(envelope: Uint8Array) {
      if (envelope.length !== 8) return refused(refuse('access/bad-voucher', 'It is none.'));
      const units = unitsOf(envelope);
      if (units > agreement.units) agreement.units = units;
      return done(agreement.units);
    },
  };
  return agreement;
}

export type TestPayer = Payer & { units: bigint; voucher: Uint8Array; isAway: boolean };

/** The client's purse; `isAway` leaves it asked and silent. */
export function testPayer(limit = 1n << 40n): TestPayer {
  const payer: TestPayer = {
    units: 0n,
    limit,
    voucher: new Uint8Array(0),
    isAway: false,
    async pay(units) {
      while (payer.isAway) await new Promise((resolve) => setTimeout(resolve, 5));
      payer.units = units;
      payer.voucher = voucherFor(units);
      return payer.voucher;
    },
  };
  return payer;
}

export type Door = {
  readonly url: string;
  readonly agreement: AccessAgreement & { units: bigint };
  readonly access: AccessDoor;
};

export async function startDoor(
  cleanups: Cleanup[],
  terms: Partial<AccessTerms>,
  { agreement = testAgreement(), outside = {} as Partial<Outside> } = {},
): Promise<Door> {
  const access = new AccessDoor({
    terms: accessSection.parse(terms),
    partner: PARTNER.id,
    chain: () => ({
      domain: DOMAIN,
      agreements: {
        find: async (job) =>
          toHex(job) === toHex(JOB)
            ? done(agreement)
            : refused(refuse('market/no-such-job', 'There is no such job.')),
      },
    }),
    nowMs: () => clock.nowMs(),
    log: silentLogger,
    metrics: createMetrics(partnerMetrics, { process: false }),
    outside: { ...realOutside, ...outside },
  });
  const server = createServer();
  server.on('upgrade', (incoming, socket, head) => access.enter(incoming, socket as Socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    access.stop();
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, agreement, access };
}

/** A connection that the partner has turned into a tunnel. */
export function upgrade(url: string, cleanups: Cleanup[]): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: TUNNEL_PROTOCOL };
    const asked = request(`${url}${TUNNEL_PATH}`, { headers, agent: false });
    asked.on('upgrade', (_, socket, head) => {
      socket.on('error', () => {});
      if (head.length > 0) socket.unshift(head);
      cleanups.push(() => void socket.destroy());
      resolve(socket as Socket);
    });
    asked.on('response', ({ statusCode }) => reject(new Error(`status ${statusCode}`)));
    asked.on('error', reject);
    asked.end();
  });
}

export async function openTestTunnel(
  { url }: Pick<Door, 'url'>,
  cleanups: Cleanup[],
  {
    payer = testPayer() as Payer,
    signer = CLIENT,
    job = JOB,
    wrap = (socket: Socket) => socket as ByteSocket,
  } = {},
): Promise<Tunnel> {
  const socket = await upgrade(url, cleanups);
  const tunnel = await openTunnel(wrap(socket), {
    env: environment(clock.environment),
    domain: DOMAIN,
    signer,
    job,
    partner: PARTNER.id,
    payer,
  });
  cleanups.push(() => tunnel.close({ code: 'test/over', message: 'over' }));
  return tunnel;
}

/** A place on this machine; `serve` is what it does with a connection. */
export async function startPlace(
  cleanups: Cleanup[],
  serve: (socket: Socket) => void,
): Promise<number> {
  const open = new Set<Socket>();
  const server = createTcp({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** An ordinary socket whose other end is a stream of the tunnel. */
export async function through(
  tunnel: Tunnel,
  cleanups: Cleanup[],
  port: number,
  host = '127.0.0.1',
): Promise<Socket> {
  const stream = await tunnel.connect(host, port);
  const near = createTcp({ allowHalfOpen: true, pauseOnConnect: true });
  await new Promise<void>((resolve) => near.listen(0, '127.0.0.1', resolve));
  const arrived = new Promise<Socket>((resolve) => near.once('connection', resolve));
  const socket = connect({
    port: (near.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  socket.on('error', () => {});
  cleanups.push(() => void socket.destroy());
  const inner = await arrived;
  near.close();
  pump(inner, stream);
  return socket;
}

/** All that a socket still has to say. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const LOOK_MS = 20;

/** Waits for something that is on its way. */
export async function until(isReached: () => boolean, ms = 60_000): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end; ) {
    if (isReached()) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`It did not come to this within ${ms} ms: ${isReached}`);
}
