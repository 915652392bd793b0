import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgreementRecord } from '../records/agreement.ts';
import { footprint } from '../room.ts';
import { ContentStore, type DiskHook, type Outcome } from '../storage/index.ts';
import { contentOf, holds, MIB, streamed, type TestContent } from '../storage/testing/builders.ts';
import { Intake } from './intake.ts';

const clock = { nowMs: () => 1000 };
let dir: string;
let store: ContentStore;
let intake: Intake;
let uploading: AgreementRecord[];
let adopted: AgreementRecord[];
let diskHook: DiskHook;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'palisade-intake-'));
  uploading = [];
  adopted = [];
  diskHook = () => {};
  await open();
});
afterEach(async () => {
  await close();
  await rm(dir, { recursive: true, force: true });
});

async function open() {
  store = await ContentStore.open({
    directory: dir,
    quotaBytes: 2 ** 30,
    reserveBytes: 0,
    clock,
    freeBytes: async () => 2 ** 40,
    diskHook: (step, path) => diskHook(step, path),
  });
  intake = await Intake.open({
    store,
    folder: join(dir, 'intake'),
    uploading: () => uploading,
    clock,
    onAdopted: (agreement) => void adopted.push(agreement),
  });
}

async function close() {
  await intake.close();
  await store.close();
}

function agreementOn({ contentId, size }: TestContent, number = 1): AgreementRecord {
  const agreement = {
    job: new Uint8Array(32).fill(number),
    contentId,
    size: BigInt(size),
  } as AgreementRecord;
  uploading.push(agreement);
  return agreement;
}

const said = <T>(outcome: Outcome<T>) => (outcome.ok ? outcome.value : outcome.refusal.code);

describe('a content without its outline', () => {
  it('[P2V-5] is staged, and goes to the store when it turns out to be the one', async () => {
    const content = contentOf(2 * MIB + 9);
    const agreement = agreementOn(content);
    const first = await intake.append(agreement, 0, streamed(content.bytes.subarray(0, 70_000)));
    expect(said(first)).toEqual({ offset: 70_000, complete: false });
    expect(intake.uncountedBytes()).toBe(footprint(content.size));
    const rest = await intake.append(agreement, 70_000, streamed(content.bytes.subarray(70_000)));
    expect(said(rest)).toEqual({ offset: content.size, complete: true });
    expect(await holds(store, content)).toBe(true);
    expect(await readdir(join(dir, 'intake'))).toEqual([]);
    expect(intake.uncountedBytes()).toBe(0);
    expect(adopted).toEqual([agreement]);
  });

  it('[P2V-5] goes on after a restart, also when all its bytes were there', async () => {
    const content = contentOf(MIB + 5);
    const agreement = agreementOn(content);
    await intake.append(agreement, 0, streamed(content.bytes.subarray(0, 1000)));
    await close();
    await open();
    expect(said(await intake.progress(agreement))).toEqual({ offset: 1000, complete: false });
    diskHook = (step) => {
      if (step === 'rename') throw new Error('the power went');
    };
    const dying = intake.append(agreement, 1000, streamed(content.bytes.subarray(1000)));
    await expect(dying).rejects.toThrow('the power went');
    diskHook = () => {};
    await close();
    await open();
    expect(said(await intake.progress(agreement))).toEqual({
      offset: content.size,
      complete: true,
    });
    expect(await holds(store, content)).toBe(true);
  });

  it('[P2V-6] waits whole while the disk has no room for it', async () => {
    const content = contentOf(MIB);
    const agreement = agreementOn(content);
    diskHook = (step) => {
      if (step === 'write-group') throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    };
    const full = await intake.append(agreement, 0, streamed(content.bytes));
    expect(said(full)).toBe('storage/disk-full');
    diskHook = () => {};
    await store.refreshState();
    expect(said(await intake.progress(agreement))).toMatchObject({ complete: true });
  });

  it('[P2V-5] of other bytes is thrown away, and the upload begins anew', async () => {
    const content = contentOf(5000);
    const agreement = agreementOn(content);
    const lie = await intake.append(agreement, 0, streamed(contentOf(5000, 2).bytes));
    expect(said(lie)).toBe('partner/other-content');
    expect(said(await intake.progress(agreement))).toEqual({ offset: 0, complete: false });
    expect(said(await intake.append(agreement, 0, streamed(content.bytes)))).toMatchObject({
      complete: true,
    });
  });

  it('[P2V-5] keeps what came before its source broke', async () => {
    const content = contentOf(3 * MIB);
    const agreement = agreementOn(content);
    async function* breaking() {
      yield content.bytes.subarray(0, MIB + 17);
      throw new Error('the cable was pulled');
    }
    await expect(intake.append(agreement, 0, breaking())).rejects.toThrow('cable');
    expect(said(await intake.progress(agreement))).toMatchObject({ offset: MIB + 17 });
  });

  it('[P2V-5] whose outline comes late is sent again from the start, checked from then on', async () => {
    const content = contentOf(2 * MIB);
    const agreement = agreementOn(content);
    await intake.append(agreement, 0, streamed(content.bytes.subarray(0, MIB)));
    expect(said(await intake.takeOutline(agreement, content.roots))).toMatchObject({
      offset: 0,
    });
    expect(await readdir(join(dir, 'intake'))).toEqual([]);
    expect(said(await intake.append(agreement, 0, streamed(content.bytes)))).toMatchObject({
      complete: true,
    });
  });
});

describe('the intake', () => {
  it('[P2V-5] gives a content that is here to every job that needs it, until the last is over', async () => {
    const content = contentOf(1000);
    const [first, second] = [agreementOn(content, 1), agreementOn(content, 2)];
    await intake.append(first!, 0, streamed(content.bytes));
    expect(said(await intake.progress(second!))).toMatchObject({ complete: true });
    expect(await intake.release(first!)).toBe(false);
    expect(await holds(store, content)).toBe(true);
    expect(await intake.release(second!)).toBe(true);
    expect(store.list()).toEqual([]);
  });

  it('drops at the start what is staged for no agreement', async () => {
    await close();
    await writeFile(join(dir, 'intake', 'ab'.repeat(32)), 'left over');
    await open();
    expect(await readdir(join(dir, 'intake'))).toEqual([]);
  });

  it('[P2V-6] counts what is promised and not yet written', async () => {
    const content = contentOf(3 * MIB);
    const agreement = agreementOn(content);
    await intake.takeOutline(agreement, content.roots);
    expect([intake.uncountedBytes(), intake.unwrittenBytes()]).toEqual([0, 3 * MIB]);
    await intake.append(agreement, 0, streamed(content.bytes.subarray(0, MIB)));
    expect(intake.unwrittenBytes()).toBe(2 * MIB);
  });
});
