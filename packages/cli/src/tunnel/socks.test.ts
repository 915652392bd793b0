/** The SOCKS side of a tunnel: what programs may say, and what they are told. */
import { connect as dial, type Socket } from 'node:net';
import { PalisadeError } from '@palisade/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { REPLY, SocksGreeting, type Step } from './socks-protocol.ts';
import { type SocksOptions, startSocks } from './socks-server.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const HELLO = [5, 1, 0];
const nameRequest = (name: string, port: number) => [
  ...[5, 1, 0, 3, name.length],
  ...Buffer.from(name),
  ...[port >> 8, port & 255],
];

/** Everything that a greeting answers to bytes that come in these pieces. */
function talk(pieces: readonly (readonly number[])[], check?: (u: string, p: string) => boolean) {
  const greeting = new SocksGreeting(check);
  const steps: Step[] = [];
  for (const piece of pieces) {
    let step = greeting.take(Uint8Array.from(piece));
    while (step) {
      steps.push(step);
      if (step.kind !== 'say') return { steps, rest: [...greeting.rest] };
      step = greeting.take(new Uint8Array(0));
    }
  }
  return { steps, rest: [...greeting.rest] };
}
const last = (steps: readonly Step[]) => steps.at(-1);
const codes = (steps: readonly Step[]) =>
  steps.map((step) => (step.kind === 'connect' ? 'connect' : [...step.answer].slice(0, 2)));

describe('what a SOCKS client says', () => {
  it('[ACCESS] names, IPv4 and IPv6 addresses are understood, however the bytes are cut', () => {
    const wishes = [
      { bytes: nameRequest('example.org', 443), host: 'example.org', port: 443 },
      { bytes: [5, 1, 0, 1, 192, 0, 2, 7, 0, 22], host: '192.0.2.7', port: 22 },
      {
        bytes: [5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 1, 0x1f, 0x90],
        host: '2001:db8:0:0:0:0:0:1',
        port: 8080,
      },
    ];
    fc.assert(
      fc.property(fc.constantFrom(...wishes), fc.array(fc.nat(9)), ({ bytes, ...to }, cuts) => {
        const all = [...HELLO, ...bytes, 1, 2, 3];
        const pieces: number[][] = [];
        let at = 0;
        for (const cut of [...cuts, all.length]) {
          pieces.push(all.slice(at, at + cut));
          at += cut;
        }
        const { steps } = talk(pieces);
        expect(steps[0]).toEqual({ kind: 'say', answer: Uint8Array.of(5, 0) });
        expect(last(steps)).toEqual({ kind: 'connect', ...to });
      }),
    );
    expect(talk([[...HELLO, ...nameRequest('a', 1), 9, 9]]).rest).toEqual([9, 9]);
  });

  it('[ACCESS] a password is asked for where one was set, and must be the right one', () => {
    const check = (user: string, password: string) => user === 'me' && password === 'secret';
    const words = (password: string) => [
      ...[1, 2, ...Buffer.from('me'), password.length, ...Buffer.from(password)],
    ];
    const asks = [5, 2, 0, 2];
    const good = talk([asks, words('secret'), nameRequest('a.example', 1)], check);
    expect(codes(good.steps)).toEqual([[5, 2], [1, 0], 'connect']);
    expect(codes(talk([asks, words('wrong')], check).steps)).toEqual([
      [5, 2],
      [1, 1],
    ]);
    expect(codes(talk([HELLO], check).steps)).toEqual([[5, 0xff]]);
    expect(codes(talk([[5, 1, 2]]).steps)).toEqual([[5, 0xff]]);
  });

  it('[ACCESS] binding, datagrams and other addresses are refused in their own words', () => {
    const answer = (bytes: readonly number[]) => codes(talk([HELLO, bytes]).steps).at(-1);
    expect(answer([5, 2, 0, 1])).toEqual([5, REPLY.noSuchCommand]);
    expect(answer([5, 3, 0, 1])).toEqual([5, REPLY.noSuchCommand]);
    expect(answer([5, 1, 0, 9, 1])).toEqual([5, REPLY.noSuchAddress]);
    expect(answer(nameRequest('a\nb', 1))).toEqual([5, REPLY.noSuchAddress]);
    expect(answer([5, 1, 0, 3, 0, 0, 80])).toEqual([5, REPLY.noSuchAddress]);
    expect(talk([[4, 1, 0, 80]]).steps).toEqual([{ kind: 'end', answer: new Uint8Array(0) }]);
  });

  it('[ACCESS] whatever is said, it ends in a step or waits for few bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(255), { maxLength: 300 }), { maxLength: 6 }),
        (pieces) => {
          const { steps, rest } = talk(pieces);
          if (last(steps)?.kind === undefined || last(steps)?.kind === 'say')
            expect(rest.length).toBeLessThanOrEqual(513);
        },
      ),
    );
  });
});

/** A server whose connections end as the test says. */
async function start(connect: SocksOptions['connect'], more: Partial<SocksOptions> = {}) {
  const server = await startSocks({ port: 0, connect, ...more });
  cleanups.push(() => server.stop());
  return server;
}

function say(port: number, bytes: readonly number[]): Promise<number[]> {
  return new Promise((resolve) => {
    const socket: Socket = dial(port, '127.0.0.1');
    const heard: number[] = [];
    socket.on('data', (part) => heard.push(...part));
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
    cleanups.push(() => socket.destroy());
    socket.write(Uint8Array.from(bytes));
  });
}

describe('the SOCKS server', () => {
  it.each([
    ['access/not-allowed', REPLY.notAllowed],
    ['access/no-such-host', REPLY.hostUnreachable],
    ['access/refused', REPLY.refused],
    ['access/timeout', REPLY.timedOut],
    ['access/too-many-streams', REPLY.failed],
  ])('[ACCESS] says %s in its own words', async (code, expected) => {
    const refused: string[] = [];
    const { port } = await start(() => Promise.reject(new PalisadeError({ code, message: 'no' })), {
      onRefused: (where) => void refused.push(where),
    });
    const heard = await say(port, [...HELLO, ...nameRequest('example.org', 443)]);
    expect(heard.slice(0, 4)).toEqual([5, 0, 5, expected]);
    expect(refused).toEqual(['example.org:443']);
  });

  it('[ACCESS] listens on the loopback only, and says when a port is taken', async () => {
    const server = await start(() => Promise.reject(new Error('nobody asks')));
    expect(server.host).toBe('127.0.0.1');
    await expect(
      startSocks({ port: server.port, connect: () => Promise.reject() }),
    ).rejects.toThrow(/No SOCKS server can listen/);
  });

  it('[ACCESS] lets whoever says nonsense go', async () => {
    const { port } = await start(() => Promise.reject(new Error('nobody asks')));
    expect(await say(port, [...Buffer.from('GET / HTTP/1.1\r\n\r\n')])).toEqual([]);
  });
});
