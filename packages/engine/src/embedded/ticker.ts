/**
 * Calls an action at even intervals of the monotonic clock. The next moment is counted from the last
 * planned one, not from when the action ended, so intervals do not drift; moments that were missed
 * because an action took long are skipped, not made up for.
 */
export class Ticker {
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private readonly everyMs: number;
  private readonly action: () => Promise<void>;

  constructor(everyMs: number, action: () => Promise<void>) {
    this.everyMs = everyMs;
    this.action = action;
  }

  start(): void {
    this.plan(performance.now() + this.everyMs);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private plan(at: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(
      async () => {
        await this.action();
        const now = performance.now();
        const missed = Math.max(0, Math.floor((now - at) / this.everyMs));
        this.plan(at + (missed + 1) * this.everyMs);
      },
      Math.max(0, at - performance.now()),
    );
  }
}
