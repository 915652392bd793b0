/** Where the network dies: the same seed gives the same points, whatever the machine. */
import type { NodeOptions } from '@palisade/node';

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
 * Answers that promise something, with how many of them a run has at least: the process dies when
 * the work is done and durable, and not a byte of the answer has left.
 */
const REPLIES = [
  { method: 'POST', path: '^/v1/jobs$', most: 2, what: 'confirmation' },
  { method: 'POST', path: '^/v1/transactions$', most: 6, what: 'acknowledgement' },
  { method: 'POST', path: '^/v1/offers$', most: 3, what: 'offer' },
  { method: 'POST', path: '^/v1/jobs/0x[0-9a-f]+/accept$', most: 3, what: 'match' },
  { method: 'POST', path: '^/v1/agreements$', most: 3, what: 'agreement' },
  { method: 'PUT', path: '^/v1/agreements/0x[0-9a-f]+/outline$', most: 3, what: 'outline' },
  { method: 'PUT', path: '^/v1/agreements/0x[0-9a-f]+/content', most: 3, what: 'content' },
] as const;

export type Point = (
  | { readonly kind: 'engine'; readonly fault: EngineFault; readonly height: number }
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
) & {
  /** Whether the client dies as well, and goes on from what it wrote down. */
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

/** Blocks in which the main job is under way, of 100 ms: the first until after the first payout. */
const HEIGHTS = { first: 2, count: 70 };
/** A step is over, or the next one under way, within this time, ms. */
const STEP_MS = 400;

/** The points of a seed: a third in blocks, a third in steps, a third before answers. */
export function pointsOf(seed: number, count: number): readonly Point[] {
  const random = randomOf(seed);
  const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;
  return Array.from({ length: count }, (_, i): Point => {
    const client = random(3) === 0;
    if (i % 3 === 0) {
      const height = HEIGHTS.first + random(HEIGHTS.count);
      return { kind: 'engine', fault: pick(ENGINE_FAULTS), height, client };
    }
    if (i % 3 === 1) return { kind: 'step', step: pick(STEPS), afterMs: random(STEP_MS), client };
    const { most, ...reply } = pick(REPLIES);
    return { kind: 'reply', ...reply, count: 1 + random(most), client };
  });
}

/** A point in words. */
export function describePoint(point: Point): string {
  const too = point.client ? ', and the client too' : '';
  if (point.kind === 'engine') return `${point.fault} of block ${point.height}${too}`;
  if (point.kind === 'step') return `${point.afterMs} ms after '${point.step}'${too}`;
  return `before answer ${point.count} with ${point.what}${too}`;
}
