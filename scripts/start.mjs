/** `npm start`: set-up where needed, then the development network with its story. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { bundle, install, PROGRAM, ROOT } from './setup.mjs';

/** Works the payouts out again from the disks alone, when the story is told. */
const CHECK = join(ROOT, 'scripts/recompute-payouts.mjs');

install();
await bundle();
const child = spawn(
  process.execPath,
  [
    '--enable-source-maps',
    PROGRAM,
    'devnet',
    '--story',
    '--check',
    CHECK,
    ...process.argv.slice(2),
  ],
  {
    stdio: 'inherit',
    env: { PALISADE_HOME: join(ROOT, '.palisade'), ...process.env },
  },
);
// The terminal sends Ctrl-C to both; the child drains, and its end is ours.
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    if (signal === 'SIGTERM') child.kill(signal);
  });
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
