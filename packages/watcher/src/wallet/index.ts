/** @palisade/watcher/wallet: what a user does on a child chain, guarded by a watcher. */
export { type Coin, pickCoins } from './pick.ts';
export {
  type ExitRecord,
  type InFlightRecord,
  openWallet,
  type Wallet,
  type WalletOptions,
} from './wallet.ts';
