/** Gives nonces of one account in order, one at a time, to at most so many transactions under way. */
export class Lane {
  readonly #most: number;
  readonly #ask: () => Promise<number>;
  #next: number | undefined;
  readonly #underWay = new Set<number>();
  #tail: Promise<unknown> = Promise.resolve();
  #waiting: (() => void)[] = [];

  /** `ask` answers the nonce that the chain expects next. */
  constructor(most: number, ask: () => Promise<number>) {
    this.#most = most;
    this.#ask = ask;
  }

  /**
   * Lets `open` have the next nonce, alone. The nonce is used up when it answers with something that has
   * `versions`; else, or when it throws, the next one gets it. Whoever used one calls `leave` when it is in a block.
   */
  async enter<T extends object>(open: (nonce: number) => Promise<T>): Promise<T> {
    const turn = this.#tail.then(async () => {
      while (this.#underWay.size >= this.#most)
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      // With nothing under way the chain knows best: it may have been put back to an earlier state.
      if (this.#underWay.size === 0) this.#next = undefined;
      const nonce = this.#next ?? (await this.#ask());
      const opened = await open(nonce);
      this.#next = nonce;
      if ('versions' in opened) {
        this.#next = nonce + 1;
        this.#underWay.add(nonce);
      }
      return opened;
    });
    this.#tail = turn.catch(() => {});
    return turn;
  }

  leave(nonce: number): void {
    this.#underWay.delete(nonce);
    this.#waiting.shift()?.();
  }

  /** One that had left is under way again: it was thrown out of its block. It waits for nobody, as it has its nonce. */
  comeBack(nonce: number): void {
    this.#underWay.add(nonce);
  }

  /** Whether nothing with a lower nonce is under way. */
  isFirst(nonce: number): boolean {
    return Math.min(...this.#underWay) >= nonce;
  }

  /** The chain's count is asked again: somebody else used the account. */
  forget(): void {
    this.#next = undefined;
  }
}
