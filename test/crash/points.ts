/** Where the network dies: the same seed gives the same points, whatever the machine. */
import type { NodeOptions } from '@palisade/node';
import type { PartnerOptions } from '@palisade/partner';

/** Named moments of the engine (embedded/options.ts). */
export type EngineFault = Parameters<NonNullable<NodeOptions['faults']>>[0];
const ENGINE_FAULTS: readonly EngineFault[] = [
  'before-save',
  'after-save',
  'after-finalize',
  'before-app-commit',
  'after-app-commit',
  'after-mempool',
];

/** Steps of the main job, as the client learns of them. */
export const STEPS = [
  'begun',
  'confirmed',
  'in-block',
  'matched',
  'uploading',
  'started',
  'audit-answered',
  'payout',
] as const;
export type Step = (typeof STEPS)[number];

/**
 * Answers that promise something, with how many of them every run has: the process dies when the
 * work is done and durable, and not a byte of the answer has left.
 */
const REPLIES = [
  { method: 'POST', path: '^/v1/jobs$', least: 3, what: 'confirmation' },
  { method: 'POST', path: '^/v1/transactions$', least: 9, what: 'acknowledgement' },
  { method: 'POST', path: '^/v1/offers$', least: 12, what: 'offer' },
  { method: 'POST', path: '^/v1/jobs/0x[0-9a-f]+/accept$', least: 2, what: 'match' },
  { method: 'POST', path: '^/v1/agreements$', least: 2, what: 'agreement' },
  { method: 'PUT', path: '^/v1/agreements/0x[0-9a-f]+/outline$', least: 2, what: 'outline' },
  { method: 'PUT', path: '^/v1/agreements/0x[0-9a-f]+/content', least: 2, what: 'content' },
] as const;

export type DiskStep = Parameters<NonNullable<PartnerOptions['diskHook']>>[0];

/** What partners do to their disks while they take contents in, with how often in every run. */
const DISK_STEPS: readonly { readonly step: DiskStep; readonly least: number }[] = [
  { step: 'make-folder', least: 4 },
  { step: 'write-file', least: 6 },
  { step: 'write-group', least: 6 },
  { step: 'sync-file', least: 4 },
  { step: 'sync-folder', least: 8 },
  { step: 'rename', least: 2 },
];

export type Moment =
  | {
      readonly kind: 'engine';
      readonly fault: EngineFault;
      /** The step after which blocks are counted, and which of them it is, from 1. */
      readonly after: Step;
      readonly count: number;
    }
  | { readonly kind: 'step'; readonly step: Step; readonly afterMs: number }
  | {
      readonly kind: 'reply';
      readonly method: string;
      /** Pattern of the path. */
      readonly path: string;
      readonly what: string;
      /** Which of these answers, from 1. */
      readonly count: number;
    }
  | {
      readonly kind: 'disk';
      readonly step: DiskStep;
      /** Which of these steps, from 1, of all partners together. */
      readonly count: number;
      /** Whether it dies while the step is under way, and not before it. */
      readonly during: boolean;
    };

export type Point = Moment & {
  /** Whether the client is killed as well, and goes on from what it wrote down. */
  readonly client: boolean;
};

/** mulberry32: 32 bits of state are plenty to choose a few hundred points. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Blocks after a step until the next one, about. */
const BLOCKS = 3;
/** A step is over, or the next one under way, within this time, ms. */
const STEP_MS = 400;
/** Draws of a point until one is reached, at most: beyond it the list above is wrong. */
export const MAX_DRAWS = 4;
/** Numbers of points that a seed has. */
const MAX_POINTS = 100_000;

/**
 * The point of a number, from 1: a quarter each in blocks, in steps, before answers, at the disks of
 * partners. `draw` counts from 0, for one that was not reached.
 */
export function pointOf(seed: number, number: number, draw = 0): Point {
  const random = randomOf((seed * MAX_POINTS + number) * MAX_DRAWS + draw);
  const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;
  const client = random(3) === 0;
  if (number % 4 === 1)
    return {
      kind: 'engine',
      fault: pick(ENGINE_FAULTS),
      after: pick(STEPS),
      count: 1 + random(BLOCKS),
      client,
    };
  if (number % 4 === 2)
    return { kind: 'step', step: pick(STEPS), afterMs: random(STEP_MS), client };
  if (number % 4 === 3) {
    const { least, ...reply } = pick(REPLIES);
    return { kind: 'reply', ...reply, count: 1 + random(least), client };
  }
  const { step, least } = pick(DISK_STEPS);
  return { kind: 'disk', step, count: 1 + random(least), during: random(2) === 1, client };
}

/** A point in words. */
export function describePoint(point: Point): string {
  return `${describeMoment(point)}${point.client ? ', and the client too' : ''}`;
}

function describeMoment(point: Moment): string {
  if (point.kind === 'engine')
    return `${point.fault} of block ${point.count} after '${point.after}'`;
  if (point.kind === 'step') return `${point.afterMs} ms after '${point.step}'`;
  if (point.kind === 'reply') return `before answer ${point.count} with ${point.what}`;
  return `${point.during ? 'during' : 'before'} ${point.step} ${point.count} of partners`;
}
