/**
 * Whole lives of jobs: request, offer, acceptance and match, a start with the client's voucher, an
 * audit answered in each of two sessions, both payouts, the end. The least that lives need is that
 * their signatures are checked: the anchor does only that, on one core.
 */
import { join } from 'node:path';
import {
  accountSigner,
  type Declaration,
  isRefusal,
  nodeSigner,
  type Signer,
  signEnvelope,
} from '@palisade/core';
import { accept, agreementEnded, match, offer, partnerPaid, ready } from '@palisade/market';
import { domainOf } from '@palisade/node';
import type { Network } from '../packages/devnet/src/network.ts';
import { openMessage } from '../packages/node/src/services/pool.ts';
import { bareRecoveries, bareVerifications } from './bare-signatures.ts';
import { type DrivenChain, drive, openChain } from './driven-chain.ts';
import { type Round, type Row, rowOf, timed } from './kit.ts';
import {
  type MarketActors,
  marketActors,
  type OpenJob,
  type Partner,
  RATE,
  range,
} from './market-load.ts';

/** Lives of one turn. */
const LIVES = 500;
const ROUNDS = 7;
const SESSIONS = 2;
const ACCOUNTS = 1000;
/** Signatures of one life: request, acceptance and voucher; offer, start and an answer per session. */
const CLIENT_SIGNATURES = 3;
const PARTNER_SIGNATURES = 2 + SESSIONS;
/** Blocks of a session before its randomness is there and an answer can come. */
const QUIET_BLOCKS = 3;
const MIB = 1024n * 1024n;

type Life = { readonly request: Uint8Array; readonly job: OpenJob; readonly partner: Partner };
/** What one turn of lives says, signed ahead. */
type Script = {
  readonly lives: readonly Life[];
  readonly offers: readonly Uint8Array[];
  readonly acceptances: readonly Uint8Array[];
  readonly starts: readonly Uint8Array[];
  /** Of each session. */
  readonly answers: readonly (readonly Uint8Array[])[];
};

async function write(
  { ask, begin, answer, partners }: MarketActors,
  { domain }: DrivenChain,
  session: bigint,
): Promise<Script> {
  const sign = <T>(declaration: Declaration<T>, value: T, by: Signer) =>
    signEnvelope(declaration, value, domain, by);
  const lives = range(LIVES, (i): Life => {
    const { tx, job } = ask();
    return { request: tx, job, partner: partners[i % partners.length]! };
  });
  const readyOf = (partner: Partner) =>
    sign(
      ready,
      {
        sequence: 1n,
        atMs: 0n,
        expiresMs: 2n ** 50n,
        url: 'http://127.0.0.1:1',
        utility: 1,
        price: RATE,
        maxSize: MIB,
        maxSessions: SESSIONS,
        freeBytes: MIB,
        freeSlots: 1,
        direct: 0,
        accepting: 1,
        reason: '',
      },
      nodeSigner(partner.secret),
    );
  return {
    lives,
    offers: await Promise.all(
      lives.map(async ({ job, partner }) =>
        sign(
          offer,
          { job: job.id, rate: RATE, validUntilMs: 2n ** 50n, ready: await readyOf(partner) },
          nodeSigner(partner.secret),
        ),
      ),
    ),
    acceptances: await Promise.all(
      lives.map(({ job, partner }) =>
        sign(
          accept,
          { job: job.id, partner: partner.nodeKey, rate: RATE },
          accountSigner(job.client.secret),
        ),
      ),
    ),
    starts: lives.map(({ job, partner }) => begin(partner, job)),
    answers: range(SESSIONS, (i) =>
      lives.map(({ job, partner }) => answer(partner, job, session + BigInt(i))),
    ),
  };
}

/** Hears offer and acceptance of each job, and says its match. */
async function bringTogether(script: Script, { domain }: DrivenChain, validator: Signer) {
  for (const [i, { job, partner }] of script.lives.entries()) {
    const offered = openMessage(script.offers[i]!, offer, domain);
    const accepted = openMessage(script.acceptances[i]!, accept, domain);
    if (isRefusal(offered) || isRefusal(accepted)) throw new Error('a message was refused');
    const words = { job: job.id, client: accepted.sender, partner: partner.nodeKey, rate: RATE };
    await signEnvelope(match, { ...words, ready: offered.value.ready }, domain, validator);
  }
}

async function live(script: Script, chain: DrivenChain, validator: Signer, sessionMs: number) {
  const seen = new Map<string, number>();
  await drive(chain, [script.lives.map(({ request }) => request)]);
  await bringTogether(script, chain, validator);
  await drive(chain, [script.starts]);
  for (const answers of script.answers) {
    await drive(chain, [...range(QUIET_BLOCKS, () => []), answers]);
    const { events } = await chain.block([], BigInt(sessionMs));
    for (const { type } of events) seen.set(type, (seen.get(type) ?? 0) + 1);
  }
  const paid = seen.get(partnerPaid.name);
  const ended = seen.get(agreementEnded.name);
  if (paid !== SESSIONS * LIVES || ended !== LIVES)
    throw new Error(`${paid} payments and ${ended} ends for ${LIVES} jobs`);
}

export async function lifecycleRows(
  folder: string,
  network: Network,
  sessionMs: number,
): Promise<Row[]> {
  const actors = marketActors(ACCOUNTS, domainOf(network.genesis), SESSIONS);
  const chain = await openChain(join(folder, 'lives'), network, actors.accounts);
  await actors.prepare(chain);
  const validator = nodeSigner(network.validators[0]!.nodeSecret);
  const recover = bareRecoveries();
  const verify = bareVerifications();
  const wall: Round[] = [];
  const cpu: Round[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const script = await write(actors, chain, BigInt(round * SESSIONS));
    const bare = await timed(() => {
      recover(LIVES * CLIENT_SIGNATURES);
      verify(LIVES * PARTNER_SIGNATURES);
    });
    const whole = await timed(() => live(script, chain, validator, sessionMs));
    // The first round warms up.
    if (round === 0) continue;
    wall.push({ ours: LIVES / whole.wall, anchor: LIVES / bare.wall });
    cpu.push({ ours: LIVES / whole.cpu, anchor: LIVES / bare.cpu });
    console.error(
      `lives ${round} of ${ROUNDS}: ${Math.round(LIVES / whole.wall)} lives/s, ${Math.round(LIVES / bare.wall)} by signatures alone`,
    );
  }
  await chain.stop();
  return [
    rowOf(
      {
        case: 'lifecycle',
        unit: 'jobs/s',
        note: `whole lives of jobs over ${SESSIONS} sessions; anchor: one core that does nothing but check their ${CLIENT_SIGNATURES + PARTNER_SIGNATURES} signatures.`,
      },
      wall,
    ),
    rowOf(
      {
        case: 'lifecycle-cpu',
        unit: 'jobs per processor second',
        note: 'the same, by processor time of all threads.',
      },
      cpu,
    ),
  ];
}
