import { accountSigner, MemoryStore, signEnvelope, signingDomain, toHex } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import type { CommitInfo, ExtendedCommitInfo } from '@palisade/formats';
import { extensionSignBytes, validatorAddress } from '@palisade/formats';
import { describe, expect, it } from 'vitest';
import {
  accountsModule,
  balanceOf,
  bondsModule,
  createApplication,
  DEFAULT_PARAMS,
  encodeGenesis,
  type Genesis,
  genesisHash,
  ownBond,
  rewardsModule,
  send,
  sessionsModule,
  toOwner,
  validatorsModule,
} from '../index.ts';

const secret = new Uint8Array(32).fill(1);
const alice = accountSigner(secret);
const bob = accountSigner(new Uint8Array(32).fill(2));
const nodeSecret = new Uint8Array(32).fill(5);
const nodeKey = ed25519.publicKey(nodeSecret);
const address = validatorAddress(nodeKey);
const PAL = 10n ** 18n;

const genesis: Genesis = {
  chainId: 'test-chain',
  timeMs: 1_000_000,
  state: {
    accounts: {
      params: {
        sessionMs: '60000',
        existentialDeposit: DEFAULT_PARAMS.existentialDeposit.toString(),
        feeBase: DEFAULT_PARAMS.feeBase.toString(),
        feePerByte: DEFAULT_PARAMS.feePerByte.toString(),
        feeBurnPpm: 200_000,
      },
      balances: [{ account: toHex(alice.id), denom: 'pal', amount: (100n * PAL).toString() }],
      holds: [],
      nodeKeys: [],
    },
    validators: {
      validators: [
        {
          nodeKey: toHex(nodeKey),
          validator: { account: toHex(bob.id), name: 'v1', weight: '10', seat: 1, known: 1 },
        },
      ],
    },
  },
};
const domain = signingDomain(genesisHash(genesis));

function start() {
  const application = createApplication({
    modules: [
      accountsModule(domain),
      sessionsModule,
      rewardsModule(toOwner),
      validatorsModule,
      bondsModule([ownBond]),
    ],
    store: new MemoryStore(),
    domain,
    jobFile: { command: 'market.request', isOnChain: () => false },
  });
  let height = 0n;
  let timeMs = 1_000_000n;
  const commitInfo = (): CommitInfo =>
    height === 0n
      ? { round: 0, votes: [] }
      : { round: 0, votes: [{ validator: { address, power: 10n }, blockIdFlag: 'commit' }] };
  const extended = (extension: Uint8Array): ExtendedCommitInfo => ({
    round: 0,
    votes: commitInfo().votes.map((vote) => ({
      ...vote,
      voteExtension: extension,
      extensionSignature: ed25519.sign(
        extensionSignBytes('test-chain', { extension, height, round: 0 }),
        nodeSecret,
      ),
    })),
  });
  return {
    application,
    async init() {
      return application.initChain({
        timeNs: 0n,
        chainId: 'test-chain',
        consensusParams: {} as never,
        validators: [],
        appStateBytes: encodeGenesis(genesis),
        initialHeight: 1n,
      });
    },
    async block(txs: Uint8Array[], extension: Uint8Array = new Uint8Array()) {
      const common = {
        misbehavior: [],
        hash: new Uint8Array(32),
        height: height + 1n,
        timeNs: (timeMs + 1000n) * 1_000_000n,
        nextValidatorsHash: new Uint8Array(32),
        proposerAddress: address,
      };
      const prepared = await application.prepareProposal({
        ...common,
        txs,
        maxTxBytes: 1_000_000n,
        localLastCommit: extended(extension),
      });
      const verdict = await application.processProposal({
        ...common,
        txs: prepared.txs,
        proposedLastCommit: commitInfo(),
      });
      expect(verdict.status).toBe('accept');
      const result = await application.finalizeBlock({
        ...common,
        txs: prepared.txs,
        decidedLastCommit: commitInfo(),
      });
      await application.commit();
      height += 1n;
      timeMs += 1000n;
      return result;
    },
  };
}

describe('the application', () => {
  it('[P1] moves tokens for a fee and counts the nonce', async () => {
    const chain = start();
    await chain.init();
    const tx = await signEnvelope(
      send,
      { to: bob.id, denom: 'pal', amount: 5n * PAL, nonce: 0n, maxFee: PAL },
      domain,
      alice,
    );
    expect(await chain.application.checkTx({ tx, type: 'new' })).toMatchObject({ code: 0 });
    const { txResults } = await chain.block([tx]);
    expect(txResults.at(-1)).toMatchObject({ code: 0 });
    const state = chain.application.committed;
    expect(balanceOf(state, bob.id).free).toBe(5n * PAL);
    expect(await chain.application.checkTx({ tx, type: 'new' })).toMatchObject({
      codespace: 'accounts/nonce-used',
    });
    const again = await chain.block([tx]);
    expect(again.txResults.at(-1)).toMatchObject({ code: 2, codespace: 'accounts/nonce-used' });
    for (const module of chain.application.modules)
      for (const invariant of module.invariants ?? [])
        expect(invariant.check(state)).toBeUndefined();
  });
});
