/** A theft from the child chain, attempted with nothing but the contracts, and defeated by a watcher. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runExample, tell, until } from '../../scripts/example-kit.mjs';

/** A process of its own that knows a node of Ethereum, a contract, a key, and nothing of Palisade. */
const THIEF = fileURLToPath(new URL('../../packages/watcher/test/thief.mjs', import.meta.url));
const FRIEND = '0x7605f485e542bd304b0f379f68e7014063c66d06';
const ETHER = 10n ** 18n;

async function post(url, body) {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json();
}

async function tour({ network, palisade }) {
  const { rootChain, watcher, contracts } = network.childChain;
  const vault = async () => {
    const params = [contracts.ethVault, 'latest'];
    const body = { jsonrpc: '2.0', id: 1, method: 'eth_getBalance', params };
    return BigInt((await post(rootChain, body)).result);
  };
  await until(
    () => palisade(['watch', 'status']).catch(() => ({})),
    ({ synced }) => synced === true,
  );
  const { position: coin } = await palisade(['deposit', '2']);
  tell(2, `output ${coin} holds a deposit of 2 ether`);

  // Before she spends it, the thief keeps what proves that it was hers.
  const { data: proof } = await post(`${watcher}/utxo.get_exit_data`, { utxo_pos: Number(coin) });
  const paid = await palisade(['pay', FRIEND, '0.5']);
  const owned = (who = []) => palisade(['utxos', ...who]);
  await until(
    () => owned([FRIEND]),
    ({ outputs }) => outputs.length === 1,
  );
  tell(
    3,
    `child block ${paid.blknum} has a payment of 0.5 ether out of it; its root is on Ethereum`,
  );

  const {
    outputs: [rest],
  } = await owned();
  await palisade(['exit', 'start', rest.position]);
  tell(4, `an honest exit of output ${rest.position}, the rest, has begun`);

  const theft = {
    ...{ url: rootChain, exitGame: contracts.exitGame, secret: network.client.secret },
    ...{ utxoPos: coin, rlpOutputTx: proof.txbytes, outputTxInclusionProof: proof.proof },
  };
  await promisify(execFile)(process.execPath, [THIEF, JSON.stringify(theft)]);
  tell(5, `a thief exits with output ${coin}, which is spent: the contracts believe it`);

  const shown = (position) => palisade(['exit', 'show', position]);
  // Watchers take turns, lest they pay for the same challenge: time is moved until this one's comes.
  await until(
    () => palisade(['dev', 'warp', '5s']).then(() => shown(coin)),
    ({ state }) => state === 'challenged',
  );
  const { challenger, danger } = await until(
    () => palisade(['watch', 'status']),
    (status) => status.challenger.won === '1',
  );
  tell(6, `the watcher has challenged it, and keeps the bond: ${challenger.net} wei ahead`);
  assert.ok(BigInt(challenger.net) > 0n);
  assert.ok(['OK', 'WATCH'].includes(danger.level));
  assert.equal((await shown(rest.position)).state, 'open');

  const before = await vault();
  await palisade(['dev', 'warp', '3m']);
  assert.equal((await palisade(['exit', 'process'])).processed, '2');
  assert.equal(before - (await vault()), BigInt(rest.amount));
  assert.ok((await vault()) >= ETHER / 2n);
  tell(7, `three minutes later the honest exit is paid, and the other one gets nothing`);
}

await runExample(tour, ['--exit-period', '60s'], { rootChain: true });
