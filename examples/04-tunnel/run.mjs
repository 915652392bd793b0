/** Reaches a server through a partner's tunnel, pays by the byte, and is kept from everything else. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { bundle, install, PROGRAM } from '../../scripts/setup.mjs';

/** What is fetched through the tunnel: two intervals of vouchers, so that money moves on the way. */
const PAGE = randomBytes(9 * 2 ** 20);
/** Time that a whole session with its payout may take on a busy machine, ms. */
const PATIENCE_MS = 45_000;

install();
await bundle();
const home = await mkdtemp(join(tmpdir(), 'palisade-example-'));
const env = { ...process.env, PALISADE_HOME: home };

function tell(step, text) {
  console.log(`${step}. ${text}`);
}

/** Starts `palisade`; `next` reads its next JSON answer. */
function start(args) {
  const child = spawn(process.execPath, [PROGRAM, ...args, '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => {
    for (let text = ''; ; ) {
      const { value, done } = await answers.next();
      if (done) throw new Error(`palisade ${args[0]} ended early: ${text}`);
      text += value;
      if (value === '}') return JSON.parse(text);
    }
  };
  return { child, next };
}

async function palisade(args) {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...args, '--json'], {
    env,
  });
  return JSON.parse(stdout);
}

async function stop(child) {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = await ended;
  return code;
}

/** A socket through the SOCKS server, or the number of its refusal (RFC 1928, section 6). */
async function through(socks, host, port) {
  const [address, socksPort] = socks.split(':');
  const socket = connect(Number(socksPort), address);
  const answer = async (length) => {
    for (;;) {
      const bytes = socket.read(length);
      if (bytes) return bytes;
      await once(socket, 'readable');
    }
  };
  socket.write(Uint8Array.of(5, 1, 0));
  await answer(2);
  const name = Buffer.from(host);
  socket.write(Uint8Array.of(5, 1, 0, 3, name.length, ...name, port >> 8, port & 255));
  const [, reply] = await answer(10);
  if (reply === 0) return socket;
  socket.destroy();
  return reply;
}

async function get(socks, port) {
  const socket = await through(socks, '127.0.0.1', port);
  socket.write('GET / HTTP/1.1\r\nhost: example\r\nconnection: close\r\n\r\n');
  const parts = [];
  for await (const part of socket) parts.push(part);
  const answer = Buffer.concat(parts);
  return answer.subarray(answer.indexOf('\r\n\r\n') + 4);
}

const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');
const listen = async (server) => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
};

let visitors = 0;
const wanted = createServer((_, response) => response.end(PAGE));
const secret = createServer((_, response) => {
  visitors++;
  response.end('nobody should read this');
});

async function tour(port, forbidden) {
  const { partners } = await palisade(['partners']);
  const partner = partners.find(({ utility }) => utility === 3);
  tell(1, `a network runs; partner ${partner.nodeKey.slice(0, 10)} leads to 127.0.0.1:${port}`);

  const args = ['tunnel', '--via', partner.nodeKey, '--port', '0', '--most', '64MiB', '--yes'];
  const tunnel = start(args);
  const { job, socks, error } = await tunnel.next();
  assert.equal(error, undefined);
  tell(2, `job ${job} is agreed on; SOCKS5 at ${socks}`);

  assert.equal(sha(await get(socks, port)), sha(PAGE));
  tell(3, `${PAGE.length} bytes came through, the same`);

  const NOT_ALLOWED = 2;
  const spellings = ['127.0.0.1', '127.1', '2130706433', '0x7f000001', '::1', '::ffff:127.0.0.1'];
  for (const host of [...spellings, 'localhost', '169.254.169.254', 'example.org'])
    assert.equal(await through(socks, host, forbidden), NOT_ALLOWED, host);
  assert.equal(visitors, 0);
  tell(
    4,
    `another port of the same machine is refused, however it is spelt: ${spellings.join(', ')}`,
  );

  tunnel.child.kill('SIGINT');
  const closed = await tunnel.next();
  assert.equal(closed.receipt, true);
  assert.equal(BigInt(closed.units), BigInt(closed.sent + closed.received));
  assert.ok(closed.received >= PAGE.length && closed.sequence > 1);
  tell(
    5,
    `closed: ${closed.units} bytes cost ${closed.amount} base units, in ${closed.sequence} vouchers`,
  );

  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(500)) {
    const { history } = await palisade(['job', job]);
    const paid = history.find(({ name }) => name === 'market.partner-paid');
    if (!paid) continue;
    assert.equal(paid.data.amount, closed.amount);
    const { rows } = await palisade(['payout', paid.data.session]);
    const row = rows.find((one) => one.job === job);
    assert.equal(row.amount, closed.amount);
    tell(6, `session ${paid.data.session} paid the partner ${row.amount} base units for it`);
    return;
  }
  throw new Error(`The partner was not paid within ${PATIENCE_MS} ms.`);
}

const [port, forbidden] = await Promise.all([listen(wanted), listen(secret)]);
const timing = ['--block-time', '1s', '--session', '8s'];
const network = start(['devnet', ...timing, '--allow', `127.0.0.1:${port}`]);
try {
  await network.next();
  await tour(port, forbidden);
} finally {
  await stop(network.child);
  for (const server of [wanted, secret]) server.close();
  await rm(home, { recursive: true, force: true });
}
console.log('done: everything was as it must be');
