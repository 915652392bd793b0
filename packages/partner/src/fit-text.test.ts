import { text } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitText } from './fit-text.ts';

describe('fitting text', () => {
  it('leaves alone what fits, and cuts what does not between two characters', () => {
    expect(fitText('short', 10)).toBe('short');
    expect(fitText('a longer text', 10)).toBe('a longe...');
    expect(fitText('ääääää', 10)).toBe('äää...');
    expect(fitText('line\nline', 10)).toBe('line line');
  });

  it('always fits a field of that size', () => {
    const field = text(20);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (any) => {
        const fitted = fitText(any, 20);
        expect(field.fromJson(fitted, 'text')).toBe(fitted);
      }),
    );
  });
});
