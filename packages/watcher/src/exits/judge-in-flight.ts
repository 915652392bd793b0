/** In-flight exits (MoreVP, X12): canonicity, answers to wrong challenges, piggybacks. */
import { equalBytes, toHex } from '@palisade/core';
import { type Position, placeOf, positionOf } from '@palisade/payments';
import { isNearlyFinal, type LateReason, lateReasons } from '../lateness.ts';
import type { ChainView, InFlightTip } from './chain-view.ts';
import { type ExitEvent, type Finding, inFlightDetails } from './findings.ts';
import type { Judgement } from './judge.ts';
import { allSpends, blockHeight, visibleSince } from './judge-standard.ts';
import { type Exit, type InFlightExit, NOT_INCLUDED, type Spend } from './records.ts';

/** An in-flight exit with what the contract says of it now. */
type Present = {
  readonly exit: InFlightExit;
  readonly canonical: boolean;
  /** Undefined when nobody has shown any. */
  readonly oldestCompetitor: bigint | undefined;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Its own place in the child chain, as a position of output 0. */
  readonly own: bigint | undefined;
  readonly firstPhase: boolean;
};

export function judgeInFlight(judgement: Judgement, exit: InFlightExit): readonly Finding[] {
  const tip = judgement.tip.inFlight.get(exit.exitId);
  if (tip && !tip.exists) return [];
  const present = presentOf(judgement, exit, tip);
  const findings = [
    judgeCanonicity(judgement, present),
    judgeAnswer(judgement, present),
    judgeLateSpends(judgement, present),
    ...present.inputs.map((index) => judgeInput(judgement, present, index)),
    ...present.outputs.map((index) => judgeOutput(judgement, present, index)),
    offerPiggybacks(present),
  ];
  return findings.filter((finding) => finding !== undefined);
}

/** Outputs whose spending can change what is found: those of the exit's inputs, and its own once it is in a block. */
export function positionsOf({ view }: Pick<Judgement, 'view'>, exit: Exit): readonly Position[] {
  if (exit.kind === 'standard') return [exit.position];
  const inputs = exit.inputs.map(({ position }) => position);
  const own = ownPlace(view, exit);
  if (own === undefined) return inputs;
  return [...inputs, ...exit.transaction.outputs.map((_, index) => own + BigInt(index))];
}

/** Its own place in the child chain, as a position of output 0; undefined when it is in no block. */
function ownPlace(view: ChainView, { inputs, txHash }: InFlightExit): Position | undefined {
  // While an input is unspent, no applied block has it: the ledger is asked sooner than the disk.
  if (inputs.some(({ position }) => view.has(position))) return undefined;
  const place = view.placeOf(txHash);
  return place && positionOf({ ...place, oindex: 0 });
}

/** Half of the exit period, counted from the start. */
export function isFirstPhase(
  { now, minExitPeriodSeconds }: Pick<Judgement, 'now' | 'minExitPeriodSeconds'>,
  { startSeconds }: InFlightExit,
): boolean {
  return now.seconds - startSeconds < minExitPeriodSeconds / 2;
}

function presentOf(
  judgement: Judgement,
  exit: InFlightExit,
  tip: InFlightTip | undefined,
): Present {
  const { view, dialect } = judgement;
  const stands = (bit: number) => !tip || ((tip.map >> BigInt(bit)) & 1n) === 1n;
  const oldest = tip ? tip.oldestCompetitor || undefined : exit.oldestCompetitor;
  return {
    exit,
    canonical: tip?.canonical ?? exit.canonical,
    oldestCompetitor: oldest,
    inputs: [...exit.piggybackedInputs.keys()].filter(stands),
    outputs: [...exit.piggybackedOutputs.keys()].filter((i) => stands(i + dialect.maxInputs)),
    own: ownPlace(view, exit),
    firstPhase: isFirstPhase(judgement, exit),
  };
}

