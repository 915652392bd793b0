/** Storage power from a sealed sector to a seat, in a whole network that does it all by itself. */
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChainEvent, checkDraw } from '@palisade/client';
import { accountSigner, fromHex, PalisadeError, toHex } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import { encryptSecret, LIGHT_COST, publicKeyOf } from '@palisade/daemon';
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
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../packages/cli/src/main.ts';
import type { World } from '../../packages/cli/src/terminal/world.ts';
import { type BundledThread, bundleRunThread } from '../../packages/partner/test/run-thread.ts';
import { type StoryNetwork, storyNetwork } from './story-network.ts';

const TIMING = { blockTimeMs: 125, sessionMs: 5000, guardMs: 15 };
const SECTORS = 2;
const PASSPHRASE = 'a passphrase of the test';
const MIB = BigInt(DEVELOPMENT_SECTORS_PARAMS.sectorBytes);
const ALL = MIB * BigInt(SECTORS * POPULATION.partners);

let thread: BundledThread;
let story: StoryNetwork;
beforeAll(async () => {
  thread = await bundleRunThread('miner/seal-thread');
  story = await storyNetwork(TIMING, { sectors: SECTORS, sealThread: thread.url });
});
afterAll(async () => {
  await story?.close();
  await thread?.remove();
});

type Fields = Readonly<Record<string, string | number>>;
const fieldsOf = (event: ChainEvent) => event.data as Fields;

/** The first event of a name that is as wished. */
async function heard(name: string, wished: (fields: Fields) => boolean = () => true, from = 0n) {
  const signal = AbortSignal.timeout(240_000);
  for await (const event of story.chain.events({ topics: [name], from, signal }))
    if (event.name === name && wished(fieldsOf(event))) return event;
  throw new Error(`${name} did not come`);
}

async function sessionOf(height: bigint): Promise<bigint> {
  let { number, startHeight } = await story.chain.session();
  while (startHeight > height) ({ number, startHeight } = await story.chain.session(number - 1n));
  return number;
}

async function proposerOf(height: bigint): Promise<string> {
  const response = await fetch(`${story.devnet.urls[0]}/v1/blocks/${height}`);
  return ((await response.json()) as { readonly proposer: string }).proposer;
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
  const begun = await sessionOf((await heard('sectors.pre-committed')).height);
  const lent = await sessionOf((await heard('power.delegated')).height);
  const taken = await heard(
    'power.seats-taken',
    ({ session }) => Number(session) >= Number(lent) + 2,
  );
  const session = BigInt(fieldsOf(taken).session!);
  expect(session).toBe(lent + 2n);
  // Announced, challenged, proven twice, lent, read and seated: all within five sessions.
  expect(session - begun).toBeLessThan(5n);

  const read = await snapshotOf(lent + 1n);
  expect(read.some(({ line }) => line.power > 0n)).toBe(true);
  const { seats } = (await chain.find(seatsQuery, { session }))!;
  const drawn = seats.seatings.filter(({ snapshot }) => snapshot === session - 1n);
  expect(drawn.length).toBeGreaterThan(0);
  const known = ed25519.publicKey(story.devnet.network.validators[0]!.nodeSecret);
  for (const { nodeKey } of drawn) expect(toHex(nodeKey)).not.toBe(toHex(known));

  // One of them makes a block of that very session.
  const addresses = drawn.map(({ nodeKey }) => toHex(validatorAddress(nodeKey)));
  let made = taken.height;
  do {
    made++;
    await expect.poll(async () => (await chain.status()).height).toBeGreaterThanOrEqual(made);
  } while (!addresses.includes(await proposerOf(made)));
  expect(await sessionOf(made)).toBe(session);

  // Anybody can repeat the draw; who changes a row is found out.
  const report = await checkDraw(chain, session - 1n);
  const won = report.places.filter(({ role }) => role === 'seat');
  expect(won.map(({ id }) => toHex(id))).toEqual(drawn.map(({ nodeKey }) => toHex(nodeKey)));
  const { draw } = (await chain.find(drawQuery, { session: session - 1n }))!;
  const { head, root, rows, seed } = report;
  const { genesisHash } = await chain.domain();
  const raised = rows.map((row) => ({ ...row, line: { ...row.line, power: row.line.power * 9n } }));
  const occasion = { genesisHash, session: session - 1n, seed };
  const claim = { occasion, head, root, winners: draw.winners };
  expect(verifyDraw({ ...claim, lines: raised })).toMatchObject({ code: 'power/wrong-snapshot' });
  await expect(checkDraw(chain, session + 40n)).rejects.toBeInstanceOf(PalisadeError);
});

