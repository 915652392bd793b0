/** Builders: an embedded engine over a kvstore, with four hosted validators and a spare key. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import type { DuplicateVoteEvidence, ValidatorSet, Vote } from '@palisade/formats';
import {
  DEFAULT_CONSENSUS_PARAMS,
  duplicateVoteEvidence,
  findValidator,
  validatorAddress,
  voteSignBytes,
} from '@palisade/formats';
import type {
  DroppedTx,
  EmbeddedEngine,
  EmbeddedOptions,
  Engine,
  Genesis,
  Notice,
} from '../src/index.ts';
import { createEmbeddedEngine } from '../src/index.ts';
import type { Subject } from './conformance.ts';
import type { Disk, KvOptions, Kvstore } from './kvstore.ts';
import { createKvstore, newDisk } from './kvstore.ts';

export const secretOf = (index: number) => new Uint8Array(32).fill(0xa0 + index);
export const keyOf = (index: number) => ed25519.publicKey(secretOf(index));
/** Four validators of genesis and a spare one. */
export const hostedKeys = [0, 1, 2, 3, 4].map((index) => ({ secret: secretOf(index) }));
export const START_MS = 1_800_000_000_000;

/** A clock that moves only when told to. */
export class TestClock {
  ms = START_MS;
  nowMs() {
    return this.ms;
  }
}

export function genesisOf(powers: readonly bigint[] = [10n, 10n, 10n, 10n]): Genesis {
  return {
    chainId: 'engine-test',
    timeNs: BigInt(START_MS) * 1_000_000n,
    initialHeight: 1n,
    validators: powers.map((power, index) => ({
      publicKey: keyOf(index),
      power,
      name: `validator ${index}`,
    })),
    consensusParams: DEFAULT_CONSENSUS_PARAMS,
    appState: utf8('{"hello":"world"}'),
  };
}

/** One chain in one folder, that can be stopped, crashed and opened again. */
export class Bench {
  readonly clock = new TestClock();
  readonly disk: Disk;
  readonly notices: Notice[] = [];
  readonly dropped: DroppedTx[] = [];
  application!: Kvstore;
  engine!: EmbeddedEngine;
  readonly dir: string;

  constructor(dir: string, disk = newDisk()) {
    this.dir = dir;
    this.disk = disk;
  }

  static async make(): Promise<Bench> {
    return new Bench(await mkdtemp(join(tmpdir(), 'palisade-engine-')));
  }

  /** Opens the engine anew: the application has only what was on its disk. */
  async open(more: Partial<EmbeddedOptions> = {}, kv: KvOptions = {}): Promise<EmbeddedEngine> {
    await this.engine?.stop();
    this.application = createKvstore(this.disk, kv);
    this.engine = createEmbeddedEngine({
      application: this.application,
      genesis: genesisOf(),
      hostedKeys,
      dataDir: this.dir,
      blockTimeMs: 0,
      clock: this.clock,
      onNotice: (notice) => void this.notices.push(notice),
      onDropped: (dropped) => void this.dropped.push(...dropped),
      ...more,
    });
    await this.engine.start();
    return this.engine;
  }

  /** Makes blocks a second apart. */
  async blocks(count: number): Promise<void> {
    for (let made = 0; made < count; made++) {
      this.clock.ms += 1_000;
      await this.engine.produce();
    }
  }

  async close(): Promise<void> {
    await this.engine?.stop();
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** Evidence that the first validator of a height signed a second block; with any hosted key's secret. */
export async function forgeDuplicate(
  engine: Engine,
  height: bigint,
): Promise<DuplicateVoteEvidence> {
  const { chainId } = await engine.status();
  const { block, blockId } = (await engine.block(height))!;
  const members = (await engine.validators(height))!.validators;
  const validators = members.map((member) => ({ ...member, proposerPriority: 0n }));
  const totalPower = validators.reduce((sum, { power }) => sum + power, 0n);
  const set: ValidatorSet = { validators, proposer: validators[0]!, totalPower };
  const secret = [0, 1, 2, 3, 4]
    .map(secretOf)
    .find((candidate) => findValidator(set, addressOf(candidate))?.index === 0)!;
  const vote = (fill: number): Vote => {
    const other = { ...blockId, hash: new Uint8Array(32).fill(fill) };
    const unsigned: Vote = {
      type: 'precommit',
      height,
      round: 0,
      blockId: other,
      timeNs: block.header.timeNs,
      validatorAddress: addressOf(secret),
      validatorIndex: 0,
      signature: new Uint8Array(),
      extension: new Uint8Array(),
      extensionSignature: new Uint8Array(),
    };
    return { ...unsigned, signature: ed25519.sign(voteSignBytes(chainId, unsigned), secret) };
  };
  return duplicateVoteEvidence(vote(1), vote(2), block.header.timeNs, set);
}

function addressOf(secret: Uint8Array): Uint8Array {
  return validatorAddress(ed25519.publicKey(secret));
}

/** The embedded driver as the conformance suite wants it. */
export async function embeddedSubject(): Promise<Subject> {
  const bench = await Bench.make();
  await bench.open();
  return subjectOf(bench);
}

function subjectOf(bench: Bench): Subject {
  const { engine, application } = bench;
  return {
    engine,
    application,
    sparePublicKey: keyOf(4),
    blocks: (count) => bench.blocks(count),
    duplicateVote: (height) => forgeDuplicate(engine, height),
    async reopen() {
      await bench.open();
      return subjectOf(bench);
    },
    close: () => bench.close(),
  };
}
