/**
 * A validator's verdict on seal proofs: a miner says that one is ready, it is fetched from there,
 * checked, and the verdict signed. The chain wants such words with the proof of a sector.
 */
import { senderOf } from '@palisade/chain';
import { isRefusal, type Refusal, refuse } from '@palisade/core';
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

export class SealJudge {
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
      this.pool.proofDesk.rememberAddress(sender.account, url);
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
    this.pool.proofDesk.noteHolds(subject);
    return { verdict: await this.self.sign(verdict, { subject, verdict: word }) };
  }
}
