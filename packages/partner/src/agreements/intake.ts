/**
 * Takes contents in for agreements, from wherever they are: in the store already (another job
 * brought them), on their way with an outline, or staged without one. Whatever happens in between,
 * what is said to be here is here after a crash.
 */
import { access, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type Refusal, refuse } from '@palisade/core';
import { ensureDir } from '@palisade/daemon';
import { type AgreementRecord, hexOf, sizeOf } from '../records/agreement.ts';
import { footprint, type Promised } from '../room.ts';
import type { ContentStore, Outcome, UploadProgress } from '../storage/index.ts';
import { StagedContent } from './staging.ts';

/** How far the content of an agreement is. */
export type Progress = {
  readonly offset: number;
  /** Whole, checked, in the store, and kept there for this job. */
  readonly complete: boolean;
};

export type IntakeOptions = {
  readonly store: ContentStore;
  /** For contents without an outline. */
  readonly folder: string;
  /** Agreements whose upload is not complete. */
  readonly uploading: () => readonly AgreementRecord[];
  readonly clock: Clock;
  /** A staged content arrived in the store, perhaps after the answer to its last bytes. */
  readonly onAdopted: (agreement: AgreementRecord) => void;
};

/** Clients wait a minute for the answer to their last bytes; a proxy before us perhaps half of it. */
const ADOPT_PATIENCE_MS = 5000;

type Answer = Outcome<Progress>;

async function* nothing(): AsyncGenerator<Uint8Array> {}

const refused = (refusal: Refusal): Answer => ({ ok: false, refusal });
const at = (offset: number, complete = false): Answer => ({
  ok: true,
  value: { offset, complete },
});

export class Intake implements Promised {
  readonly #options: IntakeOptions;
  /** Staged contents that are open, by job. At most one per agreement that uploads. */
  readonly #staged = new Map<string, Promise<StagedContent>>();
  /** Jobs whose staged content is being written: one writer each. */
  readonly #busy = new Set<string>();
  /** Jobs whose bytes the store counts, with what of them is here. */
  readonly #counted = new Map<string, number>();
  readonly #grown = new Map<string, number>();
  /** Staged contents on their way into the store. */
  readonly #adopting = new Map<string, Promise<Answer>>();

  private constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Opens the folder and drops what is staged for no agreement. */
  static async open(options: IntakeOptions): Promise<Intake> {
    await ensureDir(options.folder);
    const intake = new Intake(options);
    const jobs = new Set(options.uploading().map(({ job }) => hexOf(job)));
    for (const name of await readdir(options.folder))
      if (!jobs.has(name)) await rm(join(options.folder, name), { force: true });
    for (const agreement of options.uploading()) await intake.progress(agreement);
    return intake;
  }

  /** How far an upload is, completing it where all it takes is here. */
  async progress(agreement: AgreementRecord): Promise<Answer> {
    if (this.#adopting.has(hexOf(agreement.job))) return this.#adopt(agreement);
    const inStore = await this.#inStore(agreement);
    if (inStore && (!inStore.ok || inStore.value.complete)) return inStore;
    const staged = await this.#stagedIfAny(agreement);
    const size = sizeOf(agreement);
    const isWhole = size === 0 || staged?.length === size;
    // A crash between the last byte and the store: the content goes on its way now.
    if (isWhole && !this.#busy.has(hexOf(agreement.job))) return this.#adopt(agreement);
    return inStore ?? at(staged?.length ?? 0);
  }

  /** When the upload of a job last grew, as far as this process has seen. */
  grownMs(job: Uint8Array): number | undefined {
    return this.#grown.get(hexOf(job));
  }

  /** Takes the outline, with which bytes are checked as they come (spec/content.md). */
  async takeOutline(agreement: AgreementRecord, roots: Uint8Array): Promise<Answer> {
    const { contentId, job } = agreement;
    const begun = await this.#options.store.beginUpload({
      contentId,
      size: sizeOf(agreement),
      roots,
      jobId: job,
    });
    if (!begun.ok) return begun;
    await this.#dropStaged(agreement);
    return this.#settle(agreement, begun.value);
  }

