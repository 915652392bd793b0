import { describe, expect, it } from 'vitest';
import { FUNDS, MIB, machineName, startPower } from '../../test/power-kit.ts';
import { createMiner, DEVELOPMENT_POWER_PARAMS, deregisterMiner } from '../index.ts';

const DEPOSIT = DEVELOPMENT_POWER_PARAMS.minerDeposit;

describe('miners', () => {
  it('[P2] register once, with an empty claim and a deposit that is held', async () => {
    const { chain, kit } = await begin();
    const machine = chain.machine(machineName('m0'));
    await chain.run(machine, createMiner, {});
    expect(kit.claim('m0')).toMatchObject({ raw: 0n, entries: [], deposit: DEPOSIT });
    await chain.expectRefused('power/miner-known', machine, createMiner, {});
    expect(chain.free(chain.account('m0'))).toBeLessThan(FUNDS - DEPOSIT);
  });

  it('[P2] register only themselves: the command names nobody but its signer', async () => {
    const { chain } = await begin();
    expect(Object.keys(createMiner.schema.fields)).toEqual(['nonce', 'maxFee']);
    await chain.expectRefused('power/not-a-miner', chain.account('m1'), deregisterMiner, {});
  });

  it('[P2] cannot register without the deposit', async () => {
    const kit = await startPower({ params: { minerDeposit: 2n * FUNDS } });
    const machine = kit.chain.machine(machineName('m0'));
    await kit.chain.expectRefused('accounts/insufficient-funds', machine, createMiner, {});
  });

  it('leave when they have no power, and get their deposit back', async () => {
    const { chain, kit } = await begin();
    await kit.mine('m0', 3n * MIB);
    const owner = chain.account('m0');
    await chain.expectRefused('power/has-power', owner, deregisterMiner, {});
    await kit.change('m0', -3n * MIB);
    const before = chain.free(owner);
    const tx = await chain.sign(owner, deregisterMiner, {});
    await chain.block([tx]);
    expect(chain.free(owner)).toBe(before + DEPOSIT - chain.feeOf(tx));
    await chain.run(chain.machine(machineName('m0')), createMiner, {});
  });
});

describe('the capability to change power', () => {
  it('[P3] stops the block rather than take more than there is, or from nobody', async () => {
    const { kit } = await begin();
    await kit.mine('m0', MIB);
    await expect(kit.change('m0', -MIB - 1n)).rejects.toMatchObject({
      code: 'power/illegal-state',
    });
    const other = await begin();
    await expect(other.kit.change('m1', 1n)).rejects.toMatchObject({ code: 'power/illegal-state' });
  });
});

async function begin() {
  const kit = await startPower();
  return { kit, chain: kit.chain };
}
