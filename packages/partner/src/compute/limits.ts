/** What a run is held to, and what of it is fixed. */

/** The limits that a client asks for; all runs of one job have the same, so they end alike. */
export type RunLimits = {
  /** Most instructions, counted as spec/computation.md says; below 2^62. */
  readonly fuel: bigint;
  /** Most memory of the module, bytes; rounded down to pages of 64 KiB. */
  readonly memoryBytes: number;
  /** Most bytes that it may write. */
  readonly outputBytes: number;
};

/**
 * Places of eight bytes on the stack of a run. Recursion of small functions gets some hundred
 * thousand calls deep, which is more than the stack of an ordinary process allows.
 */
export const STACK_PLACES = 4 * 2 ** 20;

/** Stack of the thread, MiB: twice the 32 MiB that the places take; the rest is for what calls them. */
export const THREAD_STACK_MIB = 64;

/** Heap of the thread, MiB: for compiling and counting; modules, input and output are not on it. */
export const THREAD_HEAP_MIB = 128;
