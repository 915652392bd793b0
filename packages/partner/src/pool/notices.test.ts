import { environment } from '@palisade/client';
import {
  accountSigner,
  digestOf,
  idOf,
  nodeSigner,
  type Signer,
  signEnvelope,
  type ValueOf,
} from '@palisade/core';
import { createMetrics, silentLogger } from '@palisade/daemon';
import { match, notice, request } from '@palisade/market/schema';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { domain, FakeValidator } from '../../test/fake-validator.ts';
import { DEVELOPMENT_TIMING } from '../config.ts';
import { partnerMetrics } from '../metrics.ts';
import { type JobNotice, Notices } from './notices.ts';

const client = accountSigner(new Uint8Array(32).fill(5));
const stranger = accountSigner(new Uint8Array(32).fill(6));
const partner = nodeSigner(new Uint8Array(32).fill(9));

let validators: FakeValidator[];
let notices: Notices;
let seen: JobNotice[];
let matches: ValueOf<typeof match>[];
let heard: Uint8Array[];
beforeEach(async () => {
  validators = await Promise.all([1, 2].map((seed) => new FakeValidator(seed).start()));
  seen = [];
  matches = [];
  heard = [];
});
afterEach(async () => {
  await notices.stop();
  for (const validator of validators) await validator.stop();
});

async function start() {
  notices = new Notices({
    env: environment(),
    domain,
    signer: partner,
    validators: () => validators.map(({ entry }) => entry),
    session: () => 1n,
    onHeard: ({ job }) => void heard.push(job),
    onNotice: async (told) => void seen.push(told),
    onMatch: async (told) => void matches.push(told),
    timing: { ...DEVELOPMENT_TIMING, retryMs: 5 },
    clock: { nowMs: () => Date.now() },
    log: silentLogger,
    metrics: createMetrics(partnerMetrics, { process: false }),
  });
  notices.refresh();
  await until(() => validators.every(({ streams }) => streams === 1));
}

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !isSo(); ) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const wanted: ValueOf<typeof request> = {
  utility: 1,
  subject: new Uint8Array(32).fill(4),
  size: 10n,
  partners: 1,
  sessions: 1,
  maxRate: 7n,
  nonce: 0n,
  maxFee: 0n,
};
const jobOf = (value: typeof wanted) => idOf(digestOf(request, value, domain), client.id);
async function noticeOf(
  from: FakeValidator,
  more: { by?: Signer; job?: Uint8Array; nonce?: bigint } = {},
) {
  const value = { ...wanted, nonce: more.nonce ?? 0n };
  const inner = await signEnvelope(request, value, domain, client);
  const told = { job: more.job ?? jobOf(value), height: 1n, request: inner };
  return signEnvelope(notice, told, domain, more.by ?? from.signer);
}

describe('notices', () => {
  it('[P2V-2] are read from all validators at once, each with the signed request in it', async () => {
    await start();
    for (const validator of validators) validator.tell('notice', await noticeOf(validator));
    await until(() => seen.length === 2);
    expect(seen.map(({ validator }) => validator.url).sort()).toEqual(
      validators.map(({ url }) => url).sort(),
    );
    expect(seen[0]).toMatchObject({ job: jobOf(wanted), client: client.id, request: wanted });
  });

  it('[P2V-2] signs its subscription freshly, and again after the stream broke', async () => {
    await start();
    validators[0]!.breakStreams();
    await until(() => validators[0]!.subscriptions === 2 && validators[0]!.streams === 1);
    validators[0]!.tell('notice', await noticeOf(validators[0]!));
    await until(() => seen.length === 1);
  });

  it('[P2V-2.G1] believes no notice that its validator has not signed', async () => {
    await start();
    const [first, second] = validators as [FakeValidator, FakeValidator];
    first.tell('notice', await noticeOf(first, { by: second.signer }));
    const forged = await noticeOf(first);
    forged[forged.length - 1]! ^= 1;
    first.tell('notice', forged);
    second.tell('notice', await noticeOf(second, { nonce: 5n }));
    await until(() => seen.length === 1);
    expect(seen[0]!.validator.url).toBe(second.url);
  });

  it('[P2V-2.G1] believes no job that its client has not signed, or under another id', async () => {
    await start();
    const [first, second] = validators as [FakeValidator, FakeValidator];
    const inner = await signEnvelope(request, wanted, domain, stranger);
    inner[inner.length - 1]! ^= 3;
    const told = { job: jobOf(wanted), height: 1n, request: inner };
    first.tell('notice', await first.sign(notice, told));
    first.tell('notice', await noticeOf(first, { job: new Uint8Array(32).fill(1) }));
    second.tell('notice', await noticeOf(second, { nonce: 5n }));
    await until(() => seen.length === 1);
    expect(seen[0]!.request.nonce).toBe(5n);
  });

  it('[P2V-2.G1] gives up a stream that lies three times, and comes back to it later', async () => {
    await start();
    const [first] = validators as [FakeValidator, FakeValidator];
    for (let lie = 0; lie < 3; lie++) first.write('event: notice\ndata: {"message":"0x00"}\n\n');
    await until(() => first.subscriptions >= 2 && first.streams === 1);
    first.tell('notice', await noticeOf(first));
    await until(() => seen.length === 1);
  });

  it('[P2V-2] survives whatever else comes through a stream', async () => {
    await start();
    const [first] = validators as [FakeValidator, FakeValidator];
    first.write('event: notice\ndata: not json\n\n: a comment\n\nevent: other\ndata: 1\n\n');
    first.write('event: notice\ndata: {"message":7}\n\n');
    first.tell('notice', await noticeOf(first));
    await until(() => seen.length === 1);
  });

  it('[P2V-4] notes matches that are about this partner, and no others', async () => {
    await start();
    const [first] = validators as [FakeValidator, FakeValidator];
    const told = { job: jobOf(wanted), client: client.id, rate: 7n, ready: new Uint8Array(0) };
    first.tell('match', await first.sign(match, { ...told, partner: validators[1]!.signer.id }));
    first.tell('match', await first.sign(match, { ...told, partner: partner.id }));
    await until(() => matches.length === 1);
    expect(matches[0]!.partner).toEqual(partner.id);
  });

  it("[P2V-2.G1] takes a stranger's copy of a request for the stranger's own job", async () => {
    await start();
    const [first] = validators as [FakeValidator, FakeValidator];
    const inner = await signEnvelope(request, wanted, domain, stranger);
    const job = idOf(digestOf(request, wanted, domain), stranger.id);
    first.tell(
      'notice',
      await first.sign(notice, { job: jobOf(wanted), height: 1n, request: inner }),
    );
    first.tell('notice', await first.sign(notice, { job, height: 1n, request: inner }));
    await until(() => seen.length === 1);
    expect(seen[0]).toMatchObject({ job, client: stranger.id });
  });
});
