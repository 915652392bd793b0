/**
 * `npm run bench -- state-image`: what the image of the state costs beside full blocks.
 *
 * `blocks` drives blocks of 1 000 transfers between random accounts of a million through two
 * applications on disk: in one a pass over the state is under way (slices, notes of old values and
 * the snapshot's chunks), in the other it is through. `whole pass` is a pass in one go.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NATIVE, send } from '@palisade/chain';
import { accountSigner, type Signer, signEnvelope } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { domainOf } from '@palisade/node';
import { makeNetwork } from '../packages/devnet/src/network.ts';
import { SnapshotFolder } from '../packages/node/src/store/snapshot-folder.ts';
import { type DrivenChain, indexBytes, openChain } from './driven-chain.ts';
import { median, report, rowOf, type Taken, timed } from './kit.ts';

const ACCOUNTS = Number(process.env.LARGE ?? 1_000_000);
const TRANSFERS = 1_000;
const WARM_UP = 5;
const ROUNDS = Number(process.env.ROUNDS ?? 25);
const SESSION_MS = 14_400_000;

const network = makeNetwork('bench', 1_700_000_000_000, {
  ...{ blockTimeMs: 1000, sessionMs: SESSION_MS, guardMs: 150 },
});
const domain = domainOf(network.genesis);
const senders = Array.from({ length: TRANSFERS }, (_, i) =>
  accountSigner(sha256(indexBytes(i + 1))),
);
const strangers = Array.from({ length: ACCOUNTS - TRANSFERS }, (_, i) =>
  sha256(indexBytes(i)).slice(0, 20),
);
const accounts = [...senders.map(({ id }) => id), ...strangers];

async function transfers(nonce: bigint): Promise<Uint8Array[]> {
  const pay = (from: Signer, i: number) => {
    const to = strangers[(i * 7919 + Number(nonce) * 104_729) % strangers.length]!;
    const amount = 10n ** 18n;
    return signEnvelope(
      send,
      { to, denom: NATIVE.denom, amount, nonce, maxFee: amount },
      domain,
      from,
    );
  };
  return Promise.all(senders.map(pay));
}

/** One chain, and how it takes its next block: checked before, as by a mempool. */
async function subject(folder: string) {
  const snapshots = await SnapshotFolder.open(join(folder, 'snapshots'), console.error);
  const chain = await openChain(join(folder, 'state'), network, accounts, snapshots);
  return { chain, snapshots };
}

async function take(chain: DrivenChain, txs: readonly Uint8Array[]): Promise<Taken> {
  await chain.check(txs);
  return timed(async () => {
    const { txResults } = await chain.block(txs);
    const failed = txResults.find(({ code }) => code !== 0);
    if (failed) throw new Error(`a transfer was refused: ${failed.info} ${failed.log}`);
  });
}

const folder = mkdtempSync(join(tmpdir(), 'palisade-bench-'));
try {
  const during = await subject(join(folder, 'during'));
  const through = await subject(join(folder, 'through'));
  // The first session's image ends at once, with the second session's first block.
  const passes: number[] = [];
  for (const { chain } of [during, through]) {
    await chain.block([]);
    passes.push((await timed(() => chain.block([], BigInt(SESSION_MS)))).wall);
  }
  // An hour's pause, near the session's end: the pass catches up with it in one slice.
  passes.push((await timed(() => through.chain.block([], 13_000_000n))).wall);
  const rounds: { readonly ours: Taken; readonly anchor: Taken }[] = [];
  for (let nonce = 0; nonce < WARM_UP + ROUNDS; nonce++) {
    const txs = await transfers(BigInt(nonce));
    const ours = await take(during.chain, txs);
    const anchor = await take(through.chain, txs);
    if (nonce >= WARM_UP) rounds.push({ ours, anchor });
  }
  const whole = median(passes.slice(0, 2)) * 1000;
  report('state-image', [
    ...(['wall', 'cpu'] as const).map((kind) =>
      rowOf(
        {
          case: `blocks, ${kind} time`,
          unit: 'ms per block',
          note: `1 000 transfers among ${ACCOUNTS} accounts, a pass under way against a pass done; hoped for: below 1.15`,
        },
        rounds.map(({ ours, anchor }) => ({
          ours: ours[kind] * 1000,
          anchor: anchor[kind] * 1000,
        })),
      ),
    ),
    rowOf({ case: 'whole pass', unit: 'ms', note: 'without, and with, a snapshot on the disk' }, [
      { ours: whole, anchor: passes[2]! * 1000 },
    ]),
  ]);
  await during.chain.stop();
  await through.chain.stop();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
