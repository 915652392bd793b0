/**
 * What every desk does before it looks at a client's words: opens them, takes those about one job one
 * after another, and not too many at once.
 */
import {
  type Catalogue,
  catalogue,
  type Declaration,
  type Domain,
  equalBytes,
  isRefusal,
  type Opened,
  open,
  type Refusal,
  refuse,
  type Signer,
  toHex,
  verifyOpened,
} from '@palisade/core';
import { clientReceipt, rateVoucher, usageVoucher } from '@palisade/market/schema';
import { hexOf } from '../records/agreement.ts';
import { KeyedLock } from '../storage/keyed-lock.ts';
import { type Outcome, refused } from '../storage/outcome.ts';
import { otherPartner, type Voucher } from './check-voucher.ts';

/** Vouchers looked at at once: each asks a validator, and strangers can send any number. */
const MAX_CHECKS = 64;

const known: Catalogue = catalogue([rateVoucher, usageVoucher, clientReceipt]);

export class DeskDoor {
  readonly #domain: Domain;
  readonly #self: Uint8Array;
  readonly #locks = new KeyedLock();
  #checking = 0;

  constructor({ domain, signer }: { readonly domain: Domain; readonly signer: Signer }) {
    this.#domain = domain;
    this.#self = signer.id;
  }

  /** Opens what must be of one kind and about a job, and hands it on; nothing else about it runs meanwhile. */
  async take<V extends { readonly job: Uint8Array }, T>(
    envelope: Uint8Array,
    declaration: Declaration<V>,
    look: (opened: Opened<V>) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const opened = this.#open(envelope, declaration);
    if (isRefusal(opened)) return refused(opened);
    return this.#locks.run(hexOf(opened.value.job), () => look(opened));
  }

  /** As `take`, for rate vouchers, which anybody can send for jobs that nobody here knows yet. */
  async takeVoucher<T>(
    envelope: Uint8Array,
    look: (opened: Opened<Voucher>) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const opened = this.#open(envelope, rateVoucher);
    if (isRefusal(opened)) return refused(opened);
    if (!equalBytes(opened.value.partner, this.#self)) return refused(otherPartner(opened.value));
    if (this.#checking >= MAX_CHECKS) return refused(busy());
    this.#checking++;
    const taken = this.#locks.run(hexOf(opened.value.job), () => look(opened));
    return taken.finally(() => this.#checking--);
  }

  #open<V>(envelope: Uint8Array, { name }: Declaration<V>): Opened<V> | Refusal {
    const opened = open(envelope, known, this.#domain);
    if (isRefusal(opened)) return opened;
    if (opened.declaration.name !== name)
      return refuse(
        'partner/other-message',
        `${name} is wanted here, not ${opened.declaration.name}.`,
      );
    return verifyOpened(opened) ?? (opened as Opened<V>);
  }
}

export function noAgreement(job: Uint8Array): Refusal {
  return refuse('partner/no-agreement', `There is no running agreement about job ${toHex(job)}.`, {
    next: 'Send a voucher to POST /v1/agreements first.',
  });
}

export function noSuchJob(job: Uint8Array): Refusal {
  return refuse('market/no-such-job', `There is no job ${toHex(job)} on the chain yet.`, {
    retry: 'later',
    next: 'A job appears with the block that confirms it; try again after it.',
  });
}

function busy(): Refusal {
  return refuse('partner/busy', `${MAX_CHECKS} vouchers are being looked at already.`, {
    retry: 'later',
    next: 'Try again in a few seconds.',
  });
}
