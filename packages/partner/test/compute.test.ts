/** The client SDK and partners that run modules: paid for one result, and for nothing else. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  type MarketClient,
  openMarket,
  type PutState,
  type RunDone,
  type RunProgress,
} from '@palisade/client';
import { accountSigner, equalBytes } from '@palisade/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { assemble, program } from './assemble.ts';
import {
  agreementOnChain,
  type Cleanup,
  type Pool,
  QUICK,
  sessionsUntil,
  startPool,
  startTestPartner,
  until,
} from './pool-kit.ts';
import { type BundledThread, bundleRunThread } from './run-thread.ts';

const cleanups: Cleanup[] = [];
let thread: BundledThread;
beforeAll(async () => {
  thread = await bundleRunThread();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => thread.remove());

const limits = { fuel: 10_000_000n, memoryBytes: 2n ** 20n, outputBytes: 1000 };
const ECHO = program(`(drop (call $input_read (i32.const 0) (i32.const 0) (call $input_size)))
  (call $output_write (i32.const 0) (call $input_size))`);

async function startComputers(count: number, runThread = thread.url, first = 0): Promise<Pool> {
  const pool = await startPool(cleanups, { ...QUICK, sessionMs: 6000 });
  await addComputers(pool, count, runThread, first);
  return pool;
}

async function addComputers(pool: Pool, count: number, runThread: URL, first = 0) {
  const partners = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      startTestPartner(pool, cleanups, {
        number: first + i,
        runThread,
        config: { compute: { slots: 1 } },
      }),
    ),
  );
  await areAccepting(pool, first + count);
  return partners;
}

/** Waits until so many partners take work: they are known before their bonds are posted. */
function areAccepting({ chain }: Pool, count: number) {
  const isSo = async () =>
    (await chain.partners()).filter(({ ready }) => ready.accepting === 1).length === count;
  return until(isSo, { what: `${count} partners that take work` });
}

function marketOf({ chain, network }: Pool): MarketClient {
  const secret = network.clientSecret;
  return openMarket(chain, { signer: accountSigner(secret), ownerSecret: secret });
}

