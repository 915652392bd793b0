/**
 * The client's process. Arguments: its folder, and the URLs of the validators. It tells what it hears
 * in JSON lines; run again after a kill, it goes on with the same job.
 */
import { type Heard, MainJob } from './main-job.ts';

const [folder = '', ...urls] = process.argv.slice(2);

function tell(heard: Heard): void {
  process.stdout.write(`${JSON.stringify(heard)}\n`);
}

// Whoever kills it may die first; then nobody would.
process.stdin.on('close', () => process.exit(1)).resume();
tell({ kind: 'outcome', outcome: await new MainJob({ urls, folder, tell }).run() });
process.exit(0);
