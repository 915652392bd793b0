/** Moves lent power from one collator to another by hand, and verifies the draws before and after. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runExample, tell, until } from '../../scripts/example-kit.mjs';

const MIB = 2 ** 20;
/** Five partners keep a sector of a MiB each. */
const ALL = 5 * MIB;
const PART = 256 * 1024;

/** Keys of a development network come from a seed that everybody knows. */
const secret = createHash('sha256')
  .update('palisade/devnet/palisade/partner-1/account')
  .digest('hex');

async function tour({ home, palisade }) {
  const warp = () => palisade(['dev', 'warp', '8s']);
  const lentIn = (collators, field) => collators.reduce((sum, one) => sum + Number(field(one)), 0);

  const isLent = await until(
    async () => {
      await warp();
      return palisade(['power', 'show']);
    },
    ({ collators }) => lentIn(collators, ({ snapshot }) => snapshot.power) === ALL,
  );
  tell(2, `${ALL / MIB} MiB are sealed, proven and lent to ${isLent.collators.length} collators`);

  process.env.PALISADE_PASSPHRASE = 'an example';
  const env = { ...process.env, PALISADE_HOME: home };
  await writeFile(join(home, 'secret'), `0x${secret}`, { mode: 0o600 });
  const { address } = await palisade(
    ['keys', 'import', 'partner', '--file', join(home, 'secret')],
    env,
  );
  const lent = await palisade(['power', 'show', address]);
  const from = lent.entries[0].collator;
  const to = isLent.collators.find(({ nodeKey }) => nodeKey !== from).nodeKey;
  tell(3, `partner-1 has ${lent.raw} bytes of power; ${lent.entries.length} collators have it`);

  const key = ['--key', 'partner'];
  const first = await palisade(['power', 'undelegate', from, `${PART}B`, ...key], env);
  assert.equal(first.sent, true);
  const { number, startHeight } = (await palisade(['status'])).session;
  const session = Number(number) - (Number(startHeight) > Number(first.height) ? 1 : 0);
  await assert.rejects(palisade(['power', 'delegate', to, `${PART}B`, ...key], env), ({ stdout }) =>
    stdout.includes('power/not-enough-power'),
  );
  tell(4, `${PART} bytes are taken back; they unbond first, so nobody has them at once`);

  const weight = async (number) => {
    const { rows, valid } = await until(
      async () => {
        await warp();
        return palisade(['draw', 'verify', `${number}`]).catch(() => undefined);
      },
      (found) => found?.valid === true,
    );
    assert.ok(valid);
    return Number(rows.find(({ nodeKey }) => nodeKey === from).line.power);
  };
  const [before, after] = [await weight(session), await weight(session + 1)];
  assert.equal(after, before - PART);
  tell(
    5,
    `the draw of session ${session} goes by ${before} bytes, the next by ${after}: both verified`,
  );

  const { seats } = await palisade(['validators', '--session', `${session + 1}`]);
  const { places } = await palisade(['draw', 'verify', `${session}`]);
  const winners = places.map(({ id }) => id);
  for (const { nodeKey, snapshot } of seats)
    if (snapshot === `${session}`) assert.ok(winners.includes(nodeKey));
  tell(6, `session ${session + 1} has ${seats.length} seats: who holds them is who was drawn`);
}

await runExample(tour, ['--sectors', '1']);
