import { RpcFailure } from '@palisade/daemon';
import { v2 } from '@palisade/payments';
import { describe, expect, it } from 'vitest';
import type { Watch } from '../watch/watch.ts';
import { exitMethods } from './exit-methods.ts';

/** A watcher that knows one open exit, with which nothing is wrong, and nothing else. */
const watch = {
  books: { ledger: { has: () => false } },
  transactions: { proven: () => undefined, placeOf: () => undefined },
  table: {
    standardAt: (position: bigint) => (position === OPEN ? { status: 'open' } : undefined),
    inFlightOf: () => undefined,
  },
  findings: { challenges: [] },
  parts: { dialect: v2 },
} as unknown as Watch;
const OPEN = 2_000_000_000n;
const methods = exitMethods(watch);

describe('what cannot be exited or challenged', () => {
  it.each([
    ['utxo.get_exit_data', { utxo_pos: OPEN }, 'exit:invalid'],
    ['utxo.get_challenge_data', { utxo_pos: 1_000_000_000n }, 'challenge:exit_not_found'],
    ['utxo.get_challenge_data', { utxo_pos: OPEN }, 'challenge:utxo_not_spent'],
    ['in_flight_exit.get_data', { txbytes: '0x00' }, 'in_flight_exit:malformed_transaction'],
    ['in_flight_exit.get_competitor', { txbytes: '0x00' }, 'challenge:exit_not_found'],
    ['in_flight_exit.prove_canonical', { txbytes: '0x00' }, 'transaction:not_found'],
  ])('[X11] %s says what to do instead: %#', async (method, body, code) => {
    const answer = await methods[method]!.call(body);
    expect(answer).toBeInstanceOf(RpcFailure);
    expect(answer).toMatchObject({
      code,
      messages: { next: expect.stringContaining('palisade ') },
    });
  });
});
