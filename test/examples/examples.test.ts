/** Every example runs, from the bundle, as a newcomer runs it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const FOLDER = fileURLToPath(new URL('../../examples', import.meta.url));
/** Backwards, because the last ones take longest: whoever begins late has to be quick. */
const EXAMPLES = readdirSync(FOLDER).sort().toReversed();
/** Settles when the example before has its network: two that start at once would both bundle the program. */
let started: Promise<unknown> = Promise.resolve();

/** Runs an example once the one before has started: its first word is that its network runs. */
async function startExample(name: string) {
  const before = started;
  let isStarted = () => {};
  started = new Promise<void>((resolve) => {
    isStarted = resolve;
  });
  await before;
  const child = spawn(process.execPath, [join(FOLDER, name, 'run.mjs')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.once('data', isStarted);
  child.once('exit', isStarted);
  return child;
}

describe('an example', () => {
  it('tells what it does', () => {
    expect(EXAMPLES.length).toBeGreaterThan(0);
    for (const name of EXAMPLES)
      expect(existsSync(join(FOLDER, name, 'README.md')), name).toBe(true);
  });

  it.concurrent.each(EXAMPLES)(
    '%s runs, and holds what it gets against what it must be',
    async (name) => {
      const child = await startExample(name);
      const [out, errors, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'exit'),
      ]);
      expect(code, out + errors).toBe(0);
      expect(out).toContain('done: everything was as it must be');
    },
  );
});