/** Age of a spend in the order of the contract: what is in no block is the youngest of all. */
function ageOf({ place }: Spend): bigint {
  return place ? positionOf({ ...place, oindex: 0 }) : NOT_INCLUDED;
}

/** Spends of an output by other transactions than the exit's own, the included one first. */
function rivals(judgement: Judgement, exit: InFlightExit, position: Position): readonly Spend[] {
  return allSpends(judgement, position).filter(({ txHash }) => !equalBytes(txHash, exit.txHash));
}

/** The oldest other transaction that spends one of the inputs, if it can be shown with effect. */
function judgeCanonicity(judgement: Judgement, present: Present): Finding | undefined {
  const { exit, own, oldestCompetitor } = present;
  const viable = exit.inputs.flatMap(({ position }, index) =>
    rivals(judgement, exit, position).flatMap((spend) => {
      const age = ageOf(spend);
      // Its own place is at least as old as what is in no block; so is any competitor that was shown.
      const tooYoung = (limit: bigint | undefined) => limit !== undefined && age >= limit;
      return tooYoung(own) || tooYoung(oldestCompetitor) ? [] : [{ spend, index, age }];
    }),
  );
  const [oldest] = viable.sort((a, b) => (a.age < b.age ? -1 : 1));
  if (!oldest) return undefined;
  const spends = viable.map(({ spend }) => spend);
  return finding(judgement, present, {
    ...{ name: 'non_canonical_ife', late: 'unchallenged_non_canonical_ife' },
    visibleAt: visibleSince(exit.startedAt, spends),
    ...{ index: oldest.index, spend: oldest.spend, kind: 'not-canonical' },
    deadline: exit.startSeconds + judgement.minExitPeriodSeconds / 2,
    possible: present.firstPhase,
  });
}

/** A block that spends an input by another transaction, long after everybody relied on its being kept. */
function judgeLateSpends(judgement: Judgement, { exit }: Present): Finding | undefined {
  const { table, margins } = judgement;
  const late = exit.inputs.some(({ position }) =>
    rivals(judgement, exit, position).some(
      ({ place }) => place && blockHeight(table, place.blknum) - exit.startedAt > margins.slaBlocks,
    ),
  );
  if (!late) return undefined;
  const events = [{ event: 'late_invalidation' as const, details: inFlightDetails(exit, []) }];
  return { events, late: [], challenge: undefined };
}

/** It was called non-canonical, though its transaction is in a block older than any competitor. */
function judgeAnswer(judgement: Judgement, present: Present): Finding | undefined {
  const { exit, own, canonical, oldestCompetitor } = present;
  if (canonical || own === undefined || oldestCompetitor === undefined) return undefined;
  if (own >= oldestCompetitor) return undefined;
  const included = blockHeight(judgement.table, placeOf(own).blknum);
  return finding(judgement, present, {
    ...{ name: 'invalid_ife_challenge', late: 'unchallenged_ife_challenge', kind: 'respond' },
    visibleAt: Math.max(exit.shownAt ?? exit.startedAt, included),
    ...{ index: 0, spend: undefined, deadline: exit.finalizesAt, possible: true },
  });
}

/** A piggybacked input that another transaction spends. */
function judgeInput(judgement: Judgement, present: Present, index: number): Finding | undefined {
  const { exit } = present;
  const input = exit.inputs[index];
  const spends = input ? rivals(judgement, exit, input.position) : [];
  const since = exit.piggybackedInputs.get(index) ?? exit.startedAt;
  return piggyback(judgement, present, 'input-spent', index, spends, since);
}

/** A piggybacked output of an included transaction that was spent later. */
function judgeOutput(judgement: Judgement, present: Present, index: number): Finding | undefined {
  const { exit, own } = present;
  if (own === undefined) return undefined;
  const spends = allSpends(judgement, own + BigInt(index));
  const since = exit.piggybackedOutputs.get(index) ?? exit.startedAt;
  return piggyback(judgement, present, 'output-spent', index, spends, since);
}

