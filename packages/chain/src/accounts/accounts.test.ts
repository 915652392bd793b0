import { digestOf, nodeSigner, toHex } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import { describe, expect, it } from 'vitest';
import {
  accountOf,
  type Chain,
  eventsOf,
  machineOf,
  PAL,
  startChain,
} from '../../test/chain-kit.ts';
import {
  balanceOf,
  bindNodeKey,
  DEFAULT_PARAMS,
  FEE_POT,
  moduleAccount,
  nodeKeyConsent,
  nodeKeys,
  revokeNodeKey,
  send,
  supplyQuery,
} from '../index.ts';

const alice = accountOf('alice');
const bob = accountOf('bob');
const ED = DEFAULT_PARAMS.existentialDeposit;
const toBob = (amount: bigint) => ({ to: bob.id, denom: 'pal', amount });

function begin(): Promise<Chain> {
  return startChain({ accounts: { alice: 100n * PAL }, machines: { box: 'alice' } });
}

describe('sending', () => {
  it('[P1] moves the amount, and the fee by the byte goes into the pot', async () => {
    const chain = await begin();
    const tx = await chain.sign(alice, send, toBob(5n * PAL));
    const fee = DEFAULT_PARAMS.feeBase + DEFAULT_PARAMS.feePerByte * BigInt(tx.length);
    await chain.block([tx]);
    expect(chain.free(bob)).toBe(5n * PAL);
    expect(chain.free(alice)).toBe(95n * PAL - fee);
    expect(chain.free(FEE_POT)).toBe(fee);
  });

  it('[P1] a fee limit one unit short is not enough, the exact fee is', async () => {
    const chain = await begin();
    const probe = await chain.sign(alice, send, { ...toBob(PAL), nonce: 0n });
    const fee = chain.feeOf(probe);
    const short = await chain.sign(alice, send, { ...toBob(PAL), nonce: 0n, maxFee: fee - 1n });
    await chain.expectTxRefused('accounts/fee-too-low', short);
    const exact = await chain.sign(alice, send, { ...toBob(PAL), nonce: 0n, maxFee: fee });
    expect((await chain.block([exact])).results[0]).toMatchObject({ code: 0 });
  });

  it('[P1] refused commands cost their fee and their nonce, and nothing else', async () => {
    const chain = await begin();
    await chain.expectRefused('accounts/insufficient-funds', alice, send, toBob(1000n * PAL));
    await chain.expectRefused('accounts/zero-amount', alice, send, toBob(0n));
    await chain.expectRefused('accounts/insufficient-funds', alice, send, {
      ...toBob(1n),
      denom: 'gold',
    });
    expect(chain.nextNonce(alice)).toBe(3n);
  });

  it('a refusal names amounts as people do, also what is not the native token', async () => {
    const chain = await begin();
    const logOf = async (fields: ReturnType<typeof toBob>) => {
      const [result] = (await chain.block([await chain.sign(alice, send, fields)])).results;
      return result!.log;
    };
    expect(await logOf(toBob(1500n * PAL + PAL / 2n))).toMatch(
      /has 99\.\d+ PAL free; 1500\.5 PAL are needed/,
    );
    expect(await logOf({ ...toBob(7n), denom: 'gold' })).toMatch(
      /has 0 gold free; 7 gold are needed/,
    );
  });

  it('[P1] a transaction that cannot pay leaves no trace at all', async () => {
    const chain = await begin();
    const stranger = accountOf('stranger');
    await chain.expectRefused('accounts/cannot-pay-fee', stranger, send, toBob(1n));
    const gap = await chain.sign(alice, send, { ...toBob(1n), nonce: 7n });
    await chain.expectTxRefused('accounts/nonce-gap', gap);
    await chain.run(alice, send, toBob(PAL));
    const used = await chain.sign(alice, send, { ...toBob(1n), nonce: 0n });
    await chain.expectTxRefused('accounts/nonce-used', used);
  });

  it('[P1] an account begins and goes on with the existential deposit, or is emptied', async () => {
    const chain = await begin();
    await chain.expectRefused('accounts/below-existential-deposit', alice, send, toBob(ED - 1n));
    await chain.run(alice, send, toBob(ED));
    await chain.run(alice, send, toBob(1n));
    expect(chain.free(bob)).toBe(ED + 1n);
    const tx = await chain.sign(alice, send, { ...toBob(PAL), nonce: 3n });
    const fee = chain.feeOf(tx);
    const dust = toBob(chain.free(alice) - fee - ED + 1n);
    await chain.expectRefused('accounts/below-existential-deposit', alice, send, dust);
    await chain.run(alice, send, toBob(chain.free(alice) - fee));
    expect(chain.free(alice)).toBe(0n);
  });

  it('[P1] a fee never eats into the existential deposit', async () => {
    const chain = await begin();
    const poor = accountOf('poor');
    const probe = await chain.sign(poor, send, toBob(ED));
    await chain.run(alice, send, {
      to: poor.id,
      denom: 'pal',
      amount: chain.feeOf(probe) + ED - 1n,
    });
    await chain.expectTxRefused('accounts/cannot-pay-fee', probe);
    await chain.run(alice, send, { to: poor.id, denom: 'pal', amount: 1n });
    expect((await chain.block([probe])).results[0]).toMatchObject({ code: 0 });
    expect(chain.free(poor)).toBe(0n);
  });

  it('to itself changes nothing but the fee', async () => {
    const chain = await begin();
    const before = chain.free(alice);
    const tx = await chain.sign(alice, send, { to: alice.id, denom: 'pal', amount: 90n * PAL });
    await chain.block([tx]);
    expect(chain.free(alice)).toBe(before - chain.feeOf(tx));
  });

  it('nobody can send to an account of a module, whose books it would upset', async () => {
    const chain = await begin();
    for (const to of [FEE_POT, moduleAccount('market.escrow')])
      await chain.expectRefused('accounts/module-account', alice, send, {
        to,
        denom: 'pal',
        amount: PAL,
      });
  });

  it('a denomination with letters that keys cannot bear is refused, not crashed upon', async () => {
    const chain = await begin();
    for (const denom of ['\u0170al', 'p:al', 'p al', '', '1pal'])
      await chain.expectRefused('accounts/bad-denomination', alice, send, { ...toBob(1n), denom });
  });
});

