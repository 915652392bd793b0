/** Many deposits and exits at once: accounts that nobody has to sign for, a few blocks for all of them. */
import { toHex } from '@palisade/core';
import { depositOf, encodeTransaction, type Position, positionOf } from '@palisade/payments';
import { bindings } from '@palisade/rootchain';
import { encodeFunctionData, type Hex } from 'viem';
import type { Person } from '../../payments/test/wallets.ts';
import { type RootWorld, until } from './root-world.ts';

/** More than a deposit or the start of an exit takes (exits chapter, a2). */
const GAS = 600_000;
const hex = (bytes: Uint8Array) => toHex(bytes) as Hex;

type Call = { readonly from: Person; readonly to: Hex; readonly data: Hex; readonly value: bigint };

/** Sends all, and waits until they are in blocks. @throws Error when one failed */
async function sendAll({ anvil, client, fund }: RootWorld, calls: readonly Call[]): Promise<void> {
  await anvil.control('anvil_autoImpersonateAccount', true);
  await anvil.control('evm_setAutomine', false);
  const hashes: Hex[] = [];
  for (const { from, to, data, value } of calls) {
    await fund(from);
    const call = { from: hex(from.address), to, data, gas: `0x${GAS.toString(16)}` };
    const sent = anvil.control('eth_sendTransaction', {
      ...call,
      value: `0x${value.toString(16)}`,
    });
    hashes.push((await sent) as Hex);
  }
  await anvil.control('evm_setAutomine', true);
  await anvil.control('anvil_autoImpersonateAccount', false);
  for (const hash of hashes) {
    const receipt = await until(
      () => client.getTransactionReceipt({ hash }).catch(() => undefined),
      'a block with it',
    );
    if (receipt.status !== 'success') throw new Error(`${hash} failed`);
  }
}

/** One deposit of everybody; answers their positions in the order of people. */
export async function depositMany(
  world: RootWorld,
  people: readonly Person[],
  amount: bigint,
): Promise<readonly Position[]> {
  const { ethVault } = bindings(world.contracts);
  const rawOf = ({ address }: Person) =>
    encodeTransaction(depositOf(address, new Uint8Array(20), amount));
  await sendAll(
    world,
    people.map((from) => {
      const args = [hex(rawOf(from))] as const;
      const data = encodeFunctionData({ ...ethVault, functionName: 'deposit', args });
      return { from, to: ethVault.address, data, value: amount };
    }),
  );
  const logs = await world.client.getContractEvents({
    ...{ ...ethVault, eventName: 'DepositCreated', fromBlock: 0n },
  });
  return people.map((who) => {
    const log = logs.find(({ args }) => args.depositor?.toLowerCase() === hex(who.address))!;
    const blknum = Number(log.args.blknum);
    const position = positionOf({ blknum, txindex: 0, oindex: 0 });
    const [output] = depositOf(who.address, new Uint8Array(20), amount).outputs;
    world.operator.deposit(position, output!);
    world.raws.set(blknum, [rawOf(who)]);
    return position;
  });
}

/** Starts the standard exits of deposits. */
export async function startManyExits(
  world: RootWorld,
  exits: readonly { readonly who: Person; readonly position: Position }[],
): Promise<void> {
  const { exitGame } = bindings(world.contracts);
  const value = await world.client.readContract({
    ...{ ...exitGame, functionName: 'startStandardExitBondSize' },
  });
  const calls: Call[] = [];
  for (const { who, position } of exits) {
    const args = [await world.exitArgs(position)] as const;
    const data = encodeFunctionData({ ...exitGame, functionName: 'startStandardExit', args });
    calls.push({ from: who, to: exitGame.address, data, value });
  }
  await sendAll(world, calls);
}
