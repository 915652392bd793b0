/** Ports: how pure code asks for what only the world has. */

/** Milliseconds since 1970, as the machine has them. */
export type Clock = {
  nowMs(): number;
  /** Calls back when the time was moved; answers how to end that. Only development networks move it. */
  onMove?(listener: () => void): () => void;
};

/** An ordered map of bytes, read synchronously; what the chain's state stands on. */
export type KeyValueReader = {
  get(key: string): Uint8Array | undefined;
  /** Entries with from <= key < to, in key order. Keys are binary strings: one char per byte. */
  range(from: string, to: string): Iterable<readonly [key: string, value: Uint8Array]>;
};

/** A write of one key; `undefined` deletes. */
export type Write = readonly [key: string, value: Uint8Array | undefined];

/** A store whose commits are atomic and durable when the promise resolves. */
export type KeyValueStore = KeyValueReader & {
  commit(writes: Iterable<Write>): Promise<void>;
  close(): Promise<void>;
};