describe('genesis', () => {
  it('refuses more native tokens than amounts can count', async () => {
    const most = 2n ** 128n - 1n;
    await expect(startChain({ accounts: { alice: most, bob: 1n } })).rejects.toMatchObject({
      code: 'chain/issuance-overflow',
    });
    const chain = await startChain({ accounts: { alice: most } });
    expect(chain.free(alice)).toBe(most);
  });
});

describe('node keys', () => {
  const fresh = machineOf('fresh');
  const bindingOf = async (chain: Chain, to = alice, by = fresh) => ({
    nodeKey: fresh.id,
    label: 'a box',
    consent: await by.sign(digestOf(nodeKeyConsent, { account: to.id }, chain.domain)),
  });

  it('are bound by account and machine together', async () => {
    const chain = await begin();
    const block = await chain.run(alice, bindNodeKey, await bindingOf(chain));
    expect(eventsOf(block, 'accounts.node-key-bound')).toHaveLength(1);
    expect(nodeKeys.need(chain.state, fresh.id)).toMatchObject({ account: alice.id, revoked: 0 });
  });

  it('cannot be claimed without their consent, nor with one for another account', async () => {
    const chain = await begin();
    const foreign = await bindingOf(chain, bob);
    await chain.expectRefused('accounts/no-consent', alice, bindNodeKey, foreign);
    const forged = await bindingOf(chain, alice, machineOf('other'));
    await chain.expectRefused('accounts/no-consent', alice, bindNodeKey, forged);
  });

  it('are bound once: not again, not by another account, not after they were revoked', async () => {
    const chain = await begin();
    await chain.run(alice, bindNodeKey, await bindingOf(chain));
    const again = await bindingOf(chain);
    await chain.expectRefused('accounts/node-key-known', alice, bindNodeKey, again);
    await chain.run(alice, revokeNodeKey, { nodeKey: fresh.id });
    await chain.expectRefused('accounts/node-key-known', alice, bindNodeKey, again);
    await chain.expectRefused('accounts/not-your-node-key', alice, revokeNodeKey, {
      nodeKey: fresh.id,
    });
  });

  it('are revoked by their own account only', async () => {
    const chain = await begin();
    await chain.run(alice, send, toBob(PAL));
    await chain.expectRefused('accounts/not-your-node-key', bob, revokeNodeKey, {
      nodeKey: machineOf('box').id,
    });
  });

  it('rotate: the old one is revoked, a new one is bound', async () => {
    const chain = await begin();
    await chain.run(alice, revokeNodeKey, { nodeKey: machineOf('box').id });
    await chain.run(alice, bindNodeKey, await bindingOf(chain));
    expect(nodeKeys.need(chain.state, machineOf('box').id).revoked).toBe(1);
    expect(nodeKeys.need(chain.state, fresh.id).revoked).toBe(0);
  });

  it('a key that is not a point of the curve can be bound by nobody', async () => {
    const chain = await begin();
    const nodeKey = new Uint8Array(32).fill(0xff);
    await chain.expectRefused('accounts/no-consent', alice, bindNodeKey, {
      nodeKey,
      label: '',
      consent: new Uint8Array(64),
    });
    expect(ed25519.verify(new Uint8Array(64), nodeKey, nodeKey)).toBe(false);
    expect(nodeSigner(new Uint8Array(32).fill(1)).id).toHaveLength(32);
  });
});

describe('supply', () => {
  it('tells what was issued and burned by whom', async () => {
    const chain = await begin();
    await chain.run(alice, send, toBob(PAL));
    await chain.endSession();
    const { value } = await chain.application.query({
      path: `/q/${supplyQuery.name}`,
      data: new Uint8Array(),
      height: 0n,
      prove: false,
    });
    const answer = JSON.parse(new TextDecoder().decode(value));
    const [line] = answer.supplies;
    expect(line).toMatchObject({ denom: 'pal', genesis: (100n * PAL).toString(), minted: '0' });
    expect(BigInt(line.burned)).toBeGreaterThan(0n);
    expect(answer.flows).toEqual([{ name: 'pal:burn:fees', amount: line.burned }]);
    expect(balanceOf(chain.state, FEE_POT).free).toBe(0n);
    expect(toHex(FEE_POT).startsWith('0x70616c6973616465')).toBe(true);
  });
});
