/** Refusals that more than one command of power gives. */
import { type Refusal, refuse, toHex } from '@palisade/core';

export function notAMiner(account: Uint8Array): Refusal {
  return refuse('power/not-a-miner', `${toHex(account)} is not registered as a miner.`, {
    retry: 'later',
    next: 'Register with power.create-miner.',
  });
}

export function notACollator(nodeKey: Uint8Array): Refusal {
  return refuse('power/not-a-collator', `${toHex(nodeKey)} is no registered collator.`, {
    retry: 'later',
    next: 'See power.collators for those who are.',
  });
}

export function notYourCollator(nodeKey: Uint8Array): Refusal {
  return refuse('power/not-your-collator', `${toHex(nodeKey)} belongs to another account.`, {
    next: 'Sign with the account that registered it.',
  });
}

export function tooLittle(amount: bigint, least: bigint): Refusal {
  return refuse(
    'power/delegation-too-small',
    `A delegation of ${amount} bytes is below the least, ${least}.`,
    { data: { least }, next: 'Lend more, or take everything back.' },
  );
}
