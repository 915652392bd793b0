/** Places in a sender's order: handed out one after another, so that several can be in flight. */

type Lane = {
  /** What we hand out next; undefined until the chain was asked. */
  next: bigint | undefined;
  /** Ends when the sender before has signed and sent: they reach the validators in order. */
  turn: Promise<unknown>;
};

/** Lanes remembered at most; a forgotten one is asked of the chain again. */
const MAX_LANES = 256;

/** The next nonces of some senders, by lane (`sender/lane`). */
export class NonceBook {
  readonly #lanes = new Map<string, Lane>();

  /**
   * Runs `use` with the next nonce when it is its turn. The nonce counts as used when `use`
   * succeeds; otherwise the lane is asked of the chain the next time.
   */
  async take<T>(key: string, ask: () => Promise<bigint>, use: (nonce: bigint) => Promise<T>) {
    const lane = this.#lane(key);
    const turn = lane.turn.then(async () => {
      const nonce = lane.next ?? (await ask());
      lane.next = undefined;
      const result = await use(nonce);
      lane.next = nonce + 1n;
      return result;
    });
    lane.turn = turn.catch(() => {}); // the next one has its turn whatever became of this one
    return turn;
  }

  /** Forgets what was handed out: something of it was lost. */
  resync(key: string): void {
    this.#lane(key).next = undefined;
  }

  #lane(key: string): Lane {
    const lane = this.#lanes.get(key) ?? { next: undefined, turn: Promise.resolve() };
    this.#lanes.delete(key);
    this.#lanes.set(key, lane);
    for (const oldest of this.#lanes.keys()) {
      if (this.#lanes.size <= MAX_LANES) break;
      this.#lanes.delete(oldest);
    }
    return lane;
  }
}
