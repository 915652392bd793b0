/** Who a validator is: its key, its seat, its signature. What it does is in the files beside. */
import { activeValidators, committed, currentSession, SEAT, validators } from '@palisade/chain';
import {
  type Declaration,
  equalBytes,
  nodeSigner,
  type Refusal,
  refuse,
  signEnvelope,
} from '@palisade/core';
import type { Pool } from './pool.ts';

export class Validator {
  readonly nodeKey: Uint8Array;
  readonly name: string;
  readonly secret: Uint8Array;
  private readonly pool: Pick<Pool, 'application' | 'directory'>;
  private readonly signer;

  constructor(pool: Pick<Pool, 'application' | 'directory'>, name: string, secret: Uint8Array) {
    this.pool = pool;
    this.name = name;
    this.secret = secret;
    this.signer = nodeSigner(secret);
    this.nodeKey = this.signer.id;
  }

  /** Its seat in the running session. */
  get seat(): number {
    return validators.get(this.pool.application.committed, this.nodeKey)?.seat ?? SEAT.passive;
  }

  /** Of the chain, as this validator has it. */
  get height(): bigint {
    return committed.get(this.pool.application.committed)?.height ?? 0n;
  }

  get session(): bigint {
    return currentSession.get(this.pool.application.committed) ?? 0n;
  }

  sign<T>(declaration: Declaration<T>, value: T): Promise<Uint8Array> {
    return signEnvelope(declaration, value, this.pool.application.domain, this.signer);
  }

  /** Active validators with their endpoints. */
  workingList(): { nodeKey: Uint8Array; url: string }[] {
    const active = activeValidators(this.pool.application.committed);
    return this.pool
      .directory()
      .filter(({ nodeKey }) => active.some((validator) => equalBytes(validator.nodeKey, nodeKey)))
      .map(({ nodeKey, url }) => ({ nodeKey, url }));
  }

  /** Redirects whoever brings work to a passive validator (V2V-0); undefined while active. */
  redirect(): Refusal | undefined {
    if (this.seat === SEAT.active) return undefined;
    return refuse('market/not-active', `${this.name} is a passive validator in this session.`, {
      retry: 'now',
      next: 'Ask one of the active validators.',
      data: { validators: this.workingList().map(({ url }) => url) },
    });
  }
}
