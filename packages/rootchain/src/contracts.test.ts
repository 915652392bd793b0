import { BlockTree, placeOf, standardExitId, v2 } from '@palisade/payments/schema';
import { type Address, encodeFunctionData, encodePacked, type Hex, keccak256 } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  bytes,
  depositCall,
  depositTx,
  GWEI,
  hex,
  mined,
  payment,
  type Root,
  signPayment,
  startRoot,
  submitCall,
} from '../test/root.ts';
import {
  authorityAbi,
  createSender,
  deploy,
  deployTestToken,
  httpRpc,
  publicClient,
  rootContractsSchema,
  type Sender,
} from './index.ts';

const PERIOD_S = 600;
const ETH_AMOUNT = 10n ** 18n;

/** Gas of the deployed contracts of this dialect (requirements, "root-chain functions and rules"). */
const PEER_GAS = {
  deposit: 166_000,
  submitBlock: 82_000,
  startStandardExit: 405_000,
  challengeStandardExit: 261_000,
  losingChallenge: 93_000,
  startInFlightExit: 583_000,
  piggybackInput: 403_000,
  piggybackOutput: 286_000,
  challengeCanonicity: 396_000,
  respond: 96_000,
  challengeInputSpent: 376_000,
  challengeOutputSpent: 398_000,
  deleteInFlightExit: 203_000,
};
type Step = keyof typeof PEER_GAS;

let root: Root;
const gas: Partial<Record<Step, number>> = {};

beforeAll(async () => {
  root = await startRoot(BigInt(PERIOD_S));
});
afterAll(async () => {
  await root?.stop();
});

const client = () => publicClient(httpRpc({ urls: [root.anvil.url] }));
const warp = async (seconds: number) => {
  await root.anvil.control('evm_increaseTime', seconds);
  await root.mine(1);
};

/** Sends a call of the exit game; the names of its arguments are checked by the compiler. */
async function game(
  from: Sender,
  step: Step | undefined,
  call: { readonly data: Hex; readonly value?: bigint },
): Promise<void> {
  const { gasUsed } = await mined(from.send({ to: root.contracts.exitGame, ...call }));
  if (step) gas[step] = Number(gasUsed);
}

const bond = (
  functionName: 'startStandardExitBondSize' | 'startIFEBondSize' | 'piggybackBondSize',
) => client().readContract({ ...root.bound.exitGame, functionName });
const dataFor = (address: Address) => keccak256(encodePacked(['address'], [address]));

/** A block with these transactions, and where each lies. */
async function submit(...raws: readonly Uint8Array[]) {
  const blknum = await client().readContract({
    ...root.bound.framework,
    functionName: 'nextChildBlock',
  });
  const tree = BlockTree.of(raws);
  const { gasUsed } = await mined(root.operator.send(submitCall(root, hex(tree.root))));
  gas.submitBlock = Number(gasUsed);
  return raws.map((raw, i) => ({
    raw: hex(raw),
    position: blknum * 1_000_000_000n + BigInt(i) * 10_000n,
    proof: hex(tree.proof(i)),
  }));
}

async function deposit(from: Sender, amount: bigint) {
  const blknum = await client().readContract({
    ...root.bound.framework,
    functionName: 'nextDepositBlock',
  });
  const { gasUsed } = await mined(from.send(depositCall(root, from.address, amount)));
  gas.deposit = Number(gasUsed);
  const raw = depositTx(from.address, amount);
  return {
    raw: hex(raw),
    position: blknum * 1_000_000_000n,
    proof: hex(BlockTree.of([raw]).proof(0)),
  };
}

/** An ordinary account that never had a wei but for gas, and never gives any to a contract. */
async function challenger(): Promise<Sender> {
  const account = privateKeyToAccount(generatePrivateKey());
  await mined(root.operator.send({ to: account.address, value: 10n ** 17n }));
  return createSender({
    rpc: httpRpc({ urls: [root.anvil.url] }),
    account,
    chainId: 31_337,
    maxFeePerGas: 1000n * GWEI,
    receiptPollMs: 5,
  });
}

