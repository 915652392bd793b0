/**
 * What every engine must do, whatever drives it: run this suite with a way to open one. It speaks to
 * the engine by its interface only, and to the application by what it saw.
 */
import { PalisadeError, toHex, utf8 } from '@palisade/core';
import type { DuplicateVoteEvidence } from '@palisade/formats';
import { txHash } from '@palisade/formats';
import { afterEach, describe, expect, it } from 'vitest';
import type { CommittedBlock, Engine } from '../src/index.ts';
import { checkChain } from './checkChain.ts';
import type { Kvstore } from './kvstore.ts';

/** An engine over a fresh kvstore and chain of four validators with equal power. */
export type Subject = {
  readonly engine: Engine;
  readonly application: Kvstore;
  /** A key that may be given a seat, and that the suite's chain did not begin with. */
  readonly sparePublicKey: Uint8Array;
  /** Resolves when the chain is that many blocks longer. */
  blocks(count: number): Promise<void>;
  /** Evidence that the first validator of a height signed another block as well. */
  duplicateVote(height: bigint): Promise<DuplicateVoteEvidence>;
  /** Stops the engine and opens it again on the same data. */
  reopen(): Promise<Subject>;
  close(): Promise<void>;
};

export function conformance(driver: string, open: () => Promise<Subject>): void {
  describe(`[ENG] ${driver} is an engine`, () => {
    const opened: Subject[] = [];
    const subject = async () => {
      const made = await open();
      opened.push(made);
      return made;
    };
    afterEach(async () => {
      for (const { close } of opened.splice(0)) await close();
    });

    it('makes a chain that a stranger can verify, header by header', async () => {
      const { engine, blocks } = await subject();
      await engine.submit(utf8('a=1'));
      await blocks(4);
      await engine.submit(utf8('b=2'));
      await blocks(2);
      expect(await checkChain(engine)).toBeGreaterThanOrEqual(6n);
    });

    it('takes a transaction into a block, answers its result, and shows it in queries', async () => {
      const { engine, blocks } = await subject();
      const tx = utf8('city=Bern');
      const answer = await engine.submit(tx);
      expect(answer).toMatchObject({ accepted: true, known: false });
      expect(toHex(answer.hash)).toBe(toHex(txHash(tx)));
      await blocks(2);
      const { height, index } = await find(engine, tx);
      const results = (await engine.blockResults(height))!;
      expect(new TextDecoder().decode(results.txResults[index]!.data)).toBe('Bern');
      const query = { data: utf8('city'), path: '', height: 0n, prove: false };
      expect(new TextDecoder().decode((await engine.query(query)).value)).toBe('Bern');
      expect((await engine.status()).mempool).toEqual({ txs: 0, bytes: 0 });
    });

    it('keeps out what the application refuses, and says why', async () => {
      const { engine, blocks } = await subject();
      const answer = await engine.submit(utf8('nonsense'));
      expect(answer).toMatchObject({
        accepted: false,
        refusal: { code: 'engine/tx-refused', message: expect.stringContaining('what is this?') },
        check: { code: 1 },
      });
      await blocks(2);
      await expect(find(engine, utf8('nonsense'))).rejects.toThrow(/in no block/);
    });

    it('takes a transaction once, however often it is sent', async () => {
      const { engine, application, blocks } = await subject();
      const tx = utf8('once=1');
      const answers = await Promise.all([1, 2, 3].map(() => engine.submit(tx)));
      expect(answers.every(({ accepted }) => accepted)).toBe(true);
      await blocks(2);
      expect(await engine.submit(tx)).toMatchObject({ refusal: { code: 'engine/tx-included' } });
      await blocks(2);
      const all = application.seen.finalized.flatMap(({ txs }) => txs.map(toHex));
      expect(all.filter((seen) => seen === toHex(tx))).toHaveLength(1);
    });

    it('tells listeners of every block in height order, and a bad listener holds up nothing', async () => {
      const { engine, blocks } = await subject();
      const heard: CommittedBlock[] = [];
      engine.onBlock(() => {
        throw new Error('a bad listener');
      });
      const stopListening = engine.onBlock((block) => void heard.push(block));
      await blocks(4);
      stopListening();
      const until = heard.length;
      await blocks(2);
      expect(heard).toHaveLength(until);
      const heights = heard.map(({ block }) => block.header.height);
      expect(heights).toEqual(heights.map((_, index) => heights[0]! + BigInt(index)));
      for (const { block, results } of heard)
        expect(results.txResults).toHaveLength(block.txs.length);
    });

    it('seats a validator two heights after the application asked, and unseats it again', async () => {
      const { engine, blocks, sparePublicKey } = await subject();
      const key = toHex(sparePublicKey).slice(2);
      const seated = async (height: bigint) => {
        const { validators } = (await engine.validators(height))!;
        return validators.some(({ publicKey }) => toHex(publicKey) === `0x${key}`);
      };
      for (const [power, present] of [
        ['9', true],
        ['0', false],
      ] as const) {
        const tx = utf8(`seat:${key}=${power}`);
        await engine.submit(tx);
        await blocks(2);
        const { height } = await find(engine, tx);
        expect(await seated(height)).toBe(!present);
        expect(await seated(height + 1n)).toBe(!present);
        expect(await seated(height + 2n)).toBe(present);
        await blocks(3);
      }
      await checkChain(engine);
    });

    it('hands the vote extensions of one height, signed, to the next proposer', async () => {
      const { application, blocks } = await subject();
      await blocks(3);
      const { extensions, proposals } = application.seen;
      const first = proposals[0]!;
      expect(first.localLastCommit.votes).toEqual([]);
      for (const { height } of proposals.filter((proposal) => proposal.height > first.height)) {
        expect(extensions.get(height)).toEqual(
          Array.from({ length: 4 }, () => `ext${height - 1n}`),
        );
      }
    });

    it('tells the application who signed the last block', async () => {
      const { application, blocks, engine } = await subject();
      await blocks(3);
      const [first, ...others] = application.seen.finalized;
      expect(first!.decidedLastCommit.votes).toEqual([]);
      for (const { decidedLastCommit, height } of others) {
        const { validators } = (await engine.validators(height - 1n))!;
        expect(decidedLastCommit.votes).toEqual(
          validators.map(({ address, power }) => ({
            validator: { address, power },
            blockIdFlag: 'commit',
          })),
        );
      }
    });

    it('brings evidence of a duplicate vote to the application, once', async () => {
      const { engine, application, blocks, duplicateVote } = await subject();
      await blocks(3);
      const evidence = await duplicateVote(2n);
      expect(await engine.submitEvidence(evidence)).toEqual({ accepted: true, known: false });
      expect(await engine.submitEvidence(evidence)).toEqual({ accepted: true, known: true });
      await blocks(3);
      expect(application.seen.misbehavior).toEqual([
        {
          type: 'duplicate-vote',
          validator: {
            address: evidence.voteA.validatorAddress,
            power: evidence.validatorPower,
          },
          height: 2n,
          timeNs: (await engine.block(2n))!.block.header.timeNs,
          totalVotingPower: evidence.totalVotingPower,
        },
      ]);
      expect(await engine.submitEvidence(evidence)).toMatchObject({
        refusal: { code: 'engine/evidence-known' },
      });
      await checkChain(engine);
    });

    it('refuses evidence that does not hold', async () => {
      const { engine, blocks, duplicateVote } = await subject();
      await blocks(3);
      const good = await duplicateVote(2n);
      const unsigned = { ...good.voteA, signature: good.voteB.signature };
      for (const [bad, why] of [
        [{ ...good, voteA: unsigned }, /signature/],
        [{ ...good, timeNs: good.timeNs + 1n }, /time/],
        [{ ...good, totalVotingPower: good.totalVotingPower + 1n }, /power/],
        [{ ...good, voteA: { ...good.voteA, height: 99n } }, /no block at height 99/],
      ] as const) {
        const answer = await engine.submitEvidence(bad);
        expect(answer).toMatchObject({ accepted: false, refusal: { code: 'engine/evidence' } });
        expect(answer).toHaveProperty('refusal.message', expect.stringMatching(why));
      }
    });

    it('goes on where it stopped', async () => {
      const first = await subject();
      await first.engine.submit(utf8('kept=yes'));
      await first.blocks(3);
      const before = await first.engine.status();
      const second = await first.reopen();
      opened.push(second);
      const after = await second.engine.status();
      expect(after.height).toBeGreaterThanOrEqual(before.height);
      await second.blocks(3);
      await checkChain(second.engine);
      expect(second.application.get('kept')).toBe('yes');
    });

    it('answers nothing for heights it does not have', async () => {
      const { engine } = await subject();
      for (const height of [0n, 10_000n]) {
        expect(await engine.block(height)).toBeUndefined();
        expect(await engine.blockResults(height)).toBeUndefined();
        expect(await engine.commit(height)).toBeUndefined();
        expect(await engine.validators(height)).toBeUndefined();
      }
    });

    it('says that it is stopped once it is', async () => {
      const { engine } = await subject();
      await engine.stop();
      await expect(engine.submit(utf8('late=1'))).rejects.toBeInstanceOf(PalisadeError);
    });
  });
}

async function find(engine: Engine, tx: Uint8Array): Promise<{ height: bigint; index: number }> {
  const { height: last, initialHeight } = await engine.status();
  for (let height = initialHeight; height <= last; height++) {
    const { txs } = (await engine.block(height))!.block;
    const index = txs.findIndex((candidate) => toHex(candidate) === toHex(tx));
    if (index >= 0) return { height, index };
  }
  throw new Error('the transaction is in no block');
}
