/** A network's own side of Ethereum: loaded only where there is one. */
export { foundRootChain, startRootChain } from './root-chain.ts';
export { watchChildChain } from './watcher-part.ts';
