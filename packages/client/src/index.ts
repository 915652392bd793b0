/**
 * @palisade/client: the chain, its market and its files for programs. Runs in browsers and in
 * Node: it needs fetch, WebCrypto and timers, and nothing else.
 */
export * from './base/index.ts';
export * from './content/index.ts';
export * from './jobs/index.ts';
export * from './power/index.ts';
export * from './tunnel/index.ts';
