/**
 * Answers challenges (P2V-1.G2): a validator asks whether this partner is there, and for leaves of a
 * content that it is paid to keep. The answer names the question, so that none can be kept ready.
 */
import {
  catalogue,
  type Domain,
  equalBytes,
  isRefusal,
  type Opened,
  open,
  type Refusal,
  refuse,
  type Signer,
  signEnvelope,
  toHex,
  type ValueOf,
  verifyOpened,
} from '@palisade/core';
import { type Capacity, challengeAnswer, partnerChallenge } from '@palisade/market/schema';
import type { PartnerMetrics } from '../metrics.ts';
import type { Network } from '../network.ts';
import { hexOf } from '../records/agreement.ts';
import type { AgreementBook } from '../records/agreement-book.ts';
import type { ContentStore } from '../storage/index.ts';
import { done, type Outcome, refused } from '../storage/outcome.ts';

/** Challenges answered at once: each reads 4 MiB. Two validators ask a few times in a session. */
const AT_ONCE = 4;

export type ChallengeDeskOptions = {
  readonly network: Pick<Network, 'directory'>;
  readonly domain: Domain;
  readonly signer: Signer;
  readonly book: AgreementBook;
  readonly store: ContentStore;
  /** What there is room for now. */
  readonly capacity: () => Capacity;
  readonly metrics: PartnerMetrics;
};

type Challenge = Opened<ValueOf<typeof partnerChallenge>>;
type Proofs = ValueOf<typeof challengeAnswer>['proofs'];

export class ChallengeDesk {
  readonly #options: ChallengeDeskOptions;
  readonly #known = catalogue([partnerChallenge]);
  #running = 0;

  constructor(options: ChallengeDeskOptions) {
    this.#options = options;
  }

  /** The signed answer to a signed challenge. */
  async answer(envelope: Uint8Array): Promise<Outcome<Uint8Array>> {
    const outcome = await this.#bounded(envelope);
    const label = outcome.ok ? 'answered' : 'refused';
    this.#options.metrics.count('partner_challenges_total', { outcome: label });
    return outcome;
  }

  async #bounded(envelope: Uint8Array): Promise<Outcome<Uint8Array>> {
    const opened = this.#open(envelope);
    if (isRefusal(opened)) return refused(opened);
    if (this.#running >= AT_ONCE) return refused(busy());
    this.#running++;
    try {
      const proofs = await this.#prove(opened);
      return proofs.ok ? done(await this.#sign(opened, proofs.value)) : proofs;
    } finally {
      this.#running--;
    }
  }

  /** Strangers get nothing: an answer costs more than the question. */
  #open(envelope: Uint8Array): Challenge | Refusal {
    const { network, domain, signer } = this.#options;
    const opened = open(envelope, this.#known, domain);
    if (isRefusal(opened)) return opened;
    const isKnown = network.directory
      .list()
      .some(({ nodeKey }) => nodeKey !== undefined && equalBytes(nodeKey, opened.sender));
    if (!isKnown)
      return refuse(
        'partner/unknown-validator',
        `${toHex(opened.sender)} is no validator that this partner knows.`,
        { retry: 'later' },
      );
    const challenge = opened as Challenge;
    if (!equalBytes(challenge.value.partner, signer.id))
      return refuse('partner/other-partner', 'This challenge is for another partner.');
    return verifyOpened(opened) ?? challenge;
  }

  async #prove({ value: { job, leaves } }: Challenge): Promise<Outcome<Proofs>> {
    if (leaves.length === 0) return done([]);
    const agreement = this.#options.book.get(hexOf(job));
    if (!agreement)
      return refused(
        refuse('partner/no-agreement', `There is no agreement about job ${toHex(job)}.`),
      );
    const proven = await this.#options.store.prove(agreement.contentId, leaves.map(Number));
    if (!proven.ok) return proven;
    return done(
      proven.value.map(({ leafIndex, leaf, path }) => ({
        leafIndex: BigInt(leafIndex),
        leaf,
        path: [...path],
      })),
    );
  }

  #sign({ id, sender, value: { session } }: Challenge, proofs: Proofs): Promise<Uint8Array> {
    const { domain, signer, capacity } = this.#options;
    const { accepting, freeBytes, freeSlots } = capacity();
    const room = { accepting, freeBytes, freeSlots };
    const words = { challenge: id, session, validator: sender, ...room, proofs };
    return signEnvelope(challengeAnswer, words, domain, signer);
  }
}

function busy(): Refusal {
  return refuse('partner/busy', `${AT_ONCE} challenges are being answered.`, { retry: 'later' });
}