/** What a challenge costs that came second: sent without asking first whether it would revert. */
async function gasOfLosing(from: Sender, data: Hex): Promise<number> {
  const call = { from: from.address, to: root.contracts.exitGame, data, gas: '0x40000' };
  const hash = (await root.anvil.control('eth_sendTransaction', call)) as Hex;
  const { status, gasUsed } = await client().waitForTransactionReceipt({ hash });
  expect(status).toBe('reverted');
  return Number(gasUsed);
}

it('[X8] every challenge is sent without value from an account with gas money alone, for less gas than the peer takes', async () => {
  const [alice, bob] = [root.sender(1), root.sender(2)];
  const { exitGame, framework } = root.bound;
  const hunter = await challenger();
  const input = await deposit(alice, ETH_AMOUNT);
  const spend = payment(
    [input.position],
    [
      [bob.address, ETH_AMOUNT / 2n],
      [alice.address, ETH_AMOUNT / 2n],
    ],
  );
  const rival = payment([input.position], [[alice.address, ETH_AMOUNT]]);
  const sign = (made: typeof spend, index: number) =>
    signPayment(framework.address, made.payment, index);

  // A standard exit of what was spent.
  await game(alice, 'startStandardExit', {
    value: await bond('startStandardExitBondSize'),
    data: encodeFunctionData({
      ...exitGame,
      functionName: 'startStandardExit',
      args: [
        { utxoPos: input.position, rlpOutputTx: input.raw, outputTxInclusionProof: input.proof },
      ],
    }),
  });
  const exitId = standardExitId(v2, bytes(input.raw), input.position);
  const challenge = (from: Sender) =>
    encodeFunctionData({
      ...exitGame,
      functionName: 'challengeStandardExit',
      args: [
        {
          exitId,
          exitingTx: input.raw,
          challengeTx: hex(spend.raw),
          inputIndex: 0,
          witness: sign(spend, 1),
          senderData: dataFor(from.address),
        },
      ],
    });
  await game(hunter, 'challengeStandardExit', { data: challenge(hunter) });
  expect((await bob.send({ to: exitGame.address, data: challenge(bob) })).kind).toBe('refused');
  gas.losingChallenge = await gasOfLosing(bob, challenge(bob));

  // An in-flight exit, challenged in every way there is.
  const inFlight = {
    inFlightTx: hex(spend.raw),
    inputTxs: [input.raw],
    inputUtxosPos: [input.position],
    inputTxsInclusionProofs: [input.proof],
    inFlightTxWitnesses: [sign(spend, 1)],
  };
  const start = async () =>
    game(bob, 'startInFlightExit', {
      value: await bond('startIFEBondSize'),
      data: encodeFunctionData({
        ...exitGame,
        functionName: 'startInFlightExit',
        args: [inFlight],
      }),
    });
  await start();
  const piggyback = await bond('piggybackBondSize');
  await game(alice, 'piggybackInput', {
    value: piggyback,
    data: encodeFunctionData({
      ...exitGame,
      functionName: 'piggybackInFlightExitOnInput',
      args: [{ inFlightTx: inFlight.inFlightTx, inputIndex: 0 }],
    }),
  });
  await game(bob, 'piggybackOutput', {
    value: piggyback,
    data: encodeFunctionData({
      ...exitGame,
      functionName: 'piggybackInFlightExitOnOutput',
      args: [{ inFlightTx: inFlight.inFlightTx, outputIndex: 0 }],
    }),
  });
  const [own, other] = await submit(spend.raw, rival.raw);
  await game(hunter, 'challengeCanonicity', {
    data: encodeFunctionData({
      ...exitGame,
      functionName: 'challengeInFlightExitNotCanonical',
      args: [
        {
          inputTx: input.raw,
          inputUtxoPos: input.position,
          inFlightTx: inFlight.inFlightTx,
          inFlightTxInputIndex: 0,
          competingTx: other!.raw,
          competingTxInputIndex: 0,
          competingTxPos: other!.position,
          competingTxInclusionProof: other!.proof,
          competingTxWitness: sign(rival, 1),
        },
      ],
    }),
  });
  await game(hunter, 'respond', {
    data: encodeFunctionData({
      ...exitGame,
      functionName: 'respondToNonCanonicalChallenge',
      args: [own!.raw, own!.position, own!.proof],
    }),
  });
  await game(hunter, 'challengeInputSpent', {
    data: encodeFunctionData({
      ...exitGame,
      functionName: 'challengeInFlightExitInputSpent',
      args: [
        {
          inFlightTx: inFlight.inFlightTx,
          inFlightTxInputIndex: 0,
          challengingTx: hex(rival.raw),
          challengingTxInputIndex: 0,
          challengingTxWitness: sign(rival, 1),
          inputTx: input.raw,
          inputUtxoPos: input.position,
          senderData: dataFor(hunter.address),
        },
      ],
    }),
  });
  const onward = payment([own!.position], [[bob.address, ETH_AMOUNT / 2n]]);
  await game(hunter, 'challengeOutputSpent', {
    data: encodeFunctionData({
      ...exitGame,
      functionName: 'challengeInFlightExitOutputSpent',
      args: [
        {
          inFlightTx: inFlight.inFlightTx,
          inFlightTxInclusionProof: own!.proof,
          outputUtxoPos: own!.position,
          challengingTx: hex(onward.raw),
          challengingTxInputIndex: 0,
          challengingTxWitness: sign(onward, 2),
          senderData: dataFor(hunter.address),
        },
      ],
    }),
  });
  await warp(PERIOD_S / 2);
  const inFlightId = await client().readContract({
    ...exitGame,
    functionName: 'getInFlightExitId',
    args: [inFlight.inFlightTx],
  });
  await game(hunter, 'deleteInFlightExit', {
    data: encodeFunctionData({
      ...exitGame,
      functionName: 'deleteNonPiggybackedInFlightExit',
      args: [inFlightId],
    }),
  });
  expect(await hunter.balance()).toBeGreaterThan(10n ** 17n);
  expect(placeOf(own!.position).txindex).toBe(0);

  for (const [step, used] of Object.entries(gas))
    expect(used, `gas of ${step}`).toBeLessThanOrEqual(PEER_GAS[step as Step]);
  if (process.env.PALISADE_GAS) console.log(gas);
});

