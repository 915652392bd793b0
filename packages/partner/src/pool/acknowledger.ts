/**
 * Says to a validator that it told of a job (P2V-2): its answer to whoever should accuse it of
 * silence. Nothing depends on it here, so what cannot be said soon is left unsaid.
 */
import { type Domain, type Signer, signEnvelope } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import { noticeAck } from '@palisade/market/schema';
import type { Environment, ValidatorEntry } from '../network.ts';
import { postMessage } from './call.ts';
import { settled, stopController } from './stopping.ts';

/** Acknowledgements under way at once, to all validators together. */
const AT_ONCE = 4;
/** Acknowledgements that wait: two streams that begin with 256 open jobs each. */
const MAX_WAITING = 512;

type Heard = {
  readonly validator: ValidatorEntry;
  readonly job: Uint8Array;
  readonly height: bigint;
};

export type AcknowledgerOptions = {
  readonly env: Environment;
  readonly domain: Domain;
  readonly signer: Signer;
  readonly log: Logger;
};

export class Acknowledger {
  readonly #options: AcknowledgerOptions;
  readonly #stopping = stopController();
  readonly #waiting: Heard[] = [];
  readonly #running = new Set<Promise<void>>();

  constructor(options: AcknowledgerOptions) {
    this.#options = options;
  }

  add(heard: Heard): void {
    if (this.#waiting.length >= MAX_WAITING) this.#waiting.shift();
    this.#waiting.push(heard);
    this.#fill();
  }

  async stop(): Promise<void> {
    this.#waiting.length = 0;
    this.#stopping.abort();
    await settled(Promise.all(this.#running));
  }

  #fill(): void {
    while (this.#running.size < AT_ONCE && !this.#stopping.signal.aborted) {
      const next = this.#waiting.shift();
      if (!next) return;
      const running: Promise<void> = this.#send(next).finally(() => {
        this.#running.delete(running);
        this.#fill();
      });
      this.#running.add(running);
    }
  }

  async #send({ validator, job, height }: Heard): Promise<void> {
    const { env, domain, signer, log } = this.#options;
    try {
      const value = { job, validator: validator.nodeKey, height };
      const envelope = await signEnvelope(noticeAck, value, domain, signer);
      const url = `${validator.url}/v1/notices/acknowledgements`;
      await postMessage(env, url, envelope, this.#stopping.signal);
    } catch (error) {
      if (!this.#stopping.signal.aborted)
        log.debug('a notice was not acknowledged', { job, validator: validator.url, err: error });
    }
  }
}
