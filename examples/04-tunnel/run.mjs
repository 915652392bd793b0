/** Reaches a server through a partner's tunnel, pays by the byte, and is kept from everything else. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { runExample, tell, until } from '../../scripts/example-kit.mjs';

/** What is fetched through the tunnel: two intervals of vouchers, so that money moves on the way. */
const PAGE = randomBytes(9 * 2 ** 20);

/** Bytes that may be on their way on one connection. */
const WINDOW = 256n * 1024n;

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

const [port, forbidden] = await Promise.all([listen(wanted), listen(secret)]);

async function tour({ palisade, start }) {
  const { partners } = await palisade(['partners']);
  const partner = partners.find(({ utility }) => utility === 3);
  tell(2, `partner ${partner.nodeKey.slice(0, 10)} leads to 127.0.0.1:${port}`);

  const args = ['tunnel', '--via', partner.nodeKey, '--port', '0', '--most', '64MiB', '--yes'];
  const doomed = start([...args, '--json']);
  const first = await doomed.next();
  assert.equal(first.error, undefined);
  const { job } = first;
  tell(3, `job ${job} is agreed on; SOCKS5 at ${first.socks}`);

  assert.equal(sha(await get(first.socks, port)), sha(PAGE));
  tell(4, `${PAGE.length} bytes came through, the same`);

  await doomed.stop('SIGKILL');
  const tunnel = start([...args, '--json']);
  const { job: again, socks } = await tunnel.next();
  assert.equal(again, job);
  assert.equal(sha(await get(socks, port)), sha(PAGE));
  tell(5, 'killed and started again, it goes on with the same job, and what is paid is paid');

  const NOT_ALLOWED = 2;
  const spellings = ['127.0.0.1', '127.1', '2130706433', '0x7f000001', '::1', '::ffff:127.0.0.1'];
  for (const host of [...spellings, 'localhost', '169.254.169.254', 'example.org'])
    assert.equal(await through(socks, host, forbidden), NOT_ALLOWED, host);
  assert.equal(visitors, 0);
  const spelt = spellings.join(', ');
  tell(6, `another port of the same machine is refused, however it is spelt: ${spelt}`);

  const [closed] = await Promise.all([tunnel.next(), tunnel.stop('SIGINT')]);
  assert.equal(closed.receipt, true);
  assert.ok(closed.received >= PAGE.length && closed.sequence > 1);
  // The bytes of both; what was on its way to the killed one beyond an interval is the partner's loss.
  const pages = 2n * BigInt(PAGE.length);
  const units = BigInt(closed.units);
  assert.ok(units >= pages - WINDOW && units < pages + 10_000n, `${units} bytes for ${pages}`);
  const { amount, sequence } = closed;
  tell(7, `closed: ${units} bytes cost ${amount} base units, in ${sequence} vouchers`);

  const paid = await until(
    async () => (await palisade(['job', job])).history.find(isPayment),
    (payment) => payment !== undefined,
  );
  assert.equal(paid.data.amount, amount);
  const { rows } = await palisade(['payout', paid.data.session]);
  const row = rows.find((one) => one.job === job);
  assert.equal(row.amount, amount);
  tell(8, `session ${paid.data.session} paid the partner ${row.amount} base units for it`);
}

const isPayment = ({ name }) => name === 'market.partner-paid';

try {
  await runExample(tour, ['--allow', `127.0.0.1:${port}`]);
} finally {
  for (const server of [wanted, secret]) server.close();
}