it('validators submit blocks together, and the contracts say where they are in JSON', async () => {
  const keys = [1, 2, 3].map(() => privateKeyToAccount(generatePrivateKey()));
  keys.sort((a, b) => (a.address.toLowerCase() < b.address.toLowerCase() ? -1 : 1));
  const validators = keys.map(({ address: signer }) => ({ signer, votes: 1n }));
  const contracts = await deploy({
    sender: root.operator,
    chainId: 31_337,
    minExitPeriodS: 600n,
    authority: { session: 4n, validators },
  });
  const json = JSON.stringify(contracts, (_, value) =>
    typeof value === 'bigint' ? `${value}` : value,
  );
  expect(rootContractsSchema.parse(JSON.parse(json))).toEqual(contracts);
  const authority = contracts.authority!;
  const blockRoot = `0x${'ab'.repeat(32)}` as const;
  const signatures = await Promise.all(
    keys.map((key) =>
      key.signTypedData({
        domain: {
          name: 'Palisade Authority',
          version: '1',
          chainId: 31_337,
          verifyingContract: authority,
        },
        types: {
          BlockRoot: [
            { name: 'session', type: 'uint64' },
            { name: 'blknum', type: 'uint256' },
            { name: 'root', type: 'bytes32' },
          ],
        },
        primaryType: 'BlockRoot',
        message: { session: 4n, blknum: 1000n, root: blockRoot },
      }),
    ),
  );
  const data = encodeFunctionData({
    abi: authorityAbi,
    functionName: 'submitBlock',
    args: [1000n, blockRoot, validators, signatures],
  });
  const receipt = await mined(root.sender(3).send({ to: authority, data }));
  if (process.env.PALISADE_GAS) console.log('submitBlock by 3 validators', receipt.gasUsed);
  const submitter = await client().readContract({
    address: authority,
    abi: authorityAbi,
    functionName: 'submitterOf',
    args: [1000n],
  });
  expect(submitter.toLowerCase()).toBe(root.sender(3).address.toLowerCase());
});

it('a test token has its queue', async () => {
  const token = await deployTestToken(root.operator, root.contracts);
  const there = await client().readContract({
    ...root.bound.framework,
    functionName: 'hasExitQueue',
    args: [2n, token],
  });
  expect(there).toBe(true);
});
