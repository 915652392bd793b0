import { MemoryStore, utf8 } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { FactStore } from './fact-store.ts';
import { readFact } from './facts.ts';

const hex = (length: number, byte = 'ab') => `0x${byte.repeat(length)}`;
const deposit = (height: bigint, index: bigint) => ({
  ...{ height, index, txHash: hex(32) },
  event: {
    name: 'DepositCreated',
    ...{ depositor: hex(20), blknum: 1n, token: hex(20, '00'), amount: 10n ** 30n },
  },
});

describe('facts of the root chain', () => {
  it('[X1] are kept and come back in the order of block and log, whatever order they were added in', async () => {
    const store = new MemoryStore();
    const facts = new FactStore(store);
    const logs = hex(32) as `0x${string}`;
    const checkpoint = {
      ...{ height: 300n, hash: logs, logs, witnessed: { height: 299n, logs } },
      ...{ nextChildBlock: 1000n, nextDepositBlock: 2n },
    };
    await facts.add(
      [
        [256n, 0n],
        [2n, 11n],
        [2n, 9n],
      ].map(([h, i]) => readFact(deposit(h!, i!))),
      checkpoint,
    );
    const again = new FactStore(store);
    expect([...again.all()].map(({ height, index }) => [height, index])).toEqual([
      [2, 9],
      [2, 11],
      [256, 0],
    ]);
    expect([...again.all()][0]).toEqual(readFact(deposit(2n, 9n)));
    expect(again.checkpoints()).toEqual([checkpoint]);
    await again.rewind({ ...checkpoint, height: 255n });
    expect([[...again.all()].length, again.checkpoints()]).toEqual([2, []]);
  });

  it('that another version has kept are refused with what to do', async () => {
    const store = new MemoryStore();
    await store.commit([['c', utf8('[{"height":"300"}]')]]);
    expect(() => new FactStore(store)).toThrow(/another version/);
  });

  it('what is no event of ours is refused with the member that is wrong', () => {
    const good = deposit(1n, 0n);
    const wrong: readonly [unknown, RegExp][] = [
      [{ ...good, event: { ...good.event, amount: -1n } }, /event\.amount/],
      [{ ...good, event: { ...good.event, depositor: hex(19) } }, /event\.depositor/],
      [{ ...good, event: { ...good.event, name: 'Other' } }, /event\.name/],
      [{ ...good, txHash: '0xAB' }, /txHash/],
      [{ ...good, height: 2n ** 60n }, /height/],
      [null, /no event of ours/],
    ];
    for (const [plain, message] of wrong) expect(() => readFact(plain)).toThrowError(message);
  });
});
