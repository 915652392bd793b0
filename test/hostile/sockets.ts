/** What is sent on a bare socket: bytes that are no request, half ones, and many in one write. */
import { connect, type Socket } from 'node:net';
import type { Rng } from './rng.ts';

/** Time for the node to answer and hang up, ms: longer than it lets a half request last. */
const PATIENCE_MS = 30_000;

/** A connection over which everything that comes is collected. */
export type Line = { readonly socket: Socket; readonly ended: Promise<string> };

export function openLine(url: string): Line {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  // That the node hangs up while we send is what we want of it.
  socket.on('error', () => {});
  const ended = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
  return { socket, ended };
}

/** Sends bytes, waits until the node hangs up, and answers with what it said. */
export async function exchange(
  url: string,
  data: Uint8Array | string,
  leave: boolean,
): Promise<string> {
  const { socket, ended } = openLine(url);
  socket.setTimeout(PATIENCE_MS, () =>
    socket.destroy(new Error('the node neither answers nor hangs up')),
  );
  let slow = false;
  socket.on('timeout', () => {
    slow = true;
  });
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  if (leave) {
    // Goes away in the middle of a request.
    socket.write(data, () => socket.destroy());
    await ended;
    return '';
  }
  socket.write(data);
  const said = await ended;
  if (slow) throw new Error('the node neither answered nor hung up');
  return said;
}

const head = (line: string, ...fields: string[]) =>
  `${[line, 'host: x', ...fields].join('\r\n')}\r\n\r\n`;

export type SocketCase = {
  readonly kind: string;
  readonly data: Uint8Array | string;
  /** Whether we hang up without waiting for an answer. */
  readonly leave: boolean;
};

export function socketCase(rng: Rng): SocketCase {
  const wait = (kind: string, data: Uint8Array | string): SocketCase => ({
    kind,
    data,
    leave: false,
  });
  const half = (kind: string, data: Uint8Array | string): SocketCase => ({
    kind,
    data,
    leave: true,
  });
  const number = rng.between(2, 20);
  return rng.pick<() => SocketCase>([
    () => wait('no host', `GET /status HTTP/1.1\r\nconnection: close\r\n\r\n`),
    () =>
      wait(
        'odd host',
        `GET /nothing HTTP/1.1\r\nhost: ${rng.pick(['a b', '', 'x:99999999', '[', '/', 'a@b', '..'])}\r\nconnection: close\r\n\r\n`,
      ),
    () => wait('expectation', head('POST /v1/offers HTTP/1.1', 'expect: x', 'connection: close')),
    () =>
      wait(
        'upgrade',
        head('GET /nothing HTTP/1.1', 'upgrade: websocket', 'connection: upgrade, close'),
      ),
    () => wait('connect', head('CONNECT x:80 HTTP/1.1')),
    () => wait('other address', head('GET http://y/nothing HTTP/1.1', 'connection: close')),
    () => wait('star', head('PUT * HTTP/1.1', 'connection: close')),
    () =>
      wait(
        'noise',
        Buffer.concat([Buffer.from([rng.between(128, 255)]), rng.bytes(rng.between(1, 3000))]),
      ),
    () => wait('TLS hello', Buffer.from(`16030100${'a5'.repeat(rng.between(8, 300))}`, 'hex')),
    () => wait('unknown method', head(`${rng.pick(['FOO', 'get', 'G\0T', '\u00ff'])} / HTTP/1.1`)),
    () => wait('bad version', head(`GET / HTTP/${rng.pick(['9.9', '2.0', 'x', ''])}`)),
    () =>
      wait(
        'field flood',
        head('GET /status HTTP/1.1', ...Array.from({ length: 3000 }, (_, i) => `x-${i}: ${i}`)),
      ),
    () =>
      wait(
        'huge field',
        head('GET /status HTTP/1.1', `x: ${'a'.repeat(rng.between(17_000, 200_000))}`),
      ),
    () => wait('huge address', head(`GET /${'a'.repeat(rng.between(17_000, 60_000))} HTTP/1.1`)),
    () => wait('bare line feeds and nulls', `GET /\0 HTTP/1.1\nhost: x\n\n`),
    () =>
      wait(
        'two lengths',
        `${head('POST /v1/offers HTTP/1.1', 'content-length: 5', 'content-length: 6')}abcdef`,
      ),
    () =>
      wait(
        'length and chunks',
        `${head('POST /v1/offers HTTP/1.1', 'content-length: 5', 'transfer-encoding: chunked', 'connection: close')}0\r\n\r\n`,
      ),
    () =>
      wait(
        'bad chunk',
        `${head('POST /v1/offers HTTP/1.1', 'transfer-encoding: chunked', 'connection: close')}zz\r\nabc`,
      ),
    () =>
      wait(
        'negative length',
        head(
          'POST /v1/offers HTTP/1.1',
          `content-length: ${rng.pick(['-1', '1e3', '0x5', '9'.repeat(30)])}`,
        ),
      ),
    () =>
      wait(
        'many at once',
        head('GET /nothing HTTP/1.1').repeat(number) +
          head('GET /nothing HTTP/1.1', 'connection: close'),
      ),
    () => wait('a good one and noise', head('GET /nothing HTTP/1.1') + '\u0001\u0002'.repeat(20)),
    () =>
      wait(
        'unescaped address',
        head(`GET /v1/${'\u00e9\u00ff<>"'.repeat(3)} HTTP/1.1`, 'connection: close'),
      ),
    () =>
      wait(
        'chunked flood',
        `${head('POST /v1/offers HTTP/1.1', 'transfer-encoding: chunked', 'connection: close')}${`fff\r\n${'x'.repeat(4095)}\r\n`.repeat(70)}0\r\n\r\n`,
      ),
    () => half('half head', head('GET /status HTTP/1.1').slice(0, rng.between(1, 30))),
    () =>
      half(
        'half body',
        `${head('POST /v1/transactions HTTP/1.1', 'content-length: 1000')}${'x'.repeat(rng.below(900))}`,
      ),
    () => half('many and a half', `${head('GET /status HTTP/1.1').repeat(number)}GET /sta`),
    () => half('answer not read', head('GET /openapi.json HTTP/1.1').repeat(number)),
  ])();
}

/** The answers in what a connection said; undefined when it is not a row of whole answers. */
export function parseAnswers(
  said: string,
): { readonly status: number; readonly body: string }[] | undefined {
  const answers = [];
  let rest = said;
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n');
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(rest)?.[1];
    if (end < 0 || !status) return undefined;
    const fields = rest.slice(0, end).toLowerCase();
    let at = end + 4;
    let body = '';
    const length = /\r\ncontent-length: (\d+)/.exec(fields)?.[1];
    if (length !== undefined) {
      body = rest.slice(at, at + Number(length));
      if (body.length < Number(length)) return undefined;
      at += Number(length);
    } else if (fields.includes('transfer-encoding: chunked')) {
      for (;;) {
        const line = rest.indexOf('\r\n', at);
        const size = Number.parseInt(rest.slice(at, line), 16);
        if (line < 0 || Number.isNaN(size)) return undefined;
        body += rest.slice(line + 2, line + 2 + size);
        at = line + 2 + size + 2;
        if (size === 0) break;
      }
    }
    answers.push({ status: Number(status), body });
    rest = rest.slice(at);
  }
  return answers;
}
