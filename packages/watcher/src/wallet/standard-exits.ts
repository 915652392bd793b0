/** Standard exits: started, looked at, challenged by hand, paid. */
import { PalisadeError } from '@palisade/core';
import { ETH_VAULT_ID, ETHER } from '@palisade/rootchain';
import { type Address, encodeFunctionData, type Hex, keccak256 } from 'viem';
import type { Ground } from './ground.ts';
import * as shapes from './shapes.ts';

/** A standard exit as the contract has it. */
export type ExitRecord = {
  readonly exitId: bigint;
  /** It was started, and is neither paid nor omitted yet. */
  readonly isOpen: boolean;
  /** False once it was challenged. */
  readonly isExitable: boolean;
  readonly target: Address;
  readonly amount: bigint;
  /** Unix seconds after which it can be paid; undefined where nothing was queued. */
  readonly exitableAt: bigint | undefined;
};

/** Bits of a place in the queue below its time (payments chapter, "Dialects"). */
const TIME_SHIFT = 224n;

export function standardExits({ ask, client, exitGame, framework, address, call }: Ground) {
  const queuedAt = async (exitId: bigint): Promise<bigint | undefined> => {
    const logs = await client.getContractEvents({
      ...{ ...framework, eventName: 'ExitQueued', args: { exitId }, fromBlock: 0n },
    });
    const priority = logs.at(-1)?.args.priority;
    return priority === undefined ? undefined : priority >> TIME_SHIFT;
  };

  const self = {
    /** Starts the standard exit of an output of one's own, with its bond. */
    async startExit(position: bigint) {
      const found = await ask('utxo.get_exit_data', { utxo_pos: position }, shapes.exitData);
      const args = [
        { utxoPos: position, rlpOutputTx: found.txbytes, outputTxInclusionProof: found.proof },
      ] as const;
      const bond = await client.readContract({
        ...{ ...exitGame, functionName: 'startStandardExitBondSize' },
      });
      const data = encodeFunctionData({ ...exitGame, functionName: 'startStandardExit', args });
      const { transactionHash } = await call(exitGame.address, data, bond);
      const exit = await self.exitOf(position, found.txbytes);
      return { ...exit, bond, transaction: transactionHash };
    },

    /** The exit of an output. `outputTx`: its transaction, where the watcher has forgotten it. */
    async exitOf(position: bigint, outputTx?: Hex): Promise<ExitRecord> {
      const raw = outputTx ?? (await self.outputTxOf(position));
      const isDeposit = (position / 10n ** 9n) % 1000n !== 0n;
      const exitId = await client.readContract({
        ...{ ...exitGame, functionName: 'getStandardExitId', args: [isDeposit, raw, position] },
      });
      const [record] = await client.readContract({
        ...{ ...exitGame, functionName: 'standardExits', args: [[exitId]] },
      });
      const { exitable, exitTarget, amount } = record!;
      return {
        ...{ exitId, isOpen: amount > 0n, isExitable: exitable, target: exitTarget, amount },
        exitableAt: await queuedAt(exitId),
      };
    },

    /** What the exit of an output names as its transaction, from its start. */
    async outputTxOf(position: bigint): Promise<Hex> {
      const logs = await client.getContractEvents({
        ...{ ...exitGame, eventName: 'ExitStarted', fromBlock: 0n },
      });
      const found = logs.findLast(({ args }) => args.utxoPos === position);
      if (found?.args.outputTx) return found.args.outputTx;
      throw new PalisadeError({
        code: 'wallet/no-exit',
        message: `No exit of output ${position} was ever started.`,
        next: 'palisade exit start POSITION starts one.',
      });
    },

    /** What a challenge of an exit would show. @throws PalisadeError `wallet/refused` where nothing is wrong */
    challengeOf: (position: bigint) =>
      ask('utxo.get_challenge_data', { utxo_pos: position }, shapes.challengeData),

    /** Challenges by hand what the watcher finds wrong; its bond is the challenger's. */
    async challenge(position: bigint) {
      const found = await self.challengeOf(position);
      const args = [
        {
          exitId: found.exit_id,
          exitingTx: found.exiting_tx,
          challengeTx: found.txbytes,
          inputIndex: Number(found.input_index),
          witness: found.sig,
          senderData: keccak256(address()),
        },
      ] as const;
      const data = encodeFunctionData({ ...exitGame, functionName: 'challengeStandardExit', args });
      const { transactionHash } = await call(exitGame.address, data);
      return { exitId: found.exit_id, transaction: transactionHash };
    },

    /** Pays exits of ether that are due, whosever they are: the contract asks for nobody's leave, and gives a bounty for each. */
    async processExits(most: bigint) {
      const args = [ETH_VAULT_ID, ETHER, 0n, most, keccak256(address())] as const;
      const data = encodeFunctionData({ ...framework, functionName: 'processExits', args });
      const { transactionHash, blockNumber } = await call(framework.address, data);
      const range = { fromBlock: blockNumber, toBlock: blockNumber };
      const logs = await client.getContractEvents({
        ...{ ...framework, eventName: 'ProcessedExitsNum', ...range },
      });
      const log = logs.find((one) => one.transactionHash === transactionHash);
      return { processed: log?.args.processedNum ?? 0n, transaction: transactionHash };
    },
  };
  return self;
}
