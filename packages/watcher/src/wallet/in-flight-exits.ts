/** In-flight exits: of payments that may have come into no child block. */
import { toHex } from '@palisade/core';
import { inFlightExitId, v2 } from '@palisade/payments';
import { encodeFunctionData, type Hex } from 'viem';
import type { Ground } from './ground.ts';
import * as shapes from './shapes.ts';

/** An in-flight exit as the contract has it. */
export type InFlightRecord = {
  readonly exitId: bigint;
  readonly isOpen: boolean;
  /** What the contract takes for true now. */
  readonly isCanonical: boolean;
  /** Inputs and outputs that were piggybacked, and not challenged since. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
};

export function inFlightExits({ ask, client, exitGame, call }: Ground) {
  return {
    /** Starts the in-flight exit of a signed payment, with its bond: of one that comes into no block, say. */
    async startInFlight(signed: Uint8Array) {
      const body = { txbytes: toHex(signed) };
      const found = await ask('in_flight_exit.get_data', body, shapes.inFlightData);
      const args = [
        {
          inFlightTx: found.in_flight_tx,
          inputTxs: found.input_txs,
          inputUtxosPos: found.input_utxos_pos,
          inputTxsInclusionProofs: found.input_txs_inclusion_proofs,
          inFlightTxWitnesses: found.in_flight_tx_sigs,
        },
      ] as const;
      const bond = await client.readContract({ ...exitGame, functionName: 'startIFEBondSize' });
      const data = encodeFunctionData({ ...exitGame, functionName: 'startInFlightExit', args });
      const { transactionHash } = await call(exitGame.address, data, bond);
      return { txbytes: found.in_flight_tx, bond, transaction: transactionHash };
    },

    /** Joins an in-flight exit with an input or output of one's own. `txbytes`: without signatures. */
    async piggyback(txbytes: Hex, side: 'input' | 'output', index: number) {
      const data =
        side === 'input'
          ? encodeFunctionData({
              ...{ ...exitGame, functionName: 'piggybackInFlightExitOnInput' },
              args: [{ inFlightTx: txbytes, inputIndex: index }],
            })
          : encodeFunctionData({
              ...{ ...exitGame, functionName: 'piggybackInFlightExitOnOutput' },
              args: [{ inFlightTx: txbytes, outputIndex: index }],
            });
      const bond = await client.readContract({ ...exitGame, functionName: 'piggybackBondSize' });
      const { transactionHash } = await call(exitGame.address, data, bond);
      return { bond, transaction: transactionHash };
    },

    /** An in-flight exit as the contract has it. */
    async inFlightOf(txbytes: Hex): Promise<InFlightRecord> {
      const exitId = inFlightExitId(v2, shapes.bytesOf(txbytes));
      const [record] = await client.readContract({
        ...{ ...exitGame, functionName: 'inFlightExits', args: [[exitId]] },
      });
      const { isCanonical, exitStartTimestamp, exitMap } = record!;
      const bits = (first: number) =>
        Array.from({ length: v2.maxInputs }, (_, i) => i).filter(
          (i) => ((exitMap >> BigInt(first + i)) & 1n) === 1n,
        );
      return {
        ...{ exitId, isOpen: exitStartTimestamp > 0n, isCanonical },
        ...{ inputs: bits(0), outputs: bits(v2.maxInputs) },
      };
    },
  };
}
