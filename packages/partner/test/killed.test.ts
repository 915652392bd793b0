/** Partners that are killed where it hurts most, and come back. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '@palisade/client';
import { toHex } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import { auditAnswered } from '@palisade/market/schema';
import { afterEach, describe, expect, it } from 'vitest';
import { bundleScript, type Script } from '../../daemon/test/child.ts';
import {
  agreementOnChain,
  type Cleanup,
  contentOf,
  MIB,
  type Pool,
  PRICE,
  QUICK,
  sessionsUntil,
  startPool,
  type TestContent,
  tempFolder,
  until,
  upload,
} from './pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const rateOf = ({ size }: TestContent) => PRICE * BigInt(Math.max(1, Math.ceil(size / MIB)));

/** A partner as a process of its own, which dies where it is told to. */
const CHILD = `
import { connect } from '@palisade/client';
import { createLogger, logSection } from '@palisade/daemon';
import { DEVELOPMENT_TIMING, startPartner } from './src/index.ts';

const [dataDir, secret, urls, deadlyCommand, moment] = process.argv.slice(2);
const log = createLogger(logSection.parse({}), { name: 'child' });
const die = () => process.kill(process.pid, 'SIGKILL');
const partner = await startPartner({
  nodeSecret: Buffer.from(secret, 'hex'),
  dataDir,
  validators: urls.split(','),
  log,
  connect: (seeds) => {
    const chain = connect({ urls: seeds });
    return {
      ...chain,
      async post(declaration, ...rest) {
        const isDeadly = declaration.name === deadlyCommand;
        if (isDeadly && moment === 'before') die();
        const posted = await chain.post(declaration, ...rest);
        if (isDeadly && moment === 'after') die();
        return posted;
      },
    };
  },
  config: {
    partner: { price: ${PRICE}n, quotaBytes: 2 ** 28, reserveBytes: 0 },
    timing: {
      ...DEVELOPMENT_TIMING, stillActiveMs: 1000, retryMs: 50, inclusionMs: 1500, pollMs: 500, auditSpreadPpm: 1000, recordMs: 3_600_000,
    },
  },
});
log.info('listening', { url: partner.url });
process.on('SIGTERM', () => void partner.stop().then(() => process.exit(0)));
`;

/** Sessions that end when the test says so: however slow the machine is, nobody misses an audit. */
const HELD = { ...QUICK, sessionMs: 300_000 };

describe('kill -9', () => {
  const deaths = ['market.start', 'market.answer-audit'].flatMap((command) =>
    ['before', 'after'].map((moment) => ({ command, moment })),
  );

  it('[P2V-5] before or after a start or an answer is sent loses nothing and does nothing twice', async () => {
    const pool = await startPool(cleanups, HELD, { hasProcesses: true });
    const endSession = async () => {
      const { number } = await pool.chain.session();
      await sessionsUntil(pool, async () => (await pool.chain.session()).number > number);
    };
    const script = await bundleScript(CHILD, fileURLToPath(new URL('..', import.meta.url)));
    cleanups.push(async () => script.remove());
    const doomed = await Promise.all(
      deaths.map((death, number) => begin(pool, script, death, number)),
    );
    await endSession(); // the first has no audits
    const stories: Story[] = [];
    for (const hire of doomed) stories.push(await hire());
    await Promise.all(stories.map((one) => one.diesAndComesBack()));
    for (const count of [1, 2]) {
      await Promise.all(stories.map((one) => one.hasAnswered(count)));
      await endSession();
    }
    await Promise.all(stories.map((one) => one.ends()));
  });

  type Story = {
    diesAndComesBack(): Promise<void>;
    hasAnswered(count: number): Promise<void>;
    ends(): Promise<void>;
  };

  /** Starts a doomed partner. Answers with how to hire it, and that with the rest of its story. */
  async function begin(
    pool: Pool,
    script: Script,
    { command, moment }: { command: string; moment: string },
    number: number,
  ) {
    const dataDir = await tempFolder(cleanups);
    const { nodeSecret } = pool.network.partners[number]!;
    const key = ed25519.publicKey(nodeSecret);
    const secret = Buffer.from(nodeSecret).toString('hex');
    const run = (...more: string[]) => script.run(dataDir, secret, pool.urls.join(','), ...more);
    const doomed = run(command, moment);
    const { url } = await doomed.saw('listening');
    const content = contentOf(2 * MIB + 3, number);
    let child = doomed;
    return async (): Promise<Story> => {
      const job = await pool.client.request(content, { sessions: 2 });
      const voucher = await pool.client.voucher(job, key, { rate: rateOf(content), sessions: 2 });
      const mine = () => agreementOnChain(pool, job, key);
      const answersOnChain = async () =>
        (await pool.chain.history(job)).filter(({ name }) => name === auditAnswered.name).length;
      const waitFor = (what: string, isSo: () => Promise<boolean>) =>
        until(isSo, {
          what: () =>
            `${what} after death ${moment} ${command}: ${JSON.stringify(child.lines().slice(-5))}`,
        });
      return {
        async diesAndComesBack() {
          // It may die while it answers; what it does answer must be right.
          const answer = await upload(String(url), job, voucher, content).catch(() => undefined);
          if (answer) expect(answer).toMatchObject({ status: 200, json: { state: 'starting' } });
          expect(await doomed.ended).toBe('SIGKILL');
          child = run();
        },
        async hasAnswered(count) {
          await waitFor(`answer ${count}`, async () => (await answersOnChain()) === count);
          await waitFor(`line ${count}`, async () => (await ledgerLines(dataDir)).length === count);
        },
        async ends() {
          await waitFor('the end of the term', async () => (await mine())?.state === 2);
          const agreement = (await mine())!;
          expect(agreement).toMatchObject({ sequence: 1, answered: 2, missed: 0 });
          child.kill('SIGTERM');
          expect(await child.ended).toBe(0);
          const sent = await sentCommands(pool, key);
          expect({ command, moment, sent }).toEqual({
            command,
            moment,
            sent: { 'market.post-bond': 1, 'market.start': 1, 'market.answer-audit': 2 },
          });
          const lines = await ledgerLines(dataDir);
          expect(lines.map(({ session }) => session)).toEqual(
            [0n, 1n].map((i) => `${agreement.firstSession + i}`),
          );
          for (const { transaction } of lines) expect(transaction).toMatch(/^0x[0-9a-f]{64}$/);
        },
      };
    };
  }

  /** How many transactions of each kind the partner has in blocks. */
  async function sentCommands(pool: Pool, key: Uint8Array): Promise<Record<string, number>> {
    const chain = connect({ urls: pool.urls });
    const { height } = await chain.status();
    const counts: Record<string, number> = {};
    for (let at = 1n; at <= height; at++)
      for (const { name, sender } of (await chain.block(at)).transactions)
        if (sender === toHex(key)) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  }

  async function ledgerLines(dataDir: string) {
    const folder = join(dataDir, 'ledger');
    const files = (await readdir(folder).catch(() => [])).filter((name) =>
      /^\d+\.jsonl$/.test(name),
    );
    const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
    // A line that has no end yet is still being written.
    return texts
      .flatMap((text) => text.split('\n').slice(0, -1))
      .map((line) => JSON.parse(line) as { session: string; transaction: string })
      .sort((a, b) => Number(a.session) - Number(b.session));
  }
});
