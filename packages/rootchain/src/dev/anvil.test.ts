import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

/** Asks its node once more when it is told to end, as who saves its state does. */
const SCRIPT = `
  import { startAnvil } from './anvil.ts';
  const anvil = await startAnvil();
  process.once('SIGINT', async () => {
    // A node that heard it, too, would be gone by then.
    await new Promise((done) => setTimeout(done, 500));
    const answer = await anvil.control('eth_blockNumber').catch(() => 'no answer');
    console.log(answer);
    await anvil.stop();
  });
  console.log('started');
`;

it.runIf(process.platform !== 'win32')(
  'Ctrl-C at a terminal, which all processes hear, leaves a node to who has started it',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-anvil-'));
    const outfile = join(folder, 'script.mjs');
    const stdin = { contents: SCRIPT, resolveDir: import.meta.dirname, loader: 'ts' } as const;
    const js =
      "import { createRequire as from } from 'node:module'; const require = from(import.meta.url);";
    await build({
      ...{ stdin, outfile, bundle: true, platform: 'node', format: 'esm', banner: { js } },
      define: { 'import.meta.url': JSON.stringify(import.meta.url) },
    });
    const child = spawn(process.execPath, [outfile], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    try {
      const said: string[] = [];
      for await (const line of createInterface({ input: child.stdout })) {
        said.push(line);
        if (line === 'started') process.kill(-child.pid!, 'SIGINT');
      }
      if (child.exitCode === null) await once(child, 'exit');
      expect(said).toEqual(['started', '0x0']);
    } finally {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    }
  },
);
