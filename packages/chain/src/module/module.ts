/**
 * What a module is: a table of commands, queries, events and hooks. The application runs the
 * tables; modules know it not, and not each other.
 */
import type { Declaration, Json, KeyValueReader, Refusal } from '@palisade/core';
import type { Offence } from '../offences/offences.ts';
import type { Session } from '../sessions/session.ts';
import type { State } from '../state/overlay.ts';
import type { EventDeclaration } from './event.ts';
import type { QueryHandler } from './query.ts';

/** A block being executed. */
export type BlockContext = {
  readonly state: State;
  readonly height: bigint;
  /** Block time: the engine's median time, in milliseconds since 1970. */
  readonly timeMs: bigint;
  /**
   * Hash of the block: nobody but its proposer knew it before, and the proposer may try several. Zero
   * at genesis and while a transaction is tried for the mempool.
   */
  readonly hash: Uint8Array;
  readonly session: Session;
  emit<T>(event: EventDeclaration<T>, value: T): void;
};

/** Who sent a transaction. A node key acts for the account that it is bound to, which pays. */
export type Sender = { readonly account: Uint8Array; readonly nodeKey?: Uint8Array };

/** A transaction being executed; its fee is paid and its nonce counted. */
export type TxContext = BlockContext & {
  readonly sender: Sender;
  readonly txId: Uint8Array;
  /** What it paid, base units. */
  readonly fee: bigint;
};

export type CommandHandler<T = unknown> = {
  readonly declaration: Declaration<T>;
  /** The rules' "no", or undefined. Reads only. */
  verify(ctx: TxContext, command: T): Refusal | undefined;
  /** Does it; may assume that `verify` passed. */
  apply(ctx: TxContext, command: T): void;
};

export function handle<T>(
  declaration: Declaration<T>,
  rules: Omit<CommandHandler<T>, 'declaration'>,
): CommandHandler {
  return { declaration, ...rules } as CommandHandler;
}

export type Hooks = {
  /** Writes the module's part of genesis; `json` is its section of the document. */
  readonly genesis?: (ctx: BlockContext, json: Json | undefined) => void;
  readonly blockStart?: (ctx: BlockContext) => void;
  readonly blockEnd?: (ctx: BlockContext) => void;
  /** The session is over: pay out. Runs in the first block after it. */
  readonly sessionEnd?: (ctx: BlockContext) => void;
  /** Somebody was proven wrong. */
  readonly offence?: (ctx: BlockContext, offence: Offence) => void;
};

/** A law of the state: what is wrong, or undefined. */
export type Invariant = {
  readonly name: string;
  readonly check: (state: KeyValueReader) => string | undefined;
};

export type Module = {
  readonly name: string;
  readonly commands?: readonly CommandHandler[];
  readonly queries?: readonly QueryHandler[];
  readonly events?: readonly EventDeclaration[];
  readonly hooks?: Hooks;
  readonly invariants?: readonly Invariant[];
  /** Stores whose records can be proven to others; all else is logged. */
  readonly provenStores?: readonly string[];
};
