/** Tunnels over real sockets: what goes through, what is counted, what is paid, what stops. */
import { createHash, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { WINDOW } from '../src/access/session.ts';
import {
  type Cleanup,
  openTestTunnel,
  readAll,
  STRANGER,
  startDoor,
  startPlace,
  testAgreement,
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
const echo = (socket: Socket) => void socket.pipe(socket);
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const codeOf = (wait: Promise<unknown>) =>
  wait.then(
    () => 'it went well',
    (error: { code?: string }) => error.code,
  );

describe('a tunnel', () => {
  it('[ACCESS] carries bytes there and back, and both sides count them alike', async () => {
    const port = await startPlace(cleanups, echo);
    const door = await startDoor(cleanups, { allow: [`127.0.0.1:${port}`], voucherMs: 500 });
    const tunnel = await openTestTunnel(door, cleanups);
    const socket = await through(tunnel, cleanups, port);
    const sent = randomBytes(3 * 2 ** 20);
    const back = readAll(socket);
    socket.end(sent);
    expect(sha(await back)).toBe(sha(sent));
    await tunnel.finish();
    const units = BigInt(2 * sent.length);
    expect(tunnel.totals).toMatchObject({ units, paid: units, streams: 0 });
    expect(door.agreement.units).toBe(units);
  });

  it('[ACCESS] whatever traffic there is, the last voucher is for the bytes of both sides', async () => {
    const port = await startPlace(cleanups, echo);
    const door = await startDoor(cleanups, { allow: [`127.0.0.1:${port}`], voucherMs: 500 });
    const payer = testPayer();
    const streams = fc.array(
      fc.record({
        chunks: fc.array(fc.integer({ min: 1, max: 90_000 }), { maxLength: 12 }),
        isCut: fc.boolean(),
      }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(streams, async (plan) => {
        const tunnel = await openTestTunnel(door, cleanups, { payer });
        const whole = plan.map(async ({ chunks, isCut }) => {
          const socket = await through(tunnel, cleanups, port);
          const back = readAll(socket).catch(() => Buffer.alloc(0));
          for (const size of chunks) socket.write(randomBytes(size));
          if (isCut) socket.destroy();
          else socket.end();
          const { length } = await back;
          if (!isCut) expect(length).toBe(chunks.reduce((sum, size) => sum + size, 0));
        });
        await Promise.all(whole);
        await tunnel.finish();
        const { units, paid } = tunnel.totals;
        expect(paid).toBe(units);
        expect(door.agreement.units).toBe(units);
      }),
      { numRuns: 12 },
    );
  });

  it('[ACCESS] half-closed connections live on, and a server may speak first', async () => {
    const port = await startPlace(cleanups, (socket) => {
      socket.write('welcome\n');
      socket.on('end', () => socket.end('and good bye\n'));
      socket.resume();
    });
    const door = await startDoor(cleanups, { allow: [`127.0.0.1:${port}`] });
    const tunnel = await openTestTunnel(door, cleanups);
    const socket = await through(tunnel, cleanups, port);
    socket.end('I am done');
    expect(`${await readAll(socket)}`).toBe('welcome\nand good bye\n');
    await until(() => tunnel.totals.streams === 0);
  });

  it('[ACCESS] the last bytes of a place that hung up wait for whoever reads slowly', async () => {
    const sent = randomBytes(WINDOW + 10 * KIB);
    let hasClosed = false;
    const port = await startPlace(cleanups, (socket) => {
      socket.on('close', () => {
        hasClosed = true;
      });
      socket.on('end', () => socket.end(sent)).resume();
    });
    const door = await startDoor(cleanups, { allow: [`127.0.0.1:${port}`] });
    const tunnel = await openTestTunnel(door, cleanups);
    const stream = await tunnel.connect('127.0.0.1', port);
    const arrived: Uint8Array[] = [];
    const length = () => arrived.reduce((sum, bytes) => sum + bytes.length, 0);
    let end = 'it has not ended';
    stream.attach({
      data: (bytes) => void arrived.push(bytes.slice()),
      end: () => {
        end = 'it has ended';
      },
      reset: ({ message }) => {
        end = message;
      },
      writable: () => {},
    });
    stream.end();
    await until(() => hasClosed && length() === WINDOW);
    stream.consumed(WINDOW);
    await until(() => end !== 'it has not ended');
    expect(end).toBe('it has ended');
    expect(sha(Buffer.concat(arrived))).toBe(sha(sent));
  });

  it('[ACCESS] a slow reader holds up the sender, and nobody else', async () => {
    let written = 0;
    const flood = await startPlace(cleanups, (socket) => {
      const more = () => {
        while (written < 64 * 2 ** 20 && socket.write(Buffer.alloc(64 * KIB))) written += 64 * KIB;
      };
      socket.on('drain', more);
      more();
    });
    const port = await startPlace(cleanups, echo);
    const allow = [`127.0.0.1:${flood}`, `127.0.0.1:${port}`];
    const door = await startDoor(cleanups, { allow });
    const tunnel = await openTestTunnel(door, cleanups);
    const slow = await through(tunnel, cleanups, flood);
    slow.pause();
    const quick = await through(tunnel, cleanups, port);
    const back = readAll(quick);
    quick.end(Buffer.alloc(300 * KIB));
    expect((await back).length).toBe(300 * KIB);
    let before = -1;
    await until(() => {
      const { received } = tunnel.totals;
      const isStill = received === before;
      before = received;
      return isStill;
    });
    // Kernel buffers take a few MiB; of the tunnel there is one window more.
    expect(tunnel.totals.received).toBeLessThan(16 * 2 ** 20);
  });
});

describe('money', () => {
  it('[ACCESS] nothing is forwarded after one unpaid interval of bytes, and again with a voucher', async () => {
    let arrived = 0;
    const port = await startPlace(cleanups, (socket) =>
      socket.on('data', (bytes) => {
        arrived += bytes.length;
      }),
    );
    const voucherBytes = 256 * KIB;
    const door = await startDoor(cleanups, { allow: [`127.0.0.1:${port}`], voucherBytes });
    const payer = testPayer();
    const tunnel = await openTestTunnel(door, cleanups, { payer });
    const socket = await through(tunnel, cleanups, port);
    payer.isAway = true;
    socket.write(Buffer.alloc(2 ** 20));
    await until(() => tunnel.totals.stopped !== undefined);
    expect(tunnel.totals.stopped?.code).toBe('access/unpaid');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(arrived).toBeLessThanOrEqual(voucherBytes + 32 * KIB);
    expect(door.agreement.units).toBe(0n);
    payer.isAway = false;
    await until(() => arrived === 2 ** 20);
    expect(tunnel.totals.stopped).toBeUndefined();
    await tunnel.finish();
    expect(door.agreement.units).toBe(BigInt(2 ** 20));
  });

  it('[ACCESS] one byte that stays unpaid for an interval stops everything, four close it', async () => {
    const port = await startPlace(cleanups, echo);
    const door = await startDoor(cleanups, { allow: [`127.0.0.1:${port}`], voucherMs: 500 });
    const payer = testPayer();
    const tunnel = await openTestTunnel(door, cleanups, { payer });
    const socket = await through(tunnel, cleanups, port);
    payer.isAway = true;
    const began = performance.now();
    socket.write('x');
    await until(() => tunnel.totals.stopped !== undefined);
    expect(performance.now() - began).toBeGreaterThan(400);
    expect((await tunnel.over()).code).toBe('access/unpaid');
    expect(performance.now() - began).toBeGreaterThan(1900);
    payer.isAway = false;
  });

  it('[ACCESS] vouchers come before the interval is over: ordinary traffic never stops', async () => {
    const port = await startPlace(cleanups, echo);
    const voucherBytes = 1024 * KIB;
    const door = await startDoor(cleanups, { allow: [`127.0.0.1:${port}`], voucherBytes });
    const tunnel = await openTestTunnel(door, cleanups);
    const socket = await through(tunnel, cleanups, port);
    let back = 0;
    socket.on('data', (bytes) => {
      back += bytes.length;
    });
    for (let i = 1; i <= 40; i++) {
      socket.write(Buffer.alloc(100 * KIB));
      await until(() => back === i * 100 * KIB);
      expect(tunnel.totals.stopped).toBeUndefined();
    }
    expect(door.agreement.units).toBeGreaterThan(BigInt(6 * voucherBytes));
  });

  it('[ACCESS] when all that was agreed on is used, it ends, and no more is signed', async () => {
    const port = await startPlace(cleanups, echo);
    const limit = 300_000n;
    const door = await startDoor(
      cleanups,
      { allow: [`127.0.0.1:${port}`], voucherMs: 500 },
      { agreement: testAgreement(limit) },
    );
    const payer = testPayer(limit);
    const tunnel = await openTestTunnel(door, cleanups, { payer });
    const socket = await through(tunnel, cleanups, port);
    socket.write(Buffer.alloc(500_000));
    await until(() => tunnel.totals.stopped?.code === 'access/spent');
    await tunnel.finish();
    expect([payer.units, door.agreement.units]).toEqual([limit, limit]);
  });

  it('[ACCESS] what a broken tunnel left unpaid is owed by the next', async () => {
    const port = await startPlace(cleanups, echo);
    const door = await startDoor(cleanups, { allow: [`127.0.0.1:${port}`] });
    const payer = testPayer();
    for (let turn = 0; turn < 3; turn++) {
      const tunnel = await openTestTunnel(door, cleanups, { payer });
      const socket = await through(tunnel, cleanups, port);
      socket.write(Buffer.alloc(1000));
      await until(() => tunnel.totals.received === 1000);
      tunnel.close({ code: 'test/cut', message: 'It breaks before a voucher.' });
      await until(() => door.access.tunnels === 0);
    }
    const last = await openTestTunnel(door, cleanups, { payer });
    expect(last.totals.units).toBe(6000n);
    await last.finish();
    expect(door.agreement.units).toBe(6000n);
  });

  it('[ACCESS] a voucher that was lost on its way is shown again', async () => {
    const port = await startPlace(cleanups, echo);
    const door = await startDoor(cleanups, { allow: [`127.0.0.1:${port}`] });
    const payer = testPayer();
    await payer.pay(5000n);
    const tunnel = await openTestTunnel(door, cleanups, { payer });
    expect(tunnel.totals).toMatchObject({ units: 5000n, paid: 5000n });
    expect(door.agreement.units).toBe(5000n);
  });

  it('[ACCESS] a partner that claims more than an interval from before gets nobody', async () => {
    const agreement = testAgreement();
    const door = await startDoor(cleanups, { allow: ['*:443'] }, { agreement });
    agreement.units = 2n ** 30n;
    expect(await codeOf(openTestTunnel(door, cleanups))).toBe('access/counts-differ');
  });
});

describe('who comes in', () => {
  it("[ACCESS] only the job's client", async () => {
    const door = await startDoor(cleanups, { allow: ['*:443'] });
    expect(await codeOf(openTestTunnel(door, cleanups, { signer: STRANGER }))).toBe(
      'market/not-the-client',
    );
    const job = new Uint8Array(32).fill(1);
    expect(await codeOf(openTestTunnel(door, cleanups, { job }))).toBe('market/no-such-job');
  });

  it('[ACCESS] nobody at all where no place is listed', async () => {
    const door = await startDoor(cleanups, {});
    await expect(upgrade(door.url, cleanups)).rejects.toThrow('status 404');
  });

  it('[ACCESS] one tunnel per job: a new one takes the place of the old', async () => {
    const door = await startDoor(cleanups, { allow: ['*:443'] });
    const first = await openTestTunnel(door, cleanups);
    await openTestTunnel(door, cleanups);
    expect((await first.over()).code).toBe('access/replaced');
    expect(door.access.tunnels).toBe(1);
  });

  it('[ACCESS] a partner that goes away ends its tunnels with a word', async () => {
    const port = await startPlace(cleanups, echo);
    const door = await startDoor(cleanups, { allow: [`127.0.0.1:${port}`] });
    const tunnel = await openTestTunnel(door, cleanups);
    const socket = await through(tunnel, cleanups, port);
    const closed = readAll(socket);
    door.access.stop();
    expect((await tunnel.over()).code).toBe('partner/stopping');
    expect((await closed).length).toBe(0);
    expect(await codeOf(tunnel.connect('127.0.0.1', port))).toBe('partner/stopping');
  });
});
