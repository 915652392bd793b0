/** What must be closed when a daemon stops, closed in the reverse order of its opening. */
export type Closer = () => void | Promise<void>;

export type StopReport = {
  /** What had not closed when the time was up, in the order in which it would have closed. */
  readonly open: readonly string[];
  /** What threw while closing; the rest was closed all the same. */
  readonly failed: readonly { readonly name: string; readonly error: unknown }[];
};

export type StopStack = {
  push(name: string, closer: Closer): void;
  /**
   * Closes one thing after another. One that hangs holds up those below it, because they may be
   * what it is still using; after `withinMs` the report names it and them.
   */
  stopAll(withinMs: number): Promise<StopReport>;
};

export function createStopStack(): StopStack {
  const entries: { name: string; closer: Closer }[] = [];
  return {
    push: (name, closer) => void entries.push({ name, closer }),
    stopAll: async (withinMs) => {
      const failed: { name: string; error: unknown }[] = [];
      const closeAll = async (): Promise<boolean> => {
        for (let top = entries.at(-1); top !== undefined; top = entries.at(-1)) {
          try {
            await top.closer();
          } catch (error) {
            failed.push({ name: top.name, error });
          }
          // Closing may have opened something above it, which then closes next.
          entries.splice(entries.lastIndexOf(top), 1);
        }
        return true;
      };
      await within(withinMs, closeAll());
      return { open: entries.map(({ name }) => name).reverse(), failed: [...failed] };
    },
  };
}

/** Whether the work ended in time. It goes on in any case. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  return Promise.race([work.then(() => true), late]).finally(() => clearTimeout(timer));
}
