/** Parameters of sectors, set in the genesis document. Heights and spans are blocks. */
import { collection, PPM } from '@palisade/chain';
import { type Infer, MAX_SAMPLES, PalisadeError, record, u8, u16, u32, u128 } from '@palisade/core';
import { isShape, type SectorShape } from '../proofs/index.ts';

/** Deadlines of a period at most: a miner's record counts its sectors in each. */
export const MAX_DEADLINES = 64;
/** Sectors of a partition at most: each is a member of one record, and asked for at least one leaf. */
export const MAX_PARTITION = 256;

export const sectorsParams = record('SectorsParams', {
  sectorBytes: u32.is('Size of a sector'),
  layers: u8.is('Layers of labels'),
  sealChallenges: u16.is('Places that a seal proof opens'),
  windowLeaves: u16.is('Leaves that a window proof shows, and one of every sector at least'),
  deadlines: u8.is('Windows of a proving period'),
  windowBlocks: u32.is('Length of a window'),
  lookbackBlocks: u32.is('Its challenge is drawn so long before it opens'),
  cutoffBlocks: u32.is('So long before it opens, its sectors cannot be declared any more'),
  partitionSectors: u16.is('Sectors proven together at most'),
  maxSectors: u32.is('Sectors and pre-commits of one miner at most'),
  sealSessions: u32.is('How many sessions old the randomness of a seal may be'),
  challengeDelayBlocks: u32.is('From a pre-commit to the draw of its challenge'),
  maxProveBlocks: u32.is('A pre-commit must be proven before so long after it'),
  minLifeBlocks: u32.is('A sector lives at least so long after the last moment to prove it'),
  maxLifeBlocks: u32.is('A sector expires at most so long after its pre-commit'),
  maxFaultPeriods: u16.is('Proving periods in a row that a sector may be faulty'),
  disputeBlocks: u32.is('A window proof can be disputed until so long after its window'),
  sealDisputeBlocks: u32.is('A seal proof can be disputed until so long after it'),
  sealVerdicts: u8.is('Validators whose word a seal proof needs'),
  yearlyFee: u128.is('What storing a sector for a year earns at the reference price, base units'),
  depositPpm: u32.is('Pre-commit deposit, of the yearly fee'),
  pledgePpm: u32.is('Pledge of a sector, of the yearly fee'),
  faultFeePpm: u32.is('Fee of each further period of a fault, of the pledge'),
  terminationPpm: u32.is('Termination fee of a sector of full age, of the pledge'),
  terminationAgeBlocks: u32.is('Full age'),
  leastTerminationPpm: u32.is('Termination fee at least, of the pledge'),
  terminationFaultPpm: u32.is('and at least this of the fault fee'),
  disputeFeePpm: u32.is('Fee of a false window proof, of the pledges of all sectors it was for'),
  disputeRewardPpm: u32.is('Share of what a dispute takes that the disputer gets'),
});
export type SectorsParams = Infer<typeof sectorsParams>;

const PAL = 10n ** 18n;
const DAY = 86_400;

/**
 * Defaults of a public chain with a block a second. A period is the pay period of 4 h: sealing a
 * sector anew for every proof then costs more than keeping it (spec/sectors.md, section 5). 100 leaves
 * of a partition find 5 % missing with 99.4 % in a window. The lookback (20 s) outlasts a fork, the
 * cutoff is three of them, so that no fault is declared in sight of its challenge. Seals are challenged
 * after 2.5 minutes and proven within a day; a fault of 42 periods, a week, ends a sector. Deposit and
 * pledge are 1 % and 5 % of the yearly fee; the termination fee has Filecoin's shape (8.5 % at 140 days,
 * 2 % and 105 % of a fault fee at least).
 */
export const DEFAULT_SECTORS_PARAMS: SectorsParams = {
  sectorBytes: 2 ** 25,
  layers: 4,
  sealChallenges: 66,
  windowLeaves: 100,
  deadlines: 48,
  windowBlocks: 300,
  lookbackBlocks: 20,
  cutoffBlocks: 60,
  partitionSectors: MAX_PARTITION,
  maxSectors: 32_768,
  sealSessions: 6,
  challengeDelayBlocks: 150,
  maxProveBlocks: DAY,
  minLifeBlocks: 30 * DAY,
  maxLifeBlocks: 1278 * DAY,
  maxFaultPeriods: 42,
  disputeBlocks: 7200,
  sealDisputeBlocks: DAY,
  sealVerdicts: 3,
  yearlyFee: PAL / 2n,
  depositPpm: 10_000,
  pledgePpm: 50_000,
  faultFeePpm: 10_000,
  terminationPpm: 85_000,
  terminationAgeBlocks: 140 * DAY,
  leastTerminationPpm: 20_000,
  terminationFaultPpm: 1_050_000,
  disputeFeePpm: 200_000,
  disputeRewardPpm: 200_000,
};

