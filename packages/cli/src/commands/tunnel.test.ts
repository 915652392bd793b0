import { createServer } from 'node:net';
import { join } from 'node:path';
import { NOTHING_USED } from '@palisade/client';
import { fromHex, toHex } from '@palisade/core';
import { AGREEMENT_STATE, JOB_STATE } from '@palisade/market/schema';
import { expect, it } from 'vitest';
import { ADDRESS, develop, freshHomes, home, json, network, run } from '../../test/cli-kit.ts';
import { holdTunnel, keptTunnels } from '../files/tunnels.ts';

freshHomes();

it('a tunnel whose port is taken, or whose password is none, buys nothing', async () => {
  await develop();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const failing = async (...options: readonly string[]) => {
    const { code, out } = await run(['tunnel', '--yes', '--json', ...options]);
    return [code, json(out).error];
  };
  expect(await failing('--port', `${port}`)).toMatchObject([1, { code: 'cli/cannot-listen' }]);
  expect(await failing('--port', '0', '--auth', 'me')).toMatchObject([2, { code: 'cli/usage' }]);
  // Only now is anybody asked for access; here, nobody sells it.
  expect(await failing('--port', '0')).toMatchObject([1, { code: 'cli/no-such-partner' }]);
  expect(network!.chain.jobs.size).toBe(0);
  other.close();
});

it('a kept tunnel is forgotten when its job is over, not when a validator does not know that job yet', async () => {
  await develop();
  const { chain } = network!;
  const id = new Uint8Array(32).fill(5);
  const partner = new Uint8Array(32).fill(6);
  // Nobody listens there.
  const where = { url: 'http://127.0.0.1:1', rate: 1n, size: 1n << 20n, sessions: 2 };
  const kept = { job: { job: id, partner, ...where }, used: NOTHING_USED };
  const owner = { genesisHash: toHex(chain.domain.genesisHash), client: ADDRESS };
  const tunnels = join(home, 'tunnels');
  const folder = await holdTunnel(tunnels, owner, kept.job);
  await folder.save(kept);
  folder.release();
  const again = async () => {
    const { code, err } = await run(['tunnel', '--yes', '--port', '0']);
    expect(code).toBe(1); // nobody sells another one here
    return [
      err.includes(`Going on with job ${toHex(id)}`),
      (await keptTunnels(tunnels, owner)).length,
    ];
  };
  expect(await again()).toEqual([true, 1]);

  const job = {
    ...{ client: fromHex(ADDRESS), utility: 3, subject: new Uint8Array(32), size: 1n << 20n },
    ...{ partners: 1, sessions: 2, maxRate: 1n, height: 1n, session: 1n, active: 0 },
    ...{ escrow: 2n, committed: 2n, paid: 0n, refunded: 2n, endHeight: 3n, reason: '' },
    state: JOB_STATE.started,
  };
  const agreement = {
    ...{ sequence: 1, rate: 1n, sessions: 2, firstSession: 1n, lastSession: chain.session },
    ...{ startHeight: 1n, state: AGREEMENT_STATE.active, answered: 0, missed: 0, missedInRow: 0 },
    ...{ final: 0, usageSequence: 0, units: 0n, vouched: 0n, equivocated: 0, paid: 0n },
    endHeight: 0n,
  };
  chain.jobs.set(toHex(id), { job, agreements: new Map() });
  expect(await again()).toEqual([true, 1]);
  chain.jobs.set(toHex(id), { job, agreements: new Map([[toHex(partner), agreement]]) });
  expect(await again()).toEqual([true, 1]);
  const past = { ...agreement, lastSession: chain.session - 1n };
  chain.jobs.set(toHex(id), { job, agreements: new Map([[toHex(partner), past]]) });
  expect(await again()).toEqual([false, 0]);
});
