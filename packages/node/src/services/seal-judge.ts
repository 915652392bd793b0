/**
 * A validator's verdict on seal proofs: a miner says that one is ready, it is fetched from there,
 * checked, and the verdict signed. The chain wants such words with the proof of a sector.
 */
import { nodeKeys, senderOf } from '@palisade/chain';
import { isRefusal, type Refusal, refuse, toHex } from '@palisade/core';
import {
  faultOfSealProof,
  preCommits,
  proofReady,
  sealEntryBytes,
  sealEntryCount,
  sealSubject,
  sectorsParameters,
  shapeOf,
  VERDICT,
  verdict,
} from '@palisade/power';
import { fetchProof, isAskable } from './fetch-proof.ts';
import { openMessage, type Pool, refuseStale } from './pool.ts';
import type { Validator } from './validator.ts';

/** Proofs at a time: each is up to some MiB in memory and 50 ms of work in one piece. */
const AT_ONCE = 2;
/** Addresses of miners that are remembered, the latest. */
const MAX_ADDRESSES = 10_000;

/** Where miners serve their proofs, by their own signed word; by account as hex. */
export type Addresses = Map<string, string>;

export class SealJudge {
  readonly addresses: Addresses = new Map();
  private readonly pool: Pool;
  private readonly self: Validator;
  private running = 0;

  constructor(pool: Pool, self: Validator) {
    this.pool = pool;
    this.self = self;
  }

  async judge(bytes: Uint8Array): Promise<{ readonly verdict: Uint8Array } | Refusal> {
    const { committed, domain } = this.pool.application;
    const opened = openMessage(bytes, proofReady, domain);
    if (isRefusal(opened)) return opened;
    const sender = senderOf(committed, opened);
    if (isRefusal(sender)) return sender;
    const { number, proof, url, atMs } = opened.value;
    const stale = refuseStale(atMs, this.pool.nowMs());
    if (stale) return stale;
    const announced = preCommits.get(committed, sender.account, number);
    if (!announced || announced.challenge.every((byte) => byte === 0))
      return refuse('sectors/not-challenged', `Sector ${number} has no challenge to be answered.`, {
        retry: 'later',
      });
    if (!isAskable(url))
      return refuse('sectors/bad-url', 'Proofs are fetched from a plain HTTP URL.');
    if (this.running >= AT_ONCE)
      return refuse('sectors/too-busy', `${AT_ONCE} proofs are being checked.`, { retry: 'later' });
    this.running++;
    try {
      this.remember(toHex(sender.account), url);
      return await this.check(sender.account, number, proof, url);
    } finally {
      this.running--;
    }
  }

  private async check(miner: Uint8Array, number: bigint, proof: Uint8Array, url: string) {
    const { committed } = this.pool.application;
    const shape = shapeOf(sectorsParameters.need(committed));
    const length = sealEntryCount(shape) * sealEntryBytes(shape);
    const file = await fetchProof(url, proof, length);
    const announced = preCommits.get(committed, miner, number);
    if (!announced) return refuse('sectors/not-announced', `Sector ${number} is not announced.`);
    const statement = { ...announced, miner, sector: number };
    const fault = file && faultOfSealProof(statement, shape, announced.challenge, proof, file);
    const word = !file ? VERDICT.withheld : fault ? VERDICT.fails : VERDICT.holds;
    const outcome = ['holds', 'fails', 'withheld'][word]!;
    this.pool.metrics.count('sector_proofs_total', { kind: 'seal', outcome });
    if (word !== VERDICT.holds)
      return refuse(
        'sectors/proof-fails',
        fault ? `The proof does not hold: ${fault.why}.` : `The proof could not be had at ${url}.`,
      );
    const subject = sealSubject(miner, number, proof);
    return { verdict: await this.self.sign(verdict, { subject, verdict: word }) };
  }

  private remember(miner: string, url: string): void {
    this.addresses.delete(miner);
    this.addresses.set(miner, url);
    if (this.addresses.size > MAX_ADDRESSES)
      this.addresses.delete(this.addresses.keys().next().value!);
  }
}

/** The address of a miner, by its own word to a validator or by the READY of a machine of its. */
export function addressOf(
  { application, board, nowMs }: Pool,
  addresses: Addresses,
  miner: Uint8Array,
): string | undefined {
  const key = toHex(miner);
  const known = addresses.get(key);
  if (known) return known;
  const entry = board.list(nowMs()).find(({ nodeKey }) => {
    const binding = nodeKeys.get(application.committed, nodeKey);
    return binding !== undefined && toHex(binding.account) === key;
  });
  return entry?.value.url;
}
