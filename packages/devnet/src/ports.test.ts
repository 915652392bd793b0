import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type Ports, writePorts } from './files.ts';
import { choosePorts } from './ports.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function folder(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'palisade-ports-'));
  cleanups.push(() => rm(root, { recursive: true }));
  return root;
}

/** A network that has chosen its ports and has not opened them yet. */
async function begun(root: string) {
  let end: () => unknown = () => {};
  const onStop = (_name: string, closer: () => unknown) => {
    end = closer;
  };
  const ports = await choosePorts({ onStop }, root, '127.0.0.1');
  cleanups.push(() => end());
  return { ports, end };
}

/** Ports that nobody has just now. */
async function unused(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let i = 0; i < count; i++) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    ports.push((server.address() as AddressInfo).port);
    server.close();
  }
  return ports;
}

const all = ({ validators, partners, services }: Ports) => [
  ...validators,
  ...partners,
  ...services,
];

it('networks that begin in the same moment have no port in common', async () => {
  const roots = await Promise.all(Array.from({ length: 4 }, folder));
  const networks = await Promise.all(roots.map(begun));
  const ports = networks.flatMap((network) => all(network.ports));
  expect(new Set(ports).size).toBe(ports.length);
});

it('a network has its ports again, and others when somebody has its row in the meantime', async () => {
  const root = await folder();
  const first = await begun(root);
  await first.end();
  const again = await begun(root);
  expect(again.ports).toEqual(first.ports);
  const rival = await begun(root);
  const ports = [again, rival].flatMap((network) => all(network.ports));
  expect(new Set(ports).size).toBe(ports.length);
});

it('a network whose row somebody has keeps the ports that lay elsewhere', async () => {
  const rival = await begun(await folder());
  const root = await folder();
  const { row } = rival.ports;
  const elsewhere = await unused(4);
  const services = rival.ports.services;
  await writePorts(root, { row, validators: elsewhere, partners: [], services });
  const { ports } = await begun(root);
  expect(ports.validators.slice(0, 4)).toEqual(elsewhere);
  expect(ports.services).not.toEqual(services);
  expect(ports.row).not.toBe(row);
});
