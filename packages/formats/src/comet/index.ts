/** The byte formats of CometBFT v0.38, and the arithmetic on them that has one right answer. */
export * from './evidence.ts';
export * from './hashes.ts';
export * from './median-time.ts';
export * from './messages.ts';
export * from './params.ts';
export * from './sign-bytes.ts';
export { ZERO_TIME_NS } from './time.ts';
export * from './validator-set.ts';
export * from './verify-commit.ts';
