/** The wallet of the child chain: which watcher guards it, which root chain it is on. */
import { accountLeaf } from '../command.ts';
import { readNetworkFile } from './network-file.ts';
import type { Session } from './session.ts';

/** Where a watcher listens unless told otherwise, and a node of the root chain. */
const WATCHER_URL = 'http://127.0.0.1:7434';
const ROOT_CHAIN_URL = 'http://127.0.0.1:8545';

export type WalletFlags = { readonly api?: string; readonly rootChain?: string };

/** The watcher that is meant: named, of the development network, or at the usual place. */
export function watcherOf(session: Session, { api }: Pick<WalletFlags, 'api'>): string {
  return api ?? readNetworkFile(session.home)?.childChain?.watcher ?? WATCHER_URL;
}

/** A command that uses a wallet. */
export function walletLeaf(name: string, about: string, example: string) {
  return accountLeaf(name, about, example)
    .option('--api <url>', 'API of the watcher that guards it; the development network’s')
    .option('--root-chain <url>', 'RPC address of the root chain; the development network’s');
}

/** Opens it with the session's account, or for looking only. */
export async function openSessionWallet(
  session: Session,
  flags: WalletFlags,
  access: 'sign' | 'look' = 'sign',
): Promise<import('@palisade/watcher/wallet').Wallet> {
  const { openWallet } = await import('@palisade/watcher/wallet');
  const secret = access === 'sign' ? (await session.account()).ownerSecret : undefined;
  return openWallet({
    watcher: watcherOf(session, flags),
    rootChain:
      flags.rootChain ?? readNetworkFile(session.home)?.childChain?.rootChain ?? ROOT_CHAIN_URL,
    ...(secret ? { secret } : {}),
  });
}