/** Values of the development network: periods of half a minute, sectors that seal in a second. */
export const DEVELOPMENT_SECTORS_PARAMS: SectorsParams = {
  ...DEFAULT_SECTORS_PARAMS,
  sectorBytes: 2 ** 20,
  deadlines: 3,
  windowBlocks: 10,
  lookbackBlocks: 2,
  cutoffBlocks: 3,
  challengeDelayBlocks: 3,
  maxProveBlocks: 120,
  minLifeBlocks: 100,
  maxLifeBlocks: 10_000_000,
  maxFaultPeriods: 6,
  disputeBlocks: 10,
  sealDisputeBlocks: 120,
  sealVerdicts: 1,
  yearlyFee: 10n * PAL,
};

export const params = collection({
  store: 'sectors',
  name: 'params',
  key: [],
  value: sectorsParams,
});

/** The shape that proofs are checked by. */
export function shapeOf({ sectorBytes, layers, sealChallenges }: SectorsParams): SectorShape {
  return { sectorBytes, layers, sealChallenges };
}

/** Blocks of a proving period. */
export function periodOf({ deadlines, windowBlocks }: SectorsParams): number {
  return deadlines * windowBlocks;
}

/** Until so long after it opened, a window's proofs can be disputed. */
export function disputeSpan({ windowBlocks, disputeBlocks }: SectorsParams): number {
  return windowBlocks + disputeBlocks;
}

export function depositOf({ yearlyFee, depositPpm }: SectorsParams): bigint {
  return (yearlyFee * BigInt(depositPpm)) / PPM;
}

export function pledgeOf({ yearlyFee, pledgePpm }: SectorsParams): bigint {
  return (yearlyFee * BigInt(pledgePpm)) / PPM;
}

/** What must hold between parameters, and why. */
const LAWS: readonly (readonly [why: string, holds: (value: SectorsParams) => boolean])[] = [
  ['no such sector can be sealed', (p) => isShape(shapeOf(p))],
  [
    `windowLeaves must be 1 to ${MAX_SAMPLES}`,
    (p) => p.windowLeaves >= 1 && p.windowLeaves <= MAX_SAMPLES,
  ],
  [
    `deadlines must be 3 to ${MAX_DEADLINES}: one is open, one about to open, one left to change`,
    (p) => p.deadlines >= 3 && p.deadlines <= MAX_DEADLINES,
  ],
  ['lookbackBlocks must be at least 1', (p) => p.lookbackBlocks >= 1],
  [
    'cutoffBlocks must not be below lookbackBlocks: faults would be declared in sight of the challenge',
    (p) => p.cutoffBlocks >= p.lookbackBlocks,
  ],
  [
    'cutoffBlocks must be below windowBlocks: else no deadline is left to change',
    (p) => p.cutoffBlocks < p.windowBlocks,
  ],
  [
    'a window and disputeBlocks must end before the next challenge of the deadline is drawn',
    (p) => disputeSpan(p) <= periodOf(p) - p.lookbackBlocks,
  ],
  [
    `partitionSectors must be 1 to ${MAX_PARTITION}`,
    (p) => p.partitionSectors >= 1 && p.partitionSectors <= MAX_PARTITION,
  ],
  ['sealSessions must be at least 1', (p) => p.sealSessions >= 1],
  ['challengeDelayBlocks must be at least 1', (p) => p.challengeDelayBlocks >= 1],
  [
    'maxProveBlocks must leave time after challengeDelayBlocks',
    (p) => p.maxProveBlocks > p.challengeDelayBlocks + 1,
  ],
  [
    'maxLifeBlocks must leave room for maxProveBlocks and minLifeBlocks',
    (p) => p.maxLifeBlocks >= p.maxProveBlocks + p.minLifeBlocks,
  ],
  ['terminationAgeBlocks must be at least 1', (p) => p.terminationAgeBlocks >= 1],
  [
    'shares of a pledge are at most a million parts',
    (p) =>
      [
        p.faultFeePpm,
        p.terminationPpm,
        p.leastTerminationPpm,
        p.disputeFeePpm,
        p.disputeRewardPpm,
      ].every((share) => BigInt(share) <= PPM),
  ],
];

/** @throws PalisadeError `chain/bad-genesis` */
export function checkedParams(value: SectorsParams): SectorsParams {
  for (const [why, holds] of LAWS)
    if (!holds(value))
      throw new PalisadeError({ code: 'chain/bad-genesis', message: `sectors: ${why}.` });
  return value;
}
