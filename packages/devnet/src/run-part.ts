/** A process that serves one part of a development network; `processes.ts` starts it. */
import { runDaemon } from '@palisade/daemon';
import { NetworkClock } from './control/network-clock.ts';
import { obey } from './control/orders.ts';
import { foldersOf, readClock, readNetwork, readPorts } from './files.ts';
import {
  contextOf,
  HOST,
  type LogLevel,
  openLog,
  type Part,
  partnersOf,
  startOnePartner,
  startValidators,
} from './parts.ts';
import { readRootChain } from './root-chain/root-chain-file.ts';

export type PartOptions = {
  readonly root: string;
  readonly role: 'validators' | 'partner';
  /** Of the partners that this process serves, from 1. */
  readonly numbers: readonly number[];
  /** Where the tunnels of the access partner may lead. */
  readonly allow: readonly string[];
  /** Sectors that each storing partner keeps proven. */
  readonly sectors: number;
  /** Whether the root chain runs, where the network has one. */
  readonly withRootChain: boolean;
  readonly logLevel: LogLevel;
};

export async function runPart({
  root,
  role,
  numbers,
  allow,
  sectors,
  withRootChain,
  logLevel,
}: PartOptions): Promise<void> {
  const { network, timing } = await readNetwork(root);
  const ports = (await readPorts(root))!;
  const folders = foldersOf(root);
  const clock = new NetworkClock((await readClock(root)).aheadMs);
  const rootChain = await readRootChain(root);
  const part: Part = {
    ...{ network, timing, folders, ports, clock, allow, sectors },
    ...(rootChain && withRootChain ? { rootChain } : {}),
  };
  const nameOf = (number: number) => partnersOf(part)[number - 1]!.name;
  const name = role === 'validators' ? role : numbers.map(nameOf).join(', ');
  const folder = role === 'validators' ? folders.node : folders.partner(numbers[0]!);
  // Without its supervisor a part would go on for ever, unseen.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  await runDaemon(
    name,
    async (context) => {
      const urls = ports.validators.map((port) => `http://${HOST}:${port}`);
      const node = role === 'validators' ? await startValidators(context, part) : undefined;
      const [first, ...others] = numbers;
      if (first !== undefined) await startOnePartner(context, part, first - 1, urls);
      for (const number of others) {
        const own = contextOf(context, nameOf(number), folders.partner(number), logLevel);
        await startOnePartner(own, part, number - 1, urls);
      }
      obey(async (order) => {
        if (order.order === 'clock') clock.moveTo(order.aheadMs);
        else await node?.engine.produce();
      });
      process.send?.({ ready: true });
    },
    {
      log: openLog(name, folder, logLevel),
      // A partner takes the lock of its folder itself.
      ...(role === 'validators' ? { dataDir: folder } : {}),
    },
  );
}