function piggyback(
  judgement: Judgement,
  present: Present,
  kind: 'input-spent' | 'output-spent',
  index: number,
  spends: readonly Spend[],
  since: number,
): Finding | undefined {
  const { exit } = present;
  const [spend] = spends;
  if (!spend) return undefined;
  const side =
    kind === 'input-spent' ? { inputs: [index], outputs: [] } : { inputs: [], outputs: [index] };
  // Counted from the piggyback: one that comes on the second day is not late by a day.
  const visibleAt = visibleSince(since, spends);
  return finding(judgement, present, {
    ...{ name: 'invalid_piggyback', late: 'unchallenged_piggyback', kind, index, spend, visibleAt },
    ...{ deadline: exit.finalizesAt, possible: true, more: side },
  });
}

type Case = {
  readonly name: 'non_canonical_ife' | 'invalid_ife_challenge' | 'invalid_piggyback';
  readonly late:
    | 'unchallenged_non_canonical_ife'
    | 'unchallenged_ife_challenge'
    | 'unchallenged_piggyback';
  readonly kind: 'not-canonical' | 'respond' | 'input-spent' | 'output-spent';
  readonly visibleAt: number;
  readonly deadline: number | undefined;
  readonly index: number;
  readonly spend: Spend | undefined;
  /** Whether the contract would still take the challenge. */
  readonly possible: boolean;
  readonly more?: Readonly<Record<string, readonly number[]>>;
};

function finding({ margins, now }: Judgement, { exit }: Present, what: Case): Finding {
  const { name, kind, visibleAt, deadline, index, spend, possible, more = {} } = what;
  const late: readonly LateReason[] = lateReasons(margins, now, {
    visibleAt,
    finalizesAt: exit.finalizesAt,
  });
  const events: ExitEvent[] = [{ event: name, details: { ...inFlightDetails(exit, []), ...more } }];
  if (late.length > 0)
    events.push({ event: what.late, details: { ...inFlightDetails(exit, late), ...more } });
  if (exit.finalizesAt !== undefined && isNearlyFinal(margins, now, exit.finalizesAt))
    events.push({ event: 'exit_nearly_final', details: inFlightDetails(exit, late) });
  const since = kind === 'input-spent' || kind === 'output-spent' ? sinceOf(exit, kind, index) : 0;
  const subject = `${kind}/${exit.exitId}/${exit.startedAt}/${index}/${since}`;
  const challenge = possible
    ? { kind, subject, exit, visibleAt, deadline, index, spend }
    : undefined;
  return { events, late, challenge };
}

/** Names the piggyback that stands: one that is placed again is challenged like a new one. */
function sinceOf(exit: InFlightExit, kind: 'input-spent' | 'output-spent', index: number): number {
  const side = kind === 'input-spent' ? exit.piggybackedInputs : exit.piggybackedOutputs;
  return side.get(index) ?? 0;
}

const ZERO = new Uint8Array(20);

/** Tells owners what they can still join; only while the first phase lasts, and only outside of blocks. */
function offerPiggybacks(present: Present): Finding | undefined {
  const { exit, own, firstPhase, inputs, outputs } = present;
  if (own !== undefined || !firstPhase) return undefined;
  const free = (owners: readonly Uint8Array[], taken: ReadonlySet<number>) =>
    owners.flatMap((owner, index) =>
      taken.has(index) || equalBytes(owner, ZERO) ? [] : [{ index, address: toHex(owner) }],
    );
  const available_inputs = free(
    exit.inputs.map(({ owner }) => owner),
    new Set([...inputs, ...exit.closedInputs]),
  );
  const available_outputs = free(
    exit.transaction.outputs.map(({ owner }) => owner),
    new Set([...outputs, ...exit.closedOutputs]),
  );
  if (available_inputs.length + available_outputs.length === 0) return undefined;
  const details = { ...inFlightDetails(exit, []), available_inputs, available_outputs };
  return {
    events: [{ event: 'piggyback_available', details }],
    late: [],
    challenge: undefined,
  };
}
