/** @palisade/watcher/wallet: what a user does on a child chain, guarded by a watcher. */
export type { WalletOptions } from './ground.ts';
export type { InFlightRecord } from './in-flight-exits.ts';
export { listEvidence, listExits, statusOfWatcher } from './look.ts';
export { type Coin, pickCoins } from './pick.ts';
export type { ListedExit, WatcherStatus } from './shapes.ts';
export type { ExitRecord } from './standard-exits.ts';
export { openWallet, type Wallet } from './wallet.ts';
