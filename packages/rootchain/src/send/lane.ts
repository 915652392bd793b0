/** Gives nonces of one account in order, one at a time, to at most so many transactions under way. */
export class Lane {
  readonly #most: number;
  readonly #ask: () => Promise<number>;
  #next: number | undefined;
  #underWay = 0;
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
      while (this.#underWay >= this.#most)
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      // With nothing under way the chain knows best: it may have been put back to an earlier state.
      if (this.#underWay === 0) this.#next = undefined;
      const nonce = this.#next ?? (await this.#ask());
      const opened = await open(nonce);
      this.#next = nonce;
      if ('versions' in opened) {
        this.#next = nonce + 1;
        this.#underWay++;
      }
      return opened;
    });
    this.#tail = turn.catch(() => {});
    return turn;
  }

  leave(): void {
    this.#underWay--;
    this.#waiting.shift()?.();
  }

  /** One that had left is under way again: it was thrown out of its block. It waits for nobody, as it has its nonce. */
  comeBack(): void {
    this.#underWay++;
  }

  /** The chain's count is asked again: somebody else used the account. */
  forget(): void {
    this.#next = undefined;
  }
}
