/** Joins a running network as a partner: keys, money, settings, a job, its audits, its pay. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runExample, tell, until } from '../../scripts/example-kit.mjs';

const SETTINGS = fileURLToPath(new URL('./partner.toml', import.meta.url));
/** What the client pays at most per MiB and session, in PAL: the other partners ask more. */
const MAX_PRICE = '0.0000005';

const countOf = (history, name) =>
  history.filter((event) => event.name === `market.${name}`).length;

await runExample(async ({ network, home, palisade, start }) => {
  const newcomer = join(home, 'newcomer');
  const env = {
    ...process.env,
    PALISADE_HOME: newcomer,
    PALISADE_URL: network.validators[0],
    PALISADE_PASSPHRASE: 'a passphrase of an example',
  };
  const own = (args) => palisade(args, env);
  const { address } = await own(['keys', 'new', 'owner']);
  const { publicKey: nodeKey } = await own(['keys', 'new', 'machine', '--node']);
  tell(2, `an account ${address} and a machine key ${nodeKey.slice(0, 10)}…`);

  await own(['faucet', address]);
  const before = await until(
    () => own(['balance', address]),
    ({ free }) => BigInt(free) > 0n,
  );
  tell(3, `the account has ${before.free} base units, for its bond and fees`);

  await mkdir(newcomer, { recursive: true });
  const config = join(newcomer, 'partner.toml');
  await copyFile(SETTINGS, config);
  const daemon = start(['partner', '--config', config], {
    ...process.env,
    PALISADE_NODE_VALIDATORS: network.validators.join(','),
    PALISADE_NODE_DATA_DIR: join(newcomer, 'partner'),
    PALISADE_NODE_KEYSTORE: join(newcomer, 'keys'),
    PALISADE_NODE_PASSPHRASE: env.PALISADE_PASSPHRASE,
  });
  const isOurs = (one) => one.nodeKey === nodeKey;
  const { partners } = await until(
    () => own(['partners']),
    (answer) => answer.partners.some((one) => isOurs(one) && one.accepting),
  );
  tell(4, `it is ready, one of ${partners.length} partners, and its bond is posted`);

  const file = join(home, 'data');
  await writeFile(file, randomBytes(100_000));
  const wish = ['--replicas', '1', '--max-price', MAX_PRICE, '--for', '1m', '--yes'];
  const { job, partners: chosen } = await palisade(['put', file, ...wish]);
  assert.deepEqual(
    chosen.map(({ partner }) => partner),
    [nodeKey],
  );
  tell(5, `a client stored a file with it: job ${job}`);

  const { history } = await until(
    () => own(['job', job]),
    (answer) => countOf(answer.history, 'partner-paid') > 0,
  );
  assert.ok(countOf(history, 'audit-answered') > 0);
  const { data: paid } = history.find(({ name }) => name === 'market.partner-paid');
  assert.equal(paid.partner, nodeKey);
  const { rows } = await own(['payout', paid.session]);
  assert.equal(rows.find((row) => row.job === job).amount, paid.amount);
  tell(6, `session ${paid.session} asked for a proof, got it, and paid ${paid.amount} base units`);

  const { score, bond } = await own(['standing', nodeKey]);
  assert.ok(BigInt(bond) > 0n);
  tell(7, `its score is ${score} of 1000, ${bond} base units of bond answer for it`);

  assert.equal(await daemon.stop(), 0);
  const rest = await own(['partners']);
  assert.ok(!rest.partners.some(isOurs));
  tell(8, 'it signed off, and nobody is sent to it any more');
});
