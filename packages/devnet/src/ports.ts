/** Free ports on the loopback, the ones of last time where they are still free. */
import { createServer } from 'node:net';
import { type Ports, readPorts, writePorts } from './files.ts';
import { POPULATION } from './network.ts';

/** Where a first network begins to look: above well-known services, below the ephemeral range. */
const FIRST_VALIDATOR = 26_650;
const FIRST_PARTNER = 26_660;

function listenOn(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

async function freePort(host: string, preferred: number): Promise<number> {
  return (await listenOn(host, preferred)) ?? (await listenOn(host, 0))!;
}

/** Chooses a port for everyone and remembers it. */
export async function choosePorts(root: string, host: string): Promise<Ports> {
  const last = await readPorts(root);
  const choose = async (count: number, first: number, known: readonly number[] | undefined) => {
    const ports: number[] = [];
    // Beside known ports, any free one will do: the first choice of all may be another network's.
    for (let i = 0; i < count; i++)
      ports.push(await freePort(host, known ? (known[i] ?? 0) : first + i));
    return ports;
  };
  const ports = {
    validators: await choose(
      POPULATION.active + POPULATION.passive,
      FIRST_VALIDATOR,
      last?.validators,
    ),
    partners: await choose(
      // One more for the partner that offers access, where it does.
      POPULATION.partners + POPULATION.computers + 1,
      FIRST_PARTNER,
      last?.partners,
    ),
    // They open last: at a fixed place, a network that starts meanwhile would be there first.
    services: await choose(2, 0, last?.services ?? []),
  };
  await writePorts(root, ports);
  return ports;
}
