/**
 * Three different questions. Alive: does the process still work, or should somebody restart it?
 * Ready: may it be given work? And if not: why not? A check answers with a reason, or with nothing.
 *
 *   health.check('ready', 'sync', () => (behind > 5 ? `${behind} blocks behind` : undefined));
 */
import { PalisadeError } from '@palisade/core';
import { within } from '../lifecycle/stopStack.ts';

export type HealthKind = 'alive' | 'ready';

/** The reason why something is not well, as a sentence for people; undefined when it is. */
export type Check = () => string | undefined | Promise<string | undefined>;

export type HealthReport = {
  readonly alive: boolean;
  /** Never true when `alive` is false. */
  readonly ready: boolean;
  readonly reasons: readonly {
    readonly check: string;
    readonly kind: HealthKind;
    readonly reason: string;
  }[];
};

export type Health = {
  /**
   * Registers a check under a name of its own; the answer removes it again.
   * @throws PalisadeError `health/bad-check` for a name in use, or beyond 64 checks.
   */
  check(kind: HealthKind, name: string, check: Check): () => void;
  /** Asks all checks at once. One that throws or takes over 2 s counts as a reason. */
  report(): Promise<HealthReport>;
};

/** Load balancers ask every few seconds and give up after about as long. */
const CHECK_MS = 2000;
/** A report is read by people; more checks than this mean that somebody registers in a loop. */
const MAX_CHECKS = 64;

export function createHealth({ checkMs = CHECK_MS }: { checkMs?: number } = {}): Health {
  const checks = new Map<string, { kind: HealthKind; check: Check }>();

  const reasonOf = async (check: Check): Promise<string | undefined> => {
    let reason: string | undefined;
    const asking = (async () => {
      reason = await check();
    })().catch((error: unknown) => {
      reason = `the check failed: ${error instanceof Error ? error.message : String(error)}`;
    });
    return (await within(checkMs, asking)) ? reason : `no answer within ${checkMs} ms`;
  };

  return {
    check: (kind, name, check) => {
      if (checks.has(name) || checks.size >= MAX_CHECKS) {
        throw new PalisadeError({
          code: 'health/bad-check',
          message: checks.has(name)
            ? `There is a health check '${name}' already.`
            : `There are ${MAX_CHECKS} health checks already.`,
        });
      }
      checks.set(name, { kind, check });
      return () => void checks.delete(name);
    },
    report: async () => {
      const answers = await Promise.all(
        [...checks].map(async ([name, { kind, check }]) => ({
          check: name,
          kind,
          reason: await reasonOf(check),
        })),
      );
      const reasons = answers.flatMap(({ reason, ...rest }) =>
        reason === undefined ? [] : [{ ...rest, reason }],
      );
      const alive = reasons.every(({ kind }) => kind !== 'alive');
      return { alive, ready: reasons.length === 0, reasons };
    },
  };
}
