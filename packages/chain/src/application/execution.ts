/** Executing one transaction: pay, verify, apply, or leave no trace but fee and nonce. */
import { isRefusal, type Json, type Opened, type Refusal } from '@palisade/core';
import type { AbciEvent, ExecTxResult } from '@palisade/formats';
import { cannotPay, charge, senderOf } from '../accounts/charge.ts';
import type { EventDeclaration } from '../module/event.ts';
import type { BlockContext, CommandHandler } from '../module/module.ts';
import { currentSession, type Session, sessions } from '../sessions/session.ts';
import { Overlay, type State } from '../state/overlay.ts';

/** Result codes: the header commits to them, so their meaning may never change. */
export const CODE = { ok: 0, refused: 1, unpaid: 2, malformed: 3 } as const;

const EMPTY = new Uint8Array();
const NO_HASH = new Uint8Array(32);

/** A block being executed, over a state of its own; collects the events. */
export class Execution implements BlockContext {
  readonly state: State;
  readonly height: bigint;
  readonly timeMs: bigint;
  readonly hash: Uint8Array;
  readonly events: AbciEvent[] = [];
  /** The session, once nothing can change it any more in this block. */
  private settled: Session | undefined;

  constructor(state: State, height: bigint, timeMs: bigint, hash: Uint8Array = NO_HASH) {
    this.state = state;
    this.height = height;
    this.timeMs = timeMs;
    this.hash = hash;
  }

  get session(): Session {
    return this.settled ?? sessions.need(this.state, currentSession.need(this.state));
  }

  /** Reads the session once for all transactions: they ask for it often and cannot change it. */
  settleSession(): void {
    this.settled = this.session;
  }

  emit<T>(event: EventDeclaration<T>, value: T): void {
    this.events.push(toAbciEvent(event, value));
  }

  /** The same block over another state, with events of its own. */
  over(state: State): Execution {
    const execution = new Execution(state, this.height, this.timeMs, this.hash);
    execution.settled = this.settled;
    return execution;
  }
}

/** Whether this is the first block of a session. */
export function startsSession({ session, height }: Execution): boolean {
  return session.startHeight === height;
}

function toAbciEvent<T>(event: EventDeclaration<T>, value: T): AbciEvent {
  const fields = event.schema.toJson(value) as { readonly [key: string]: Json };
  return {
    type: event.name,
    attributes: Object.entries(fields).map(([key, field]) => ({
      key,
      value: typeof field === 'string' ? field : JSON.stringify(field),
      index: true,
    })),
  };
}

/** Executes an opened, verified transaction on the block's state. */
export function executeTx(
  block: Execution,
  handlers: ReadonlyMap<string, CommandHandler>,
  opened: Opened,
): ExecTxResult {
  const sender = senderOf(block.state, opened);
  if (isRefusal(sender)) return refused(CODE.unpaid, opened, sender);
  const unpaid = cannotPay(block.state, sender, opened);
  if (unpaid) return refused(CODE.unpaid, opened, unpaid);
  const fee = charge(block.state, sender, opened);
  const own = new Overlay(block.state);
  const inner = block.over(own);
  const ctx = Object.assign(inner, { sender, txId: opened.id, fee });
  const handler = handlers.get(opened.declaration.name)!;
  const refusal = handler.verify(ctx, opened.value);
  if (refusal) return refused(CODE.refused, opened, refusal);
  handler.apply(ctx, opened.value);
  own.mergeInto(block.state);
  return { ...OK_RESULT, data: opened.id, info: opened.declaration.name, events: inner.events };
}

/** The result of a transaction that did what it says, before anything is said of it. */
export const OK_RESULT: ExecTxResult = {
  code: CODE.ok,
  data: EMPTY,
  log: '',
  info: '',
  gasWanted: 0n,
  gasUsed: 0n,
  events: [],
  codespace: '',
};

/** The result of a transaction that was refused; the sentence goes into `log`, the code beside it. */
export function refused(code: number, opened: Opened | undefined, refusal: Refusal): ExecTxResult {
  return {
    ...OK_RESULT,
    code,
    data: opened?.id ?? EMPTY,
    log: refusal.next ? `${refusal.message} ${refusal.next}` : refusal.message,
    info: opened?.declaration.name ?? '',
    codespace: refusal.code,
  };
}
