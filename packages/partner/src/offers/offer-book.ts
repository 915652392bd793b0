/**
 * Offers that are open: each keeps room and a rate until it expires or becomes an agreement. The
 * book is on disk before an offer leaves, so that a partner stands by its word after a crash.
 */
import {
  bytes32,
  type Clock,
  type Infer,
  list,
  type Refusal,
  record,
  refuse,
  u8,
  u64,
  u128,
} from '@palisade/core';
import { type HexId, hexOf } from '../records/agreement.ts';
import { readJson, type SavedFile, savedFile } from '../records/saved-file.ts';
import { footprint, type Promised, type Room } from '../room.ts';

const offerForm = record('OpenOffer', {
  job: bytes32,
  contentId: bytes32,
  size: u64,
  rate: u128.is('Base units per session'),
  validUntilMs: u64.is('Room is kept until then, ms since 1970'),
  matched: u8.is('1 once a validator has told of a match'),
});
export type OpenOffer = Readonly<Infer<typeof offerForm>>;

/** Offers open at once: a client asks up to 32 partners, so most come to nothing within minutes. */
export const MAX_OPEN_OFFERS = 256;
const bookForm = list(offerForm, MAX_OPEN_OFFERS);

export class OfferBook implements Promised {
  readonly #offers = new Map<HexId, OpenOffer>();
  readonly #file: SavedFile;
  readonly #clock: Clock;

  private constructor(path: string, offers: readonly OpenOffer[], clock: Clock) {
    this.#clock = clock;
    for (const offer of offers) this.#offers.set(hexOf(offer.job), offer);
    this.#file = savedFile(
      path,
      () => `${JSON.stringify(bookForm.toJson([...this.#offers.values()]))}\n`,
    );
  }

  static async open(path: string, clock: Clock): Promise<OfferBook> {
    const json = await readJson(path);
    return new OfferBook(path, json === undefined ? [] : bookForm.fromJson(json, 'offers'), clock);
  }

  get count(): number {
    this.#forgetExpired();
    return this.#offers.size;
  }

  /** Offers that can still be made. */
  get free(): number {
    return MAX_OPEN_OFFERS - this.count;
  }

  /** The open offer for a job. */
  get(job: Uint8Array): OpenOffer | undefined {
    this.#forgetExpired();
    return this.#offers.get(hexOf(job));
  }

  /** Keeps room for an offer, or says why there is none. Durable when the promise resolves. */
  async make(offer: OpenOffer, room: Room): Promise<Refusal | undefined> {
    this.#forgetExpired();
    if (this.#offers.size >= MAX_OPEN_OFFERS)
      return refuse('partner/too-many-offers', `${MAX_OPEN_OFFERS} offers are open.`, {
        retry: 'later',
      });
    if (!room.fits(Number(offer.size)))
      return refuse('partner/no-room', `There is no room for ${offer.size} bytes.`, {
        retry: 'later',
      });
    this.#offers.set(hexOf(offer.job), offer);
    await this.#file.save();
    return undefined;
  }

  /** A client has taken the offer up: it is kept for as long again, once. */
  async noteMatch(job: Uint8Array, validUntilMs: bigint): Promise<boolean> {
    const offer = this.get(job);
    if (!offer || offer.matched === 1) return false;
    this.#offers.set(hexOf(job), { ...offer, matched: 1, validUntilMs });
    await this.#file.save();
    return true;
  }

  /** The offer became an agreement, or came to nothing. */
  async close(job: Uint8Array): Promise<void> {
    if (this.#offers.delete(hexOf(job))) await this.#file.save();
  }

  uncountedBytes(): number {
    this.#forgetExpired();
    let bytes = 0;
    for (const { size } of this.#offers.values()) bytes += footprint(Number(size));
    return bytes;
  }

  unwrittenBytes(): number {
    return 0;
  }

  #forgetExpired(): void {
    const now = BigInt(this.#clock.nowMs());
    for (const [job, { validUntilMs }] of this.#offers)
      if (validUntilMs <= now) this.#offers.delete(job);
  }
}
