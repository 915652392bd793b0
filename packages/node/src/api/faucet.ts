/** The development network's faucet: a gift per address and minute, from an account of its own. */
import { balanceOf, feeOf, NATIVE, params, send } from '@palisade/chain';
import {
  accountSigner,
  fromHex,
  isRefusal,
  type Refusal,
  refuse,
  signEnvelope,
  toHex,
} from '@palisade/core';
import type { Pool } from '../services/pool.ts';
import type { ValidatorService } from '../services/validator-service.ts';

/** What one gift is, base units: a hundred tokens, enough for days of trying things out. */
export const FAUCET_GIFT = 100n * 10n ** 18n;
/** Time between two gifts to one address, ms. */
const PAUSE_MS = 60_000;
/** Addresses remembered for that. */
const MAX_REMEMBERED = 10_000;
/** A signed transfer has always this size: all its fields but the denomination are of fixed width. */
const SEND_BYTES = 400;

export type Faucet = (address: string) => Promise<{ readonly id: Uint8Array } | Refusal>;

export function createFaucet(pool: Pool, service: ValidatorService, secret: Uint8Array): Faucet {
  const signer = accountSigner(secret);
  const given = new Map<string, number>();
  let nonce: bigint | undefined;
  return async (text) => {
    const to = fromHex(text);
    if (to.length !== 20)
      return refuse('api/bad-address', `'${text.slice(0, 50)}' is not an address of 20 bytes.`);
    const key = toHex(to);
    const now = pool.nowMs();
    if (now - (given.get(key) ?? -PAUSE_MS) < PAUSE_MS)
      return refuse('api/too-often', 'This address was given tokens less than a minute ago.', {
        retry: 'later',
      });
    const state = pool.application.committed;
    nonce ??= await nextNonce(pool, signer.id);
    const maxFee = feeOf(params.need(state), SEND_BYTES);
    const value = { to, denom: NATIVE.denom, amount: FAUCET_GIFT, nonce, maxFee };
    const sent = await service.submit(
      await signEnvelope(send, value, pool.application.domain, signer),
    );
    if (isRefusal(sent)) {
      nonce = undefined;
      return balanceOf(state, signer.id).free < FAUCET_GIFT
        ? refuse('api/faucet-empty', 'The faucet is empty.')
        : sent;
    }
    nonce += 1n;
    if (given.size >= MAX_REMEMBERED) given.delete(given.keys().next().value!);
    given.set(key, now);
    return { id: sent.id };
  };
}

async function nextNonce(pool: Pool, address: Uint8Array): Promise<bigint> {
  const data = Buffer.from(JSON.stringify({ address: toHex(address) }));
  const answer = await pool.application.query({
    path: '/q/accounts.account',
    data,
    height: 0n,
    prove: false,
  });
  const view = JSON.parse(Buffer.from(answer.value).toString()) as {
    nonces: { lane: string; next: string }[];
  };
  return BigInt(view.nonces.find(({ lane }) => lane === 'main')?.next ?? '0');
}
