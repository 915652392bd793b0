/**
 * Ports on the loopback, the ones of last time where they are still free. Its parts open theirs one after
 * another over seconds, so a network claims a row of ports first, by a socket that it holds open as long as
 * it lives: of two that begin in the same moment, the system gives the row to one.
 */
import { createServer, type Server } from 'node:net';
import type { DaemonContext } from '@palisade/daemon';
import { type Ports, readPorts, writePorts } from './files.ts';
import { POPULATION } from './network.ts';

/** Where rows begin: above well-known services, below the ephemeral range. */
const FIRST_ROW = 26_649;
/** Ports of a row: the claim, eight for validators, two for services, nine for partners. */
const ROW = 20;
const VALIDATORS_AT = 1;
const SERVICES_AT = 9;
const PARTNERS_AT = 11;
/** More networks at once than a machine carries; one beyond has no row, and whatever ports are free. */
const ROWS = 32;

function listenOn(host: string, port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen(port, host, () => resolve(server.unref()));
  });
}

const portOf = (server: Server) => (server.address() as { readonly port: number }).port;
const close = (server: Server) =>
  new Promise<void>((resolve) => void server.close(() => resolve()));

async function freePort(host: string, preferred: number): Promise<number> {
  const server = ((await listenOn(host, preferred)) ?? (await listenOn(host, 0)))!;
  const port = portOf(server);
  await close(server);
  return port;
}

/** Claims the row of last time, or the first that nobody has. */
async function claimRow(host: string, last: number | undefined): Promise<Server | undefined> {
  const rows = Array.from({ length: ROWS }, (_, i) => FIRST_ROW + i * ROW);
  for (const row of last === undefined ? rows : [last, ...rows]) {
    const claim = await listenOn(host, row);
    if (claim) return claim;
  }
  return undefined;
}

/** Chooses a port for everyone and remembers it; the claim is given up when all else has stopped. */
export async function choosePorts(
  { onStop }: Pick<DaemonContext, 'onStop'>,
  root: string,
  host: string,
): Promise<Ports> {
  const last = await readPorts(root);
  const claim = await claimRow(host, last?.row);
  if (claim) onStop('claim of ports', () => close(claim));
  const row = claim && portOf(claim);
  // Ports of a row that another network has now are no longer for this one; all others are.
  const lost = last?.row === row ? undefined : last?.row;
  const isLost = (port: number) => lost !== undefined && port >= lost && port < lost + ROW;
  const choose = async (count: number, at: number, before: readonly number[] = []) => {
    const ports: number[] = [];
    for (let i = 0; i < count; i++) {
      const known = before[i];
      const fresh = row === undefined ? 0 : row + at + i;
      ports.push(await freePort(host, known === undefined || isLost(known) ? fresh : known));
    }
    return ports;
  };
  const ports = {
    ...(row === undefined ? {} : { row }),
    validators: await choose(
      POPULATION.active + POPULATION.passive,
      VALIDATORS_AT,
      last?.validators,
    ),
    // One more for the partner that offers access, where it does.
    partners: await choose(
      POPULATION.partners + POPULATION.computers + 1,
      PARTNERS_AT,
      last?.partners,
    ),
    services: await choose(2, SERVICES_AT, last?.services),
  };
  await writePorts(root, ports);
  return ports;
}