  /** Takes bytes from `offset` on, which must be where the upload is. */
  async append(
    agreement: AgreementRecord,
    offset: number,
    source: AsyncIterable<Uint8Array>,
  ): Promise<Answer> {
    const before = await this.progress(agreement);
    if (!before.ok || before.value.complete) return before;
    if (offset !== before.value.offset) return refused(wrongOffset(offset, before.value.offset));
    if (!this.#counted.has(hexOf(agreement.job))) return this.#stage(agreement, source);
    const taken = await this.#options.store.append(agreement.contentId, offset, source);
    return taken.ok ? this.#settle(agreement, taken.value) : taken;
  }

  /** The agreement came to nothing, or its content is needed no more. True when nothing is left. */
  async release(agreement: AgreementRecord): Promise<boolean> {
    await this.#dropStaged(agreement);
    this.#counted.delete(hexOf(agreement.job));
    this.#grown.delete(hexOf(agreement.job));
    return this.#options.store.release(agreement.contentId, agreement.job);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#adopting.values());
    for (const staged of this.#staged.values()) await (await staged).close();
    this.#staged.clear();
  }

  uncountedBytes(): number {
    let bytes = 0;
    for (const agreement of this.#options.uploading())
      if (!this.#counted.has(hexOf(agreement.job))) bytes += footprint(sizeOf(agreement));
    return bytes;
  }

  unwrittenBytes(): number {
    let bytes = 0;
    for (const agreement of this.#options.uploading()) {
      const here = this.#counted.get(hexOf(agreement.job));
      if (here !== undefined) bytes += sizeOf(agreement) - here;
    }
    return bytes;
  }

  /** What the store has of it; undefined when the store knows nothing. */
  async #inStore(agreement: AgreementRecord): Promise<Answer | undefined> {
    const { store } = this.#options;
    // An empty stream changes nothing and tells how far the upload is.
    const found = await store.append(agreement.contentId, 0, nothing());
    if (found.ok) return this.#settle(agreement, found.value);
    if (found.refusal.code === 'storage/upload-unknown') {
      this.#counted.delete(hexOf(agreement.job));
      return undefined;
    }
    return found;
  }

  async #settle(agreement: AgreementRecord, progress: UploadProgress): Promise<Answer> {
    const { store } = this.#options;
    const { contentId, job } = agreement;
    this.#noteGrowth(hexOf(job), progress.received);
    if (progress.received < progress.size) return at(progress.received);
    if (!progress.stored) {
      const finished = await store.finish(contentId);
      if (!finished.ok) return finished;
    }
    // Another job may have brought it: with this, it stays for this one too.
    const outline = await store.outline(contentId);
    if (!outline.ok) return outline;
    const kept = await store.beginUpload({ contentId, ...outline.value, jobId: job });
    if (!kept.ok) return kept;
    if (kept.value.stored) await this.#dropStaged(agreement);
    return at(kept.value.received, kept.value.stored);
  }

  #noteGrowth(job: string, received: number): void {
    if (this.#counted.get(job) !== received) this.#grown.set(job, this.#options.clock.nowMs());
    this.#counted.set(job, received);
  }

  async #stage(agreement: AgreementRecord, source: AsyncIterable<Uint8Array>): Promise<Answer> {
    const job = hexOf(agreement.job);
    if (this.#busy.has(job)) return refused(uploadBusy());
    this.#busy.add(job);
    try {
      const staged = await this.#openStaged(agreement);
      const fits = await staged.append(source);
      this.#grown.set(job, this.#options.clock.nowMs());
      if (fits === 'too-long') return refused(tooLong(sizeOf(agreement)));
      if (staged.length < sizeOf(agreement)) return at(staged.length);
      return await this.#adopt(agreement);
    } catch (error) {
      await this.#forgetBroken(job);
      if (!isNoRoom(error)) throw error;
      return refused(noRoomLeft());
    } finally {
      this.#busy.delete(job);
    }
  }

  /**
   * Hands a whole staged content over to the store, once. All of it is read and written again, so
   * for a large one the answer does not wait: it says that all bytes are here, and no more.
   */
  async #adopt(agreement: AgreementRecord): Promise<Answer> {
    const job = hexOf(agreement.job);
    const running = this.#adopting.get(job) ?? this.#startAdopting(agreement);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Answer>((resolve) => {
      timer = setTimeout(() => resolve(at(sizeOf(agreement))), ADOPT_PATIENCE_MS);
    });
    return Promise.race([running, late]).finally(() => clearTimeout(timer));
  }

  #startAdopting(agreement: AgreementRecord): Promise<Answer> {
    const job = hexOf(agreement.job);
    const moving = this.#moveToStore(agreement).finally(() => this.#adopting.delete(job));
    this.#adopting.set(job, moving);
    moving.then(
      (answer) => answer.ok && answer.value.complete && this.#options.onAdopted(agreement),
      () => {}, // whoever asks next finds it undone, and hears of it then
    );
    return moving;
  }

  async #moveToStore(agreement: AgreementRecord): Promise<Answer> {
    const { store } = this.#options;
    const staged = await this.#openStaged(agreement);
    if (!(await staged.finish())) return refused(otherContent());
    const { contentId, job } = agreement;
    const begun = await store.beginUpload({ contentId, ...staged.outline!, jobId: job });
    if (!begun.ok) return begun;
    const { received, size } = begun.value;
    const taken = received < size ? await store.append(contentId, 0, staged.read()) : begun;
    return taken.ok ? this.#settle(agreement, taken.value) : taken;
  }

  #openStaged(agreement: AgreementRecord): Promise<StagedContent> {
    const job = hexOf(agreement.job);
    const open = this.#staged.get(job);
    if (open) return open;
    const opening = StagedContent.open(join(this.#options.folder, job), {
      contentId: agreement.contentId,
      size: sizeOf(agreement),
    });
    this.#staged.set(job, opening);
    opening.catch(() => this.#staged.delete(job)); // the next one tries again
    return opening;
  }

  async #stagedIfAny(agreement: AgreementRecord): Promise<StagedContent | undefined> {
    const job = hexOf(agreement.job);
    if (this.#staged.has(job)) return this.#staged.get(job);
    const isThere = await access(join(this.#options.folder, job)).then(
      () => true,
      () => false,
    );
    return isThere ? this.#openStaged(agreement) : undefined;
  }

  async #dropStaged(agreement: AgreementRecord): Promise<void> {
    const staged = await this.#stagedIfAny(agreement);
    this.#staged.delete(hexOf(agreement.job));
    await staged?.remove();
  }

  async #forgetBroken(job: string): Promise<void> {
    const staged = await this.#staged.get(job)?.catch(() => undefined);
    if (!staged?.isBroken) return;
    this.#staged.delete(job);
    await staged.close();
  }
}

function isNoRoom(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function wrongOffset(offset: number, received: number): Refusal {
  return refuse('storage/wrong-offset', `The upload goes on at byte ${received}, not ${offset}.`, {
    data: { offset, received },
    next: `Send from byte ${received}.`,
    retry: 'now',
  });
}

function uploadBusy(): Refusal {
  return refuse('partner/upload-busy', 'Another connection is sending this content.', {
    next: 'Ask for the offset again in a moment.',
    retry: 'later',
  });
}

function tooLong(size: number): Refusal {
  return refuse('storage/too-long', `More bytes came than the ${size} of the content.`, {
    data: { size },
  });
}

function otherContent(): Refusal {
  return refuse('partner/other-content', 'These bytes are not those of the content id.', {
    next: 'Send the content of the job again from byte 0; send its outline first to be told at once.',
  });
}

function noRoomLeft(): Refusal {
  return refuse('storage/disk-full', 'The disk has no room left: a write just failed.', {
    retry: 'later',
    next: 'Go on later, or ask another partner.',
  });
}
