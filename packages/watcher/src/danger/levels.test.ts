import { describe, expect, it } from 'vitest';
import { type AlarmName, DANGER_TABLE, dangerOf } from './levels.ts';
import { spendRefusal } from './spend-gate.ts';

const open = { mode: 'defensive', synced: true } as const;

describe('danger levels', () => {
  it('[X11] nothing open is OK, and the worst of several rules', () => {
    expect(dangerOf([])).toEqual({ level: 'OK', reasons: [], advice: 'Nothing.' });
    const danger = dangerOf(['invalid_exit', 'invalid_block', 'unchallenged_exit', 'invalid_exit']);
    expect(danger.level).toBe('EXIT');
    expect(danger.reasons).toEqual(['invalid_block', 'unchallenged_exit', 'invalid_exit']);
    expect(danger.advice).toBe('Exit now.');
  });

  it('[X11] refuses spending from DANGER on, and only from there', () => {
    for (const rule of Object.values(DANGER_TABLE))
      expect(rule.refuses).toBe(rule.level !== 'WATCH');
  });

  it('[X11] every unchallenged form is DANGER, as the table says', () => {
    for (const [name, { level }] of Object.entries(DANGER_TABLE))
      if (name.startsWith('unchallenged_')) expect(level).toBe('DANGER');
    const leave: AlarmName[] = ['invalid_block', 'invalid_finalization', 'exit_nearly_final'];
    for (const name of leave) expect(DANGER_TABLE[name].level).toBe('EXIT');
  });
});

describe('the gate before spending', () => {
  it('[X10] lets through while invalid exits are challenged in time', () => {
    expect(spendRefusal({ ...open, alarms: [] })).toBeUndefined();
    const alarms: AlarmName[] = ['invalid_exit', 'invalid_piggyback', 'piggyback_available'];
    expect(spendRefusal({ ...open, alarms })).toBeUndefined();
  });

  it.each([
    'unchallenged_exit',
    'late_invalidation',
    'block_withholding',
    'invalid_block',
    'invalid_finalization',
    'exit_nearly_final',
    'challenger_underfunded',
  ] as const)('[X10] %s stops it, with the reason and what to do', (alarm) => {
    const refusal = spendRefusal({ ...open, alarms: ['invalid_exit', alarm] });
    expect(refusal).toMatchObject({ code: 'watcher/chain-in-danger', retry: 'later' });
    expect(refusal!.data!.reasons).toEqual([alarm]);
    expect(refusal!.next).toBe(DANGER_TABLE[alarm].advice);
  });

  it('[X10] a watcher that only looks, or has not seen all, lets nothing through', () => {
    expect(spendRefusal({ ...open, mode: 'watch-only', alarms: [] })!.code).toBe(
      'watcher/watch-only',
    );
    expect(spendRefusal({ ...open, synced: false, alarms: [] })!.code).toBe('watcher/not-synced');
    const leave = spendRefusal({ ...open, synced: false, alarms: ['invalid_block'] });
    expect(leave!.next).toBe('Exit now.');
  });
});
