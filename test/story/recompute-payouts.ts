/** Runs `scripts/recompute-payouts.mjs` over a network's folder, as anyone may. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../scripts/recompute-payouts.mjs', import.meta.url));

/** Its exit code and what it prints: one JSON line, unless it failed. */
export async function recomputePayouts(
  root: string,
  ...options: readonly string[]
): Promise<{ readonly code: number; readonly text: string }> {
  const child = spawn(process.execPath, [SCRIPT, root, '--json', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number]>,
  ]);
  return { code, text: out + errors };
}
