import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { develop, freshHomes, json, network, run } from '../../test/cli-kit.ts';

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
