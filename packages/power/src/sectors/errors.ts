/** Refusals that more than one command of sectors gives. */
import { type Refusal, refuse } from '@palisade/core';

export function noSuchSector(number: bigint): Refusal {
  return refuse(
    'sectors/no-such-sector',
    `This miner has no living sector ${number}: it was never proven, or has ended.`,
    { next: 'See sectors.of for those that it has.' },
  );
}

export function noSuchPartition(deadline: number, partition: number): Refusal {
  return refuse(
    'sectors/no-such-partition',
    `This miner has no partition ${partition} at deadline ${deadline}.`,
    { next: 'See sectors.partitions for those that it has.' },
  );
}

export function notMutable(deadline: number): Refusal {
  return refuse(
    'sectors/deadline-closed',
    `Deadline ${deadline} is open or about to open: its sectors stand as they are.`,
    { retry: 'later', next: 'Send it after the window.' },
  );
}

export function notDisputable(why: string): Refusal {
  return refuse('sectors/not-disputable', `There is nothing to dispute: ${why}.`);
}

export function notOfTheProof(): Refusal {
  return refuse('sectors/not-of-the-proof', 'These bytes are not that entry of the proof.');
}

export function proofHolds(): Refusal {
  return refuse('sectors/proof-holds', 'This entry of the proof holds.');
}
