/** Stores a file on a network of its own, gets it back, shares it, watches it being paid, ends it. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runExample, tell, until } from '../../scripts/example-kit.mjs';

const LETTER = 'Dear reader,\n\nif you can read this, three strangers kept it for you.\n';
const COPIES = 3;

await runExample(async ({ network, home, palisade }) => {
  const letter = join(home, 'letter.txt');
  await writeFile(letter, LETTER);
  const stored = await palisade(['put', letter, '--replicas', `${COPIES}`, '--for', '1m', '--yes']);
  assert.equal(stored.stored, true);
  assert.equal(stored.partners.length, COPIES);
  const { job } = stored;
  tell(2, `stored with ${COPIES} partners, job ${job}`);

  const copy = join(home, 'copy.txt');
  await palisade(['get', job, '-o', copy]);
  assert.equal(await readFile(copy, 'utf8'), LETTER);
  tell(3, 'it came back, the same');

  const { share } = await palisade(['share', job]);
  assert.match(share, /^palisade-share:/);
  const friend = join(home, 'friend');
  const theirs = { ...process.env, PALISADE_HOME: friend, PALISADE_URL: network.validators[0] };
  const shared = join(home, 'shared.txt');
  await palisade(['get', share, '-o', shared], theirs);
  assert.equal(await readFile(shared, 'utf8'), LETTER);
  tell(4, 'somebody without our key read it with the share string');

  const isPaid = ({ history }) =>
    history.filter(({ name }) => name === 'market.partner-paid').length >= COPIES;
  const { history } = await until(() => palisade(['job', job]), isPaid);
  const names = history.map(({ name }) => name);
  for (const name of ['job-confirmed', 'agreement-started', 'audit-answered', 'partner-paid'])
    assert.ok(names.includes(`market.${name}`), `the history lacks market.${name}`);
  tell(5, `its history: ${[...new Set(names)].join(', ')}`);

  const paid = history.find(({ name }) => name === 'market.partner-paid').data;
  const payout = await palisade(['payout', paid.session]);
  const row = payout.rows.find((one) => one.job === job && one.partner === paid.partner);
  assert.equal(row.amount, paid.amount);
  tell(6, `session ${paid.session} paid ${payout.rows.length} partners ${payout.total} base units`);

  const removed = await palisade(['rm', job, '--yes']);
  assert.equal(removed.removed, true);
  await until(
    () => palisade(['ls']),
    ({ files }) => files.length === 0,
  );
  tell(7, 'the job is over, nothing is stored');
});