describe('computation on a network', () => {
  it('[C2V-0, C2V-7] two partners run a module, agree, and are paid for what it used', async () => {
    const pool = await startComputers(2);
    const market = marketOf(pool);
    const module = await assemble(ECHO);
    const input = new TextEncoder().encode('twice the same');
    const steps: string[] = [];
    const { maxRate } = await market.quoteRun({
      size: module.length + input.length,
      fuel: limits.fuel,
      fold: 2,
    });
    const done = await market.run({
      module,
      input,
      limits,
      fold: 2,
      maxRate,
      onProgress: ({ step }: RunProgress) => steps.push(step),
    });
    expect(done).toMatchObject({ end: 'finished', output: input });
    expect(done.partners).toHaveLength(2);
    for (const { job, partner, paid, result } of done.partners) {
      const owed = (maxRate * result!.fuel + limits.fuel - 1n) / limits.fuel;
      expect(paid).toBe(owed);
      await sessionsUntil(
        pool,
        async () => (await agreementOnChain(pool, job, partner))?.paid === owed,
      );
    }
    expect(steps).toContain('ran');
    expect(steps.filter((step) => step === 'paid')).toHaveLength(2);
  });

  it('[C2V-0, C2V-7] a client that dies in a run goes on with the same job: nothing is lost, nobody is paid twice', async () => {
    const pool = await startComputers(2);
    const market = marketOf(pool);
    const module = await assemble(ECHO);
    const runs: RunDone[] = [];
    for (const moment of ['confirmed', 'started', 'ran', 'paid'] as const) {
      const input = new TextEncoder().encode(`died when it was ${moment}`);
      const size = module.length + input.length;
      const { maxRate } = await market.quoteRun({ size, fuel: limits.fuel, fold: 2 });
      const work = { module, input, limits, fold: 2, maxRate };
      let kept: readonly PutState[] = [];
      let isDead = false;
      const onHires = async (hires: readonly PutState[]) => {
        if (!isDead) kept = hires;
      };
      const onProgress = ({ step }: RunProgress) => {
        isDead ||= step === moment;
        if (isDead) throw new Error('killed');
      };
      await expect(market.run({ ...work, onHires, onProgress })).rejects.toThrow('killed');
      const done = await marketOf(pool).run({ ...work, hires: kept });
      expect(done, moment).toMatchObject({ end: 'finished', output: input });
      runs.push(done);
    }
    expect(await market.jobs()).toHaveLength(runs.length);
    for (const { partners } of runs)
      for (const { job, partner, paid } of partners) {
        expect(paid).toBeGreaterThan(0n);
        await sessionsUntil(
          pool,
          async () => (await agreementOnChain(pool, job, partner))?.paid === paid,
        );
      }
    const owed = runs.flatMap(({ partners }) => partners).reduce((sum, { paid }) => sum + paid, 0n);
    await until(
      async () => (await market.jobs()).reduce((sum, { job }) => sum + job.paid, 0n) === owed,
    );
  });

  it('[C2V-7] a third partner decides where two disagree; who stands alone is not paid', async () => {
    // The judge comes up while the job waits for it: that is no longer than a session.
    const pool = await startPool(cleanups, { ...QUICK, sessionMs: 20_000 });
    const lie = new URL('./liar.js', thread.url);
    await writeFile(
      fileURLToPath(lie),
      `import { parentPort } from 'node:worker_threads';
       parentPort.on('message', () => parentPort.postMessage({
         end: 'finished', reason: '', output: new Uint8Array([6, 6, 6]), fuelUsed: 5n, memoryBytes: 0,
       }));`,
    );
    const [liar] = await addComputers(pool, 1, lie);
    await addComputers(pool, 1, thread.url, 1);
    const market = marketOf(pool);
    const module = await assemble(ECHO);
    const input = new TextEncoder().encode('the truth');
    const { maxRate } = await market.quoteRun({ size: 1000, fuel: limits.fuel, fold: 2 });
    let judge: Promise<unknown> | undefined;
    const done = await market.run({
      module,
      input,
      limits,
      fold: 2,
      maxRate,
      onProgress({ step }) {
        if (step === 'disagreement') judge = addComputers(pool, 1, thread.url, 2);
      },
    });
    await judge;
    expect(done).toMatchObject({ end: 'finished', output: input });
    expect(done.partners).toHaveLength(3);
    const alone = done.partners.find(({ partner }) => equalBytes(partner, liar!.nodeKey))!;
    expect(alone).toMatchObject({ paid: 0n, result: { outputSize: 3 } });
    expect(done.partners.filter(({ paid }) => paid > 0n)).toHaveLength(2);
    expect(await agreementOnChain(pool, alone.job, alone.partner)).toMatchObject({ paid: 0n });
  });

  it('a module that never ends costs its partner the time that it gives, and its client nothing', async () => {
    const pool = await startPool(cleanups, { ...QUICK, sessionMs: 6000 });
    const slow = { slots: 1, timeMs: 200 };
    await startTestPartner(pool, cleanups, { runThread: thread.url, config: { compute: slow } });
    await areAccepting(pool, 1);
    const market = marketOf(pool);
    const steps: RunProgress[] = [];
    const endless = { ...limits, fuel: 2n ** 40n };
    const { maxRate } = await market.quoteRun({ size: 1000, fuel: endless.fuel, fold: 1 });
    const running = market.run({
      module: await assemble(program('(loop (br 0))')),
      input: new Uint8Array(0),
      limits: endless,
      fold: 1,
      maxRate,
      onProgress: (step) => steps.push(step),
    });
    let isOver = false;
    const refused = expect(running)
      .rejects.toThrow()
      .finally(() => {
        isOver = true;
      });
    const noResult = () => steps.find(({ step }) => step === 'no-result');
    await until(() => noResult() !== undefined, { what: 'no result' });
    await sessionsUntil(pool, async () => isOver, { what: 'the end of the job' });
    await refused;
    const gone = noResult();
    expect(gone).toMatchObject({ reason: 'it took longer than 200 ms here' });
  });

  it('a trap is a result like any other: agreed upon, and paid though the session ends before the receipts are there', async () => {
    const pool = await startComputers(2);
    const { chain, clock } = pool;
    const { number: over, startMs } = await chain.session();
    clock.moveTo(Number(startMs + (await chain.params()).sessionMs));
    await until(async () => (await chain.session()).number > over, { what: 'the next session' });
    let isRan = false;
    let late = 0;
    // Who signs a receipt has heard of the session before, once for each partner.
    const session = (number?: bigint) =>
      chain.session(number === undefined && isRan && late++ < 2 ? over : number);
    const market = marketOf({ ...pool, chain: { ...chain, session } });
    const module = await assemble(
      program('(call $output_write (i32.const 0) (i32.const 4)) (unreachable)'),
    );
    const { maxRate } = await market.quoteRun({ size: 1000, fuel: limits.fuel, fold: 2 });
    const input = new Uint8Array(0);
    const onProgress = ({ step }: RunProgress) => {
      isRan ||= step === 'ran';
    };
    const done = await market.run({ module, input, limits, fold: 2, maxRate, onProgress });
    expect(done).toMatchObject({ end: 'trapped', output: new Uint8Array(4), fuel: 4n });
    expect(late).toBeGreaterThan(2);
  });
});
