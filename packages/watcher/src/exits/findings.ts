/** What judging finds: an event for the API, and what can be done about it. */
import { toHex } from '@palisade/core';
import type { ChallengeKind } from '../accounting/funding.ts';
import type { AlarmName } from '../danger/levels.ts';
import type { LateReason } from '../lateness.ts';
import type { Exit, InFlightExit, Spend, StandardExit } from './records.ts';

/** What an event tells: bytes as hex, numbers exact. */
export type EventDetails = Readonly<Record<string, unknown>>;

/** Members of details that name the exit: its output, or its transaction. */
export const DETAILS_OF_EXIT = ['utxo_pos', 'txbytes'] as const;

export type ExitEvent = { readonly event: AlarmName; readonly details: EventDetails };

/** A challenge that would succeed now, by what is known. */
export type Challenge = {
  readonly kind: ChallengeKind;
  /** Names it among all challenges, also after a restart. */
  readonly subject: string;
  readonly exit: Exit;
  /** Root-chain height from which on everybody could know. */
  readonly visibleAt: number;
  /** Seconds since 1970 after which it is too late; undefined while nothing is queued. */
  readonly deadline: number | undefined;
  /** Index of the input or output of the in-flight exit that it is about. */
  readonly index: number;
  /** The other spend; for `respond` there is none. */
  readonly spend: Spend | undefined;
};

export type Finding = {
  readonly events: readonly ExitEvent[];
  readonly late: readonly LateReason[];
  readonly challenge: Challenge | undefined;
};

/** The payload of `invalid_exit` and `unchallenged_exit`. */
export function standardDetails(
  exit: StandardExit,
  spend: Spend | undefined,
  late: readonly LateReason[],
): EventDetails {
  return {
    eth_height: exit.startedAt,
    utxo_pos: exit.position,
    owner: toHex(exit.owner),
    currency: toHex(exit.token),
    amount: exit.amount,
    root_chain_txhash: toHex(exit.startTx),
    scheduled_finalization_time: exit.finalizesAt ?? null,
    spending_txhash: spend ? toHex(spend.txHash) : null,
    ...(late.length > 0 ? { reasons: late } : {}),
  };
}

/** The payload of events about an in-flight exit as a whole. */
export function inFlightDetails(exit: InFlightExit, late: readonly LateReason[]): EventDetails {
  return { txbytes: toHex(exit.raw), ...(late.length > 0 ? { reasons: late } : {}) };
}
