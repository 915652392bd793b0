/** A watcher in a process of its own, to be killed: prints the address of its API. */
import { fromHex } from '@palisade/core';
import { startWatcher } from '../src/watcher.ts';

const { secret, dataDir, settings } = JSON.parse(process.argv[2]!);
const { url } = await startWatcher({ settings, challengerSecret: fromHex(secret), dataDir });
process.stdout.write(`${url}\n`);
