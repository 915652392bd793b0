/** Storage power from a sealed sector to a seat, in a whole network that does it all by itself. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ChainEvent, checkDraw } from '@palisade/client';
import { accountSigner, fromHex, PalisadeError, toHex } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import { knock, POPULATION } from '@palisade/devnet';
import { validatorAddress } from '@palisade/formats';
import { seatsQuery, verifyDraw } from '@palisade/power';
import {
  type Claim,
  claimQuery,
  collatorQuery,
  DEVELOPMENT_SECTORS_PARAMS,
  drawQuery,
  snapshotQuery,
} from '@palisade/power/schema';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BundledThread, bundleRunThread } from '../../packages/partner/test/run-thread.ts';
import { type StoryNetwork, storyNetwork } from './story-network.ts';

const TIMING = { blockTimeMs: 125, sessionMs: 5000, guardMs: 15 };
const SECTORS = 2;
const MIB = BigInt(DEVELOPMENT_SECTORS_PARAMS.sectorBytes);
const ALL = MIB * BigInt(SECTORS * POPULATION.partners);

let thread: BundledThread;
let story: StoryNetwork;
beforeAll(async () => {
  thread = await bundleRunThread('miner/seal-thread');
  story = await storyNetwork(TIMING, { sectors: SECTORS, sealThread: thread.url });
}, 60_000);
afterAll(async () => {
  await story?.close();
  await thread?.remove();
});

type Fields = Readonly<Record<string, string | number>>;
const fieldsOf = (event: ChainEvent) => event.data as Fields;

/** The first event of a name that is as wished. */
async function heard(name: string, wished: (fields: Fields) => boolean = () => true, from = 0n) {
  const signal = AbortSignal.timeout(60_000);
  for await (const event of story.chain.events({ topics: [name], from, signal }))
    if (event.name === name && wished(fieldsOf(event))) return event;
  throw new Error(`${name} did not come`);
}

async function sessionOf(height: bigint): Promise<bigint> {
  let { number, startHeight } = await story.chain.session();
  while (startHeight > height) ({ number, startHeight } = await story.chain.session(number - 1n));
  return number;
}

const snapshotOf = async (session: bigint) =>
  (await story.chain.find(snapshotQuery, { session, after: new Uint8Array(32) }))!.lines;
const claimOf = async (miner: Uint8Array): Promise<Claim> =>
  (await story.chain.find(claimQuery, { miner }))!.claim;
const accountOf = (partner: number) =>
  accountSigner(story.devnet.network.partners[partner]!.accountSecret).id;

async function ask(action: string, params: Record<string, string>): Promise<void> {
  const answer = knock(story.root, action, params);
  while (!(await answer.next()).done);
}

it('[P5] [P6] [P8] [P9] partners seal, prove and lend by themselves; the seats of the session after next are drawn by it', async () => {
  const { chain } = story;
  const lent = await sessionOf((await heard('power.delegated')).height);
  const taken = await heard(
    'power.seats-taken',
    ({ session }) => Number(session) >= Number(lent) + 2,
  );
  const session = BigInt(fieldsOf(taken).session!);
  expect(session).toBeLessThanOrEqual(5n);

  const read = await snapshotOf(lent + 1n);
  expect(read.some(({ line }) => line.power > 0n)).toBe(true);
  const { seats } = (await chain.find(seatsQuery, { session }))!;
  const drawn = seats.seatings.filter(({ snapshot }) => snapshot === session - 1n);
  expect(drawn).toHaveLength(3);
  const known = ed25519.publicKey(story.devnet.network.validators[0]!.nodeSecret);
  for (const { nodeKey } of drawn) expect(toHex(nodeKey)).not.toBe(toHex(known));

  // They sign its blocks, and one of them proposes.
  await expect
    .poll(
      async () => {
        const { height } = await chain.status();
        const response = await fetch(`${story.devnet.urls[0]}/v1/blocks/${height}`);
        const { proposer } = (await response.json()) as { proposer: string };
        return drawn.some(({ nodeKey }) => proposer === toHex(validatorAddress(nodeKey)));
      },
      { timeout: 5000, interval: 50 },
    )
    .toBe(true);

  // Anybody can repeat the draw; who changes a row is found out.
  const report = await checkDraw(chain, session - 1n);
  expect(report.places.slice(0, 3).map(({ id }) => toHex(id))).toEqual(
    drawn.map(({ nodeKey }) => toHex(nodeKey)),
  );
  const { draw } = (await chain.find(drawQuery, { session: session - 1n }))!;
  const { head, root, rows, seed } = report;
  const { genesisHash } = await chain.domain();
  const raised = rows.map((row) => ({ ...row, line: { ...row.line, power: row.line.power * 9n } }));
  const occasion = { genesisHash, session: session - 1n, seed };
  const claim = { occasion, head, root, winners: draw.winners };
  expect(verifyDraw({ ...claim, lines: raised })).toMatchObject({ code: 'power/wrong-snapshot' });
  await expect(checkDraw(chain, session + 40n)).rejects.toBeInstanceOf(PalisadeError);
}, 60_000);

it('[P4] [P10] a partner that lost a sector loses its power, its collators their share, and the next draw knows', async () => {
  const { chain, root } = story;
  // Everything is proven and lent, and the running session's snapshot says so.
  await expect
    .poll(
      async () => {
        const lines = await snapshotOf((await chain.session()).number);
        return lines.reduce((sum, { line }) => sum + line.power, 0n);
      },
      { timeout: 30_000, interval: 300 },
    )
    .toBe(ALL);
  const miner = accountOf(0);
  const before = await claimOf(miner);
  expect(before.raw).toBe(2n * MIB);
  const lines = await snapshotOf((await chain.session()).number);

  const { height } = await chain.status();
  const sectors = join(root, 'partner-1', 'sectors');
  const [first] = (await readdir(sectors)).filter((name) => /^\d+$/.test(name)).sort();
  await rm(join(sectors, first!, 'sealed'));
  const lost = await heard(
    'power.changed',
    ({ miner: of, after, before: was }) => of === toHex(miner) && BigInt(after!) < BigInt(was!),
    height,
  );
  expect(fieldsOf(lost)).toMatchObject({
    ...{ before: `${2n * MIB}`, after: `${MIB}` },
    ...{ lentBefore: `${2n * MIB}`, lentAfter: `${MIB}` },
  });
  const after = await claimOf(miner);
  expect(after.entries).toEqual(
    before.entries.map((entry) => ({ ...entry, amount: entry.amount / 2n })),
  );

  const { number } = await chain.session();
  await ask('warp', { ms: `${TIMING.sessionMs}` });
  const shares = new Map(after.entries.map(({ collator, amount }) => [toHex(collator), amount]));
  const next = await snapshotOf(number + 1n);
  for (const { nodeKey, line } of next) {
    const was = lines.find((one) => toHex(one.nodeKey) === toHex(nodeKey))!.line.power;
    expect(line.power, toHex(nodeKey)).toBe(was - (shares.get(toHex(nodeKey)) ?? 0n));
  }
  await heard('power.seats-drawn', ({ session }) => BigInt(session!) === number + 1n);
  const report = await checkDraw(chain, number + 1n);
  expect(report.totalPower).toBe(ALL - MIB);
  for (const [collator, amount] of shares) {
    const view = (await chain.find(collatorQuery, { nodeKey: fromHex(collator) }))!;
    expect(view.snapshot.power, `${amount}`).toBe(2n * MIB - amount);
  }
}, 60_000);
