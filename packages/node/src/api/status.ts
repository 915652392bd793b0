/** What a validator says of itself: its health for supervisors, its status for people. */
import { currentSession, validators } from '@palisade/chain';
import { toBinaryString, toHex } from '@palisade/core';
import { createHealth, type Health } from '@palisade/daemon';
import type { EmbeddedEngine } from '@palisade/engine';
import { seatings } from '@palisade/power';
import type { Pool } from '../services/pool.ts';
import type { ValidatorService } from '../services/validator-service.ts';

export function healthOf(engine: EmbeddedEngine): Health {
  const health = createHealth();
  health.check('alive', 'engine', async () => (await engine.status()).failure?.message);
  health.check('ready', 'blocks', async () =>
    (await engine.status()).height === 0n ? 'the first block is not made yet' : undefined,
  );
  return health;
}

/** The body of `/status`. */
export async function statusOf(
  pool: Pool,
  service: ValidatorService,
  engine: EmbeddedEngine,
  blockTimeMs: number,
): Promise<Record<string, unknown>> {
  const status = await engine.status();
  const directory = pool.directory();
  const state = pool.application.committed;
  const session = currentSession.get(state) ?? 0n;
  const seats = new Map(
    [...validators.list(state)].map(([[nodeKey], held]) => [toBinaryString(nodeKey), held]),
  );
  const names = ['passive', 'active', 'excluded'];
  const lines = directory.map(({ nodeKey, name, url }) => {
    const held = seats.get(toBinaryString(nodeKey));
    return {
      nodeKey: toHex(nodeKey),
      url,
      name,
      seat: names[held?.seat ?? 0],
      weight: `${held?.weight ?? 0n}`,
    };
  });
  lines.sort((a, b) => (a.seat === b.seat ? 0 : a.seat === 'active' ? -1 : 1));
  return {
    chainId: status.chainId,
    genesisHash: toHex(pool.application.domain.genesisHash),
    nodeKey: toHex(service.self.nodeKey),
    seat: names[service.self.seat],
    url: directory.find(({ name }) => name === service.self.name)?.url,
    height: status.height.toString(),
    timeMs: (status.blockTimeNs / 1_000_000n).toString(),
    session: `${session}`,
    lowTrust: seatings.get(state, session)?.lowTrust === 1,
    appHash: toHex(status.appHash),
    engine: status.description,
    blockTimeMs,
    mempool: status.mempool,
    shadow: status.shadow
      ? { height: `${status.shadow.height}`, restarts: status.shadow.restarts }
      : null,
    directory: lines,
    market: marketStatus(pool, service),
  };
}

/** Pairs of client and partner listed at most: a page for people. */
const MAX_PAIRS = 20;

/** What the validator does between clients and partners, and where connections fail (P2V-4.G1). */
function marketStatus(pool: Pool, { self, notifier, challenger }: ValidatorService) {
  const partners = pool.board.list(pool.nowMs());
  const answersFor = notifier.duty();
  return {
    partners: partners.length,
    atCapacity: partners.filter(({ value }) => value.accepting !== 1).length,
    answersFor: partners.filter(({ nodeKey }) => answersFor(nodeKey)).length,
    streams: notifier.streams,
    silenced: pool.discipline.silenced,
    challenging: challenger.open,
    matches: pool.meetings.countsOf(self.name),
    probes: pool.meetings.findings,
    oneSidedPairs: pool.meetings.worstPairs(MAX_PAIRS).map(({ client, partner, oneSided }) => ({
      client: toHex(client),
      partner: toHex(partner),
      oneSided,
    })),
  };
}
