/** What a hostile client of a tunnel can do: nothing but end it. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { type Frame, FrameReader, frame, TUNNEL_VERSION } from '@palisade/client';
import { signEnvelope } from '@palisade/core';
import { tunnelOpen } from '@palisade/market/schema';
import { afterEach, describe, expect, it } from 'vitest';
import { WINDOW } from '../src/access/session.ts';
import {
  CLIENT,
  type Cleanup,
  DOMAIN,
  type Door,
  JOB,
  openTestTunnel,
  PARTNER,
  startDoor,
  startPlace,
  testPayer,
  through,
  until,
  upgrade,
} from './tunnel-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const KIB = 1024;

/** A client that says what it wants. */
class Raw {
  readonly socket: Socket;
  readonly heard: Frame[] = [];
  isClosed = false;
  readonly #reader = new FrameReader();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      for (const one of this.#reader.read(bytes))
        this.heard.push({ ...one, body: structuredClone(one.body) } as Frame);
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  static async enter({ url }: Door): Promise<Raw> {
    const raw = new Raw(await upgrade(url, cleanups));
    await raw.until('hello');
    return raw;
  }

  /** Lets itself in, as the job's client. */
  static async open(door: Door, nonce?: Uint8Array, partner = PARTNER.id): Promise<Raw> {
    const raw = await Raw.enter(door);
    const { body } = raw.heard[0] as Extract<Frame, { name: 'hello' }>;
    const value = { job: JOB, partner, nonce: nonce ?? body.nonce };
    const message = await signEnvelope(tunnelOpen, value, DOMAIN, CLIENT);
    raw.send(frame('open', { message, voucher: new Uint8Array(0) }));
    return raw;
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  async until<N extends Frame['name']>(name: N, stream = 0) {
    const find = () => this.heard.find((one) => one.name === name && one.stream === stream);
    await until(() => find() !== undefined);
    return find() as Extract<Frame, { name: N }>;
  }

  /** Why the partner hung up. */
  async closedWith(): Promise<string> {
    const { body } = await this.until('close');
    await until(() => this.isClosed);
    return body.code;
  }
}

/** A data frame as a liar writes it. */
function data(stream: number, length: number): Uint8Array {
  const bytes = new Uint8Array(7 + length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  view.setUint32(1, stream);
  view.setUint16(5, length);
  return bytes;
}

const sink = (socket: Socket) => void socket.resume();

async function openDoor(terms = {}, serve: (socket: Socket) => void = sink) {
  const port = await startPlace(cleanups, serve);
  const door = await startDoor(cleanups, { allow: [`127.0.0.1:${port}`], ...terms });
  return { port, door };
}

describe('a hostile client', () => {
  it('[ACCESS] does not get in with an old nonce, or what was signed for another partner', async () => {
    const { door } = await openDoor();
    expect(await (await Raw.open(door, new Uint8Array(32))).closedWith()).toBe('access/not-for-us');
    const other = await Raw.open(door, undefined, new Uint8Array(32).fill(5));
    expect(await other.closedWith()).toBe('access/not-for-us');
    const raw = await Raw.enter(door);
    raw.send(frame('open', { message: randomBytes(300), voucher: new Uint8Array(0) }));
    expect(await raw.closedWith()).toBe('envelope/malformed');
    expect(door.access.tunnels).toBe(0);
  });

  it('[ACCESS] is not heard before it is in', async () => {
    const { door, port } = await openDoor();
    for (const early of [
      frame('connect', { host: '127.0.0.1', port }, 1),
      frame('voucher', { sent: 0n, received: 0n, voucher: new Uint8Array(8) }),
      data(1, 10),
      frame('hello', { version: TUNNEL_VERSION, partner: PARTNER.id, nonce: JOB }),
    ]) {
      const raw = await Raw.enter(door);
      raw.send(early);
      expect(await raw.closedWith()).toBe('access/bad-frame');
    }
  });

  it('[ACCESS] does not hold a place for long without a word', async () => {
    const { door } = await openDoor();
    const silent: Socket[] = [];
    for (let i = 0; i < 32; i++) silent.push(await upgrade(door.url, cleanups));
    await expect(upgrade(door.url, cleanups)).rejects.toThrow('status 503');
    for (const socket of silent) socket.destroy();
    await until(() => true);
    await Raw.open(door);
    await until(() => door.access.tunnels === 1);
  });

  it('[ACCESS] reaches only what the list names, in whatever spelling it asks', async () => {
    let visitors = 0;
    const secret = await startPlace(cleanups, (socket) => {
      visitors++;
      socket.destroy();
    });
    const { door } = await openDoor({ connectsPerSecond: 1000 });
    const raw = await Raw.open(door);
    await raw.until('opened');
    const hosts = [
      ...['127.0.0.1', '127.1', '2130706433', '0x7f.0.0.1', '017700000001', '::1', '[::1]'],
      ...['::ffff:127.0.0.1', '::ffff:7f00:1', 'localhost', 'LOCALHOST.', '0.0.0.0', '0', '::'],
    ];
    for (const [i, host] of hosts.entries()) {
      raw.send(frame('connect', { host, port: secret }, i + 1));
      expect((await raw.until('reset', i + 1)).body.code, host).toBe('access/not-allowed');
    }
    expect(visitors).toBe(0);
  });

  it('[ACCESS] gains nothing by names that answer otherwise the second time', async () => {
    const port = await startPlace(cleanups, sink);
    let asked = 0;
    const connected: string[] = [];
    const outside = {
      resolve: async () => [asked++ === 0 ? '93.184.215.14' : '127.0.0.1'],
      connect: (address: string) => {
        connected.push(address);
        throw new Error('the test goes nowhere');
      },
    };
    const door = await startDoor(cleanups, { allow: [`evil.example:${port}`] }, { outside });
    const raw = await Raw.open(door);
    await raw.until('opened');
    raw.send(frame('connect', { host: 'evil.example', port }, 1));
    await raw.until('reset', 1);
    raw.send(frame('connect', { host: 'evil.example', port }, 2));
    expect((await raw.until('reset', 2)).body.code).toBe('access/not-allowed');
    expect(connected).toEqual(['93.184.215.14']);
  });

  it('[ACCESS] cannot ask for more connections than there are, at once or a second', async () => {
    const { door, port } = await openDoor({ maxStreams: 3, connectsPerSecond: 6 });
    const raw = await Raw.open(door);
    await raw.until('opened');
    for (let i = 1; i <= 12; i++) raw.send(frame('connect', { host: '127.0.0.1', port }, i));
    await raw.until('reset', 12);
    await raw.until('connected', 3);
    const codes = raw.heard.flatMap((one) => (one.name === 'reset' ? [one.body.code] : []));
    const of = (code: string) => codes.filter((one) => one === code).length;
    expect([of('access/too-many-streams'), of('access/too-fast')]).toEqual([3, 6]);
  });

  it('[ACCESS] that sends more than it has credit for is cut off', async () => {
    const { door, port } = await openDoor({}, (socket) => void socket.pause());
    const raw = await Raw.open(door);
    const { window } = (await raw.until('opened')).body;
    raw.send(frame('connect', { host: '127.0.0.1', port }, 1));
    await raw.until('connected', 1);
    // Held up by an interval that is over, or by a reader that is slow: the window is the bound.
    for (let sent = 0; sent <= 64 * window && !raw.isClosed; sent += 16 * KIB)
      raw.send(data(1, 16 * KIB));
    expect(await raw.closedWith()).toBe('access/too-much');
  });

  it('[ACCESS] that lies about its counts, or gives credit for nothing, is cut off', async () => {
    const { door, port } = await openDoor();
    const attempt = async (bytes: Uint8Array) => {
      const raw = await Raw.open(door);
      await raw.until('opened');
      raw.send(frame('connect', { host: '127.0.0.1', port }, 1));
      await raw.until('connected', 1);
      raw.send(data(1, 100));
      raw.send(bytes);
      return raw.closedWith();
    };
    const voucher = new Uint8Array(8);
    expect(await attempt(frame('voucher', { sent: 99n, received: 0n, voucher }))).toBe(
      'access/counts-differ',
    );
    expect(await attempt(frame('voucher', { sent: 100n, received: 1n, voucher }))).toBe(
      'access/counts-differ',
    );
    expect(await attempt(frame('voucher', { sent: 100n, received: 0n, voucher: JOB }))).toBe(
      'access/voucher',
    );
    expect(await attempt(frame('credit', { bytes: 1 }, 1))).toBe('access/too-much');
    expect(await attempt(frame('connect', { host: 'a.example', port: 1 }, 1))).toBe(
      'access/bad-stream',
    );
    expect(await attempt(data(7, 1))).toBe('access/bad-stream');
    expect(await attempt(Uint8Array.of(0, 0, 0, 0, 0, 0, 0))).toBe('access/bad-frame');
    expect(await attempt(frame('finished', { sent: 0n }))).toBe('access/bad-frame');
  });

  it('[ACCESS] that never pays gets one interval, however often it comes back', async () => {
    let arrived = 0;
    const voucherBytes = 64 * KIB;
    const { door, port } = await openDoor({ voucherBytes }, (socket) =>
      socket.on('data', (bytes) => {
        arrived += bytes.length;
      }),
    );
    for (let turn = 0; turn < 4; turn++) {
      const raw = await Raw.open(door);
      await raw.until('opened');
      raw.send(frame('connect', { host: '127.0.0.1', port }, 1));
      await raw.until('connected', 1);
      for (let i = 0; i < 8; i++) raw.send(data(1, 16 * KIB));
      await raw.until('stopped');
      raw.socket.destroy();
      await until(() => door.access.tunnels === 0);
    }
    // One interval, and of every visit the frame that went past it.
    expect(arrived).toBeLessThanOrEqual(voucherBytes + 4 * 16 * KIB);
  });

  it('[ACCESS] that never pays for what it reads gets one interval, however much credit it gives', async () => {
    const voucherBytes = 64 * KIB;
    // Looks at the clock alone would come too late.
    const terms = { voucherBytes, voucherMs: 60_000 };
    const { door, port } = await openDoor(terms, (socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(Buffer.alloc(64 * KIB)));
      };
      socket.on('drain', more);
      more();
    });
    const raw = await Raw.open(door);
    await raw.until('opened');
    raw.send(frame('connect', { host: '127.0.0.1', port }, 1));
    let read = 0;
    raw.socket.on('data', () => {
      const arrived = raw.heard.reduce(
        (sum, one) => sum + (one.name === 'data' ? one.body.length : 0),
        0,
      );
      if (arrived > read) raw.send(frame('credit', { bytes: arrived - read }, 1));
      read = arrived;
    });
    await raw.until('stopped');
    expect(read).toBeLessThanOrEqual(voucherBytes + WINDOW);
  });

  it('[ACCESS] that sends garbage disturbs nobody else', async () => {
    const { door, port } = await openDoor({}, (socket) => void socket.pipe(socket));
    const tunnel = await openTestTunnel(door, cleanups, { payer: testPayer() });
    const good = await through(tunnel, cleanups, port);
    for (let i = 0; i < 20; i++) {
      const raw = new Raw(await upgrade(door.url, cleanups));
      raw.send(randomBytes(1 + i * 50));
      if (i % 2 === 0) raw.socket.end();
    }
    const answer = new Promise<Buffer>((resolve) => good.once('data', resolve));
    good.write('still here');
    expect(`${await answer}`).toBe('still here');
  });

  it('[ACCESS] idle connections and half-open ones are closed in time', async () => {
    let closed = 0;
    const { door, port } = await openDoor({ idleMs: 1000, voucherMs: 500 }, (socket) => {
      socket.resume();
      socket.on('end', () => socket.end());
      socket.on('close', () => {
        closed++;
      });
    });
    const tunnel = await openTestTunnel(door, cleanups);
    const socket = await through(tunnel, cleanups, port);
    socket.write('one word');
    await until(() => closed === 1);
    await until(() => tunnel.totals.streams === 0);
  });
});
