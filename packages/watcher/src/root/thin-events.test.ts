import { PalisadeError, toHex } from '@palisade/core';
import { positionOf, standardExitId, v1 } from '@palisade/payments';
import { bindingsV1, type Question } from '@palisade/rootchain';
import { encodeFunctionData, type Hex, zeroAddress } from 'viem';
import { describe, expect, it } from 'vitest';
import { ALICE } from '../../../payments/test/wallets.ts';
import { depositTx } from '../ledger/books.ts';
import { isThin, readCall } from './thin-events.ts';

const GAME = `0x${'ee'.repeat(20)}` as const;
const OTHER = `0x${'dd'.repeat(20)}` as const;
const { exitGame } = bindingsV1({
  ...{ chainId: 1, deployedAt: 1n, framework: zeroAddress, ethVault: zeroAddress },
  ...{ erc20Vault: zeroAddress, exitGame: GAME },
});
const raw = depositTx(ALICE.address, new Uint8Array(20), 5n);
const at = positionOf({ blknum: 2000, txindex: 3, oindex: 0 });
const elsewhere = positionOf({ blknum: 3000, txindex: 3, oindex: 0 });
// Of what is no deposit, the number does not say where it is.
const exitId = standardExitId(v1, raw, at);
const start = (utxoPos: bigint, rlpOutputTx = toHex(raw)) =>
  encodeFunctionData({
    ...{ abi: exitGame.abi, functionName: 'startStandardExit' },
    args: [{ utxoPos, rlpOutputTx: rlpOutputTx as Hex, outputTxInclusionProof: '0x' }],
  });

type Call = Readonly<Record<string, unknown>>;
const call = (input: string, more: Call = {}): Call => ({ type: 'CALL', to: GAME, input, ...more });

/** What is made of a transaction, and of its trace; without one, the node refuses to trace. */
function read(sent: { readonly to: string; readonly input: string } | null, trace?: Call) {
  const ask = async <T>({ method, result }: Question<T>): Promise<T> => {
    if (method === 'eth_getTransactionByHash')
      return result.parse(sent && { ...sent, hash: `0x${'11'.repeat(32)}` });
    if (trace) return result.parse(trace);
    throw new PalisadeError({ code: 'rootchain/refused', message: 'no such method' });
  };
  const log = { name: 'ExitStarted' as const, args: { exitId }, transaction: '0x11' as const };
  return readCall({ ask, dialect: v1, exitGame }, log);
}
const indirect = { to: OTHER, input: '0x' };
const said = { utxoPos: at, outputTx: toHex(raw) };

describe('what an event leaves out', () => {
  it('[X16] is what its transaction calls, where that is of the very exit', async () => {
    expect(isThin(v1, 'ExitStarted')).toBe(true);
    expect(isThin(v1, 'ExitFinalized')).toBe(false);
    expect(await read({ to: GAME, input: start(at) })).toEqual(said);
    expect(await read({ to: GAME, input: start(at, '0x01') })).toBeUndefined();
    expect(await read({ to: OTHER, input: start(at) })).toBeUndefined();
    expect(await read({ to: GAME, input: '0x12345678' })).toBeUndefined();
  });

  it('[X16] is found in a trace, past calls that had no effect or went elsewhere', async () => {
    const failed = call('0x', { to: OTHER, error: 'reverted', calls: [call(start(elsewhere))] });
    const decoys = [
      failed,
      call(start(elsewhere), { error: 'reverted' }),
      call(start(elsewhere), { to: OTHER }),
      call(start(elsewhere), { type: 'DELEGATECALL' }),
      call(start(elsewhere), { type: 'STATICCALL' }),
    ];
    const nested = call('0x', { to: OTHER, calls: [...decoys, call(start(at))] });
    expect(await read(indirect, nested)).toEqual(said);
  });

  it('[X16] is unknown where nothing or more than one thing fits, or the node does not trace', async () => {
    const two = call('0x', { to: OTHER, calls: [call(start(at)), call(start(elsewhere))] });
    expect(await read(indirect, two)).toBeUndefined();
    expect(await read(indirect, call('0x', { to: OTHER }))).toBeUndefined();
    expect(await read(indirect)).toBeUndefined();
    expect(await read(null)).toBeUndefined();
  });
});
