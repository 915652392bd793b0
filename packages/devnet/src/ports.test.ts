import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Ports } from './files.ts';
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
