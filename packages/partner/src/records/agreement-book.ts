/** The agreements about contents, with the two looks at them that are asked for all the time. */
import {
  type AgreementRecord,
  agreementForm,
  agreementFromJson,
  type HexId,
  hexOf,
} from './agreement.ts';
import { RecordBook } from './record-book.ts';

export class AgreementBook {
  readonly #byContent = new Map<HexId, Set<HexId>>();
  readonly #uploading = new Map<HexId, AgreementRecord>();
  #records!: RecordBook<AgreementRecord>;

  private constructor() {}

  /** @throws PalisadeError `partner/bad-record` naming a file that cannot be read. */
  static async open(folder: string): Promise<AgreementBook> {
    const book = new AgreementBook();
    book.#records = await RecordBook.open<AgreementRecord>(folder, {
      toJson: (agreement) => agreementForm.toJson(agreement),
      fromJson: agreementFromJson,
      onKept: (agreement) => book.#keep(agreement),
      onEnded: (agreement) => book.#forget(agreement),
    });
    return book;
  }

  get(job: HexId): AgreementRecord | undefined {
    return this.#records.get(job);
  }

  all(): readonly AgreementRecord[] {
    return this.#records.all();
  }

  get count(): number {
    return this.#records.count;
  }

  /** Those whose content is not complete: asked for with every offer, so kept apart. */
  uploading(): readonly AgreementRecord[] {
    return [...this.#uploading.values()];
  }

  /** Running agreements about one content. */
  ofContent(contentId: Uint8Array): readonly AgreementRecord[] {
    const jobs = this.#byContent.get(hexOf(contentId)) ?? [];
    return [...jobs].map((job) => this.#records.get(job)!);
  }

  /** See `RecordBook.update`. */
  update(
    job: Uint8Array,
    change: (before: AgreementRecord | undefined) => AgreementRecord | undefined,
  ): Promise<AgreementRecord | undefined> {
    return this.#records.update(job, change);
  }

  #keep(agreement: AgreementRecord): void {
    const id = hexOf(agreement.job);
    if (agreement.state === 'upload') this.#uploading.set(id, agreement);
    else this.#uploading.delete(id);
    const content = hexOf(agreement.contentId);
    const jobs = this.#byContent.get(content);
    if (jobs) jobs.add(id);
    else this.#byContent.set(content, new Set([id]));
  }

  #forget(agreement: AgreementRecord): void {
    const id = hexOf(agreement.job);
    this.#uploading.delete(id);
    const content = hexOf(agreement.contentId);
    const jobs = this.#byContent.get(content);
    jobs?.delete(id);
    if (jobs?.size === 0) this.#byContent.delete(content);
  }
}
