import { u64be } from '@palisade/core';
import { expect, it } from 'vitest';
import { Told } from './told.ts';

const JOB = new Uint8Array(32).fill(1);
const partner = (number: number) => u64be(BigInt(number));

it('[P2V-2] times the acknowledgement of a notice once, and forgets the oldest when there are many', () => {
  const told = new Told();
  for (let i = 0; i < 30_000; i++) told.note(JOB, partner(i), i);
  expect(told.take(JOB, partner(29_999))).toBe(29_999);
  expect(told.take(JOB, partner(29_999))).toBeUndefined();
  expect(told.take(JOB, partner(15_000))).toBe(15_000);
  expect(told.take(JOB, partner(5))).toBeUndefined();
});
