/**
 * A wallet of the child chain: deposits and exits go to the contracts on the root chain, payments
 * through a watcher, which lets nothing be spent while that is dangerous (X10).
 *
 * @example
 * const wallet = await openWallet({ watcher, rootChain, secret, signal });
 * const { position } = await wallet.deposit(10n ** 18n);
 * await wallet.pay(to, 10n ** 17n);
 */
import { openGround, type WalletOptions } from './ground.ts';
import { inFlightExits } from './in-flight-exits.ts';
import { money } from './money.ts';
import { standardExits } from './standard-exits.ts';

export type Wallet = Awaited<ReturnType<typeof openWallet>>;

/** @throws PalisadeError `wallet/no-watcher`, `wallet/bad-answer` */
export async function openWallet(options: WalletOptions) {
  const ground = await openGround(options);
  const { contracts, address } = ground;
  return {
    ...{ contracts, address },
    ...money(ground),
    ...standardExits(ground),
    ...inFlightExits(ground),
  };
}
