/** A validator's promises to clients: jobs that it confirmed for a block, and its word in votes. */
import {
  currentSession,
  dueReveal,
  MAX_MISSED,
  NO_EXTENSION,
  sessions,
  voteExtension,
} from '@palisade/chain';
import {
  encode,
  equalBytes,
  isRefusal,
  type Opened,
  type Refusal,
  refuse,
  toBinaryString,
} from '@palisade/core';
import { ecvrf } from '@palisade/core/crypto';
import type { ExtendVoteRequest, ExtendVoteResponse } from '@palisade/formats';
import { confirmation, jobs, request } from '@palisade/market';
import type { Pool } from './pool.ts';
import type { Validator } from './validator.ts';

export class Confirmations {
  private readonly pool: Pool;
  private readonly self: Validator;
  /** Jobs confirmed by this validator, by id, with the block that it named. */
  private readonly promised = new Map<string, bigint>();
  /** Its part of the session's randomness. */
  private proven: { readonly input: Uint8Array; readonly proof: Uint8Array } | undefined;

  constructor(pool: Pool, self: Validator) {
    this.pool = pool;
    this.self = self;
  }

  /** JOB_CONFIRM (C2V-2): places a request in an open job file and promises its block. */
  async confirm(
    envelope: Uint8Array,
  ): Promise<{ readonly job: Uint8Array; readonly confirmation: Uint8Array } | Refusal> {
    const elsewhere = this.self.redirect();
    if (elsewhere) return elsewhere;
    const [opened] = await this.pool.application.opener.open([envelope]);
    if (!opened || isRefusal(opened))
      return opened ?? refuse('envelope/malformed', 'Nothing was sent.');
    if (opened.declaration.name !== request.name)
      return refuse(
        'market/other-message',
        `${request.name} is wanted here, not ${opened.declaration.name}.`,
      );
    const placed = await this.place(opened, envelope);
    if (isRefusal(placed)) return placed;
    this.promised.set(toBinaryString(opened.id), placed.height);
    return { job: opened.id, confirmation: await this.confirmationOf(opened.id, placed) };
  }

  private async place(opened: Opened, envelope: Uint8Array) {
    const { application, jobFiles } = this.pool;
    const onChain = jobs.get(application.committed, opened.id);
    if (onChain) return { height: onChain.height, jobsInFile: 0 };
    if (!jobFiles.find(opened.id)) {
      const check = await application.checkTx({ tx: envelope, type: 'new' });
      if (check.code !== 0) return refuse(check.codespace, check.log, { retry: 'later' });
    }
    return jobFiles.place(opened, envelope);
  }

  private async confirmationOf(
    job: Uint8Array,
    { height, jobsInFile }: { readonly height: bigint; readonly jobsInFile: number },
  ): Promise<Uint8Array> {
    const set = await this.pool.engine.validators(this.self.height);
    return this.self.sign(confirmation, {
      job,
      height,
      jobsInFile,
      session: this.self.session,
      validatorSetHash: set?.hash ?? new Uint8Array(32),
      validators: this.self.workingList(),
    });
  }

  /** What this validator says with its vote: disclosures, and jobs that it promised and misses. */
  async extendVote({ txs }: ExtendVoteRequest): Promise<ExtendVoteResponse> {
    const { application } = this.pool;
    const state = application.committed;
    const session = sessions.need(state, currentSession.need(state));
    const input = dueReveal(state, session, this.self.nodeKey);
    const extension = encode(voteExtension, {
      ...NO_EXTENSION,
      ...(input ? { reveal: this.proofOf(input) } : {}),
      missed: await this.missedIn(txs),
    });
    return { voteExtension: extension };
  }

  /** Made once: its vote may be left out of a block or two, and then it is asked for again. */
  private proofOf(input: Uint8Array): Uint8Array {
    if (!this.proven || !equalBytes(this.proven.input, input))
      this.proven = { input, proof: ecvrf.prove(this.self.secret, input) };
    return this.proven.proof;
  }

  private async missedIn(txs: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const { application, jobFiles } = this.pool;
    const opened = await application.opener.open(txs.slice(1));
    const included = new Set(
      opened.flatMap((tx) => (isRefusal(tx) ? [] : [toBinaryString(tx.id)])),
    );
    const missing = jobFiles.missing(this.self.height + 1n, included);
    return missing
      .filter((id) => this.promised.has(toBinaryString(id)))
      .sort((a, b) => (toBinaryString(a) < toBinaryString(b) ? -1 : 1))
      .slice(0, MAX_MISSED);
  }

  /** Forgets promises that are kept. */
  forget(ids: readonly Uint8Array[]): void {
    for (const id of ids) this.promised.delete(toBinaryString(id));
  }
}
