/** Places in a sender's order: handed out one after another, so that several can be in flight. */

type Lane = {
  /** What we hand out next; undefined until the chain was asked. */
  next: bigint | undefined;
  /** Ends when the sender before has signed and sent: they reach the validators in order. */
  turn: Promise<unknown>;
  /** Transactions that are in no block yet, as far as we know: by id, until when we wait for them. */
  readonly inFlight: Map<string, number>;
};

/** Lanes remembered at most; a forgotten one is asked of the chain again. */
const MAX_LANES = 256;

/**
 * The next nonces of some senders, by lane (`sender/lane`). What was handed out last counts only
 * while something of it is in flight: another program may use the account too, and the same words
 * in the same place would be the same transaction, paid once where twice was meant.
 */
export class NonceBook {
  readonly #lanes = new Map<string, Lane>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * Runs `use` with the next nonce when it is its turn. `use` tells what was sent with which nonce,
   * and how long to wait for it, ms; when it throws, the lane is asked of the chain the next time.
   */
  async take<T extends { readonly nonce: bigint; readonly id: string }>(
    key: string,
    ask: () => Promise<bigint>,
    use: (nonce: bigint) => Promise<T>,
    patienceMs: number,
  ): Promise<T> {
    const lane = this.#lane(key);
    const turn = lane.turn.then(async () => {
      const known = this.#isInFlight(lane) ? lane.next : undefined;
      lane.next = undefined;
      const result = await use(known ?? (await ask()));
      lane.next = result.nonce + 1n;
      lane.inFlight.set(result.id, this.#nowMs() + patienceMs);
      return result;
    });
    lane.turn = turn.catch(() => {}); // the next one has its turn whatever became of this one
    return turn;
  }

  /** A transaction is in a block, or given up. */
  settle(id: string): void {
    for (const { inFlight } of this.#lanes.values()) inFlight.delete(id);
  }

  #isInFlight({ inFlight }: Lane): boolean {
    for (const [id, until] of inFlight) if (until < this.#nowMs()) inFlight.delete(id);
    return inFlight.size > 0;
  }

  #lane(key: string): Lane {
    const lane = this.#lanes.get(key) ?? {
      next: undefined,
      turn: Promise.resolve(),
      inFlight: new Map(),
    };
    this.#lanes.delete(key);
    this.#lanes.set(key, lane);
    for (const oldest of this.#lanes.keys()) {
      if (this.#lanes.size <= MAX_LANES) break;
      this.#lanes.delete(oldest);
    }
    return lane;
  }
}
