/**
 * Times of the network that is killed. A job must be started within a session after that of its
 * block, and a busy machine takes seconds to come back: shorter sessions make more points end in a
 * refund. `CRASH_SESSION_MS` makes them longer or shorter.
 */
export const TIMING = {
  blockTimeMs: 100,
  sessionMs: Number(process.env.CRASH_SESSION_MS ?? 6000),
  guardMs: 15,
} as const;