it('[P4] [P10] a partner that lost a sector loses its power, its collators their share, and the next draw knows', async () => {
  const { chain, root } = story;
  // Everything is proven and lent, and the running session's snapshot says so.
  await expect
    .poll(
      async () => {
        const lines = await snapshotOf((await chain.session()).number);
        return lines.reduce((sum, { line }) => sum + line.power, 0n);
      },
      { interval: 300 },
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
});

type CliError = {
  readonly code: string;
  readonly message: string;
  readonly next?: string;
};

describe('the command line', () => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'palisade-power-cli-'));
    await symlink(story.root, join(home, 'devnet'));
    await mkdir(join(home, 'keys'), { mode: 0o700 });
    const { partners, validators } = story.devnet.network;
    await keep('miner', 'account', partners[1]!.accountSecret);
    await keep('owner', 'account', validators[1]!.accountSecret);
    await keep('machine', 'node', validators[1]!.nodeSecret);
    await keep('new-machine', 'node', new Uint8Array(32).fill(77));
    await keep('other', 'account', validators[2]!.accountSecret);
    await keep('taken-root', 'account', validators[2]!.rootSecret);
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  async function keep(name: string, kind: 'account' | 'node', secret: Uint8Array): Promise<void> {
    const file = {
      ...(await encryptSecret(secret, PASSPHRASE, { cost: LIGHT_COST })),
      ...{ pubkey: toHex(publicKeyOf(kind, secret)).slice(2), kind },
    };
    await writeFile(join(home, 'keys', `${name}.json`), JSON.stringify(file), { mode: 0o600 });
  }

  /** What the disk is said to have free, bytes; undefined: what it has. */
  let room: number | undefined;
  async function palisade(...line: readonly string[]): Promise<Record<string, unknown>> {
    let text = '';
    const world: World = {
      env: { PALISADE_HOME: home, PALISADE_PASSPHRASE: PASSPHRASE },
      stdout: async (data) => {
        text += data;
      },
      stderr: () => {},
      isTerminal: false,
      hasColor: false,
      columns: 100,
      ask: async () => '',
      stdin: async () => Buffer.alloc(0),
      nowMs: () => story.environment.nowMs(),
      environment: story.environment,
      ...(room === undefined ? {} : { freeBytes: async () => room! }),
    };
    const code = await main([...line, '--json'], world);
    return { code, ...(JSON.parse(text) as object) };
  }

  const refusal = async (...line: readonly string[]) => {
    const { code, error } = await palisade(...line);
    expect(code, line.join(' ')).toBe(1);
    // What the chain refuses comes with its advice in the message.
    const { code: name, message, next } = error as CliError;
    expect(`${message} ${next ?? ''}`, name).toMatch(/\. \w.*\w/);
    return name;
  };

  const keyOf = (index: number) =>
    toHex(ed25519.publicKey(story.devnet.network.validators[index]!.nodeSecret));

  it('[P6] [P8] shows miners, sectors, power and seats, and verifies a draw from public data', async () => {
    const account = toHex(accountOf(1));
    const shown = await palisade('power', 'show');
    expect(shown.collators).toHaveLength(5);
    expect(await palisade('power', 'show', account)).toMatchObject({ code: 0, raw: `${2n * MIB}` });
    const { sectors } = await palisade('miner', 'sectors', account);
    expect(sectors).toMatchObject([{ state: 'active' }, { state: 'active' }]);
    expect(await palisade('miner', 'status', account)).toMatchObject({ sectors: { active: 2 } });
    const { number } = await story.chain.session();
    expect(await palisade('validators', '--session', `${number}`)).toMatchObject({ code: 0 });
    const verified = await palisade('draw', 'verify', `${number - 1n}`);
    expect(verified).toMatchObject({ code: 0, valid: true });
    const line = ['draw', 'verify', `${number - 1n}`];
    expect(await palisade(...line, '--root', String(verified.root))).toMatchObject({ code: 0 });
    // The root is in the header of a block that validators signed, which is found without being told.
    const { signed } = verified as unknown as { readonly signed: Record<string, string> };
    expect(signed.root).toBe(verified.root);
    const block = (await (
      await fetch(`${story.devnet.urls[0]}/v1/blocks/${signed.height}`)
    ).json()) as { readonly hash: string };
    expect(await palisade(...line, '--block', block.hash)).toMatchObject({ code: 0, signed });
    expect(await refusal(...line, '--block', `0x${'ab'.repeat(32)}`)).toBe('client/draw-wrong');
    expect(await refusal(...line, '--root', `0x${'ab'.repeat(32)}`)).toBe('client/draw-wrong');
    expect(await refusal('draw', 'verify', '4000')).toBe('client/no-draw');
    expect(await refusal('validators', '--session', '4000')).toBe('cli/no-seats');
  });

  it('[P5] [P7] lends and takes back, registers and leaves; whatever cannot be is refused with what to do', async () => {
    const miner = ['--key', 'miner'];
    const owner = ['--key', 'owner'];
    const lent = (await claimOf(accountOf(1))).entries[0]!;
    const collator = toHex(lent.collator);
    expect(await refusal('power', 'delegate', collator, '1GiB', ...miner)).toBe(
      'power/not-enough-power',
    );
    expect(await refusal('power', 'delegate', `0x${'12'.repeat(32)}`, '64KiB', ...miner)).toBe(
      'power/not-a-collator',
    );
    expect(await refusal('power', 'delegate', collator, '64KiB')).toBe('power/not-a-miner');
    expect(await refusal('power', 'undelegate', collator, '1GiB', ...miner)).toBe(
      'power/not-lent-that-much',
    );
    expect(await palisade('power', 'undelegate', collator, '512KiB', ...miner)).toMatchObject({
      code: 0,
    });
    expect((await claimOf(accountOf(1))).entries).toContainEqual(
      expect.objectContaining({ kind: 1, amount: MIB / 2n }),
    );

    const register = ['collator', 'register', '--node-key'];
    expect(await refusal(...register, 'machine', ...owner)).toBe('power/collator-known');
    expect(await refusal(...register, 'machine')).toBe('cli/key-of-another');
    expect(await refusal(...register, 'miner')).toBe('cli/other-kind');
    expect(await refusal(...register, 'new-machine')).toBe('power/not-hosted');
    const own = keyOf(1);
    expect(await refusal('collator', 'bond', own, '2', '--key', 'other')).toBe(
      'power/not-your-collator',
    );
    expect(await refusal('collator', 'leave', own)).toBe('power/not-your-collator');
    expect(await palisade('collator', 'bond', own, '2', ...owner)).toMatchObject({ code: 0 });
    expect(await palisade('collator', 'leave', own, ...owner)).toMatchObject({ code: 0 });
    expect(await refusal('collator', 'leave', own, ...owner)).toBe('power/not-a-collator');
    const again = [...register, 'machine', ...owner];
    expect(await refusal(...again, '--root-key', 'taken-root')).toBe('power/root-key-taken');
    expect(await refusal(...again, '--bond', '1')).toBe('power/bond-too-small');
    expect(await palisade(...again, '--name', 'north')).toMatchObject({ code: 0 });

    const folder = ['--dir', join(story.root, 'partner-2')];
    expect(await refusal('miner', 'seal', '32768', ...folder)).toBe('partner/too-many-sectors');
    expect(await refusal('miner', 'seal', '1', '--dir', home)).toBe('cli/not-a-partner');
    room = 6 * Number(MIB) - 1;
    expect(await refusal('miner', 'seal', '1', ...folder)).toBe('partner/too-little-disk');
    room = undefined;
    expect(await palisade('miner', 'seal', '1', ...folder)).toMatchObject({ code: 0, sectors: 3 });
    await heard(
      'sectors.pre-committed',
      (fields) => fields.miner === toHex(accountOf(1)) && Number(fields.number) >= 2,
    );
  });
});

it('[ENG] [P9] no window is missed while time is skipped; a snapshot takes sectors and power back', async () => {
  const miner = accountOf(2);
  const before = await claimOf(miner);
  const { height } = await story.chain.status();
  await ask('snapshot', { name: 'lent' });
  await ask('warp', { ms: `${3 * TIMING.sessionMs}` });
  const proven = await heard('sectors.window-proven', (of) => of.miner === toHex(miner), height);
  expect((await claimOf(miner)).raw).toBe(before.raw);
  const after = await story.chain.status();
  await ask('revert', { name: 'lent' });
  expect((await story.chain.status()).height).toBeLessThan(after.height);
  expect((await claimOf(miner)).entries).toEqual(before.entries);
  const again = await heard(
    'sectors.window-proven',
    (of) => of.miner === toHex(miner) && of.deadline === fieldsOf(proven).deadline,
    (await story.chain.status()).height + 1n,
  );
  expect(fieldsOf(again).sectors).toBe(fieldsOf(proven).sectors);
});
