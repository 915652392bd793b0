/** Times of the network that is killed: as short as a busy machine of two cores still keeps. */
export const TIMING = { blockTimeMs: 100, sessionMs: 4000, guardMs: 15 } as const;
