import { expect, it } from 'vitest';
import { ATTEMPTS, ROLES, type RoleName } from '../test/attempts.ts';
import {
  type Cell,
  canSign,
  keyOf,
  NEXT,
  STATES,
  type StateName,
  startWalk,
  type Walk,
} from '../test/command-table.ts';

/** Steps of a walk at most: four times what the longest of six seeds needed. */
const MOST_STEPS = 5000;
const SEEDS = Number(process.env.PALISADE_TABLE_SEEDS ?? 1);

const ALL = STATES;
const OF_A_JOB: readonly StateName[] = STATES.filter((state) => state !== 'none');
const PARTNERS_AND_VALIDATOR = { partner: ALL, 'other partner': ALL, validator: ALL };
const EVERYBODY = { client: ALL, 'other client': ALL, ...PARTNERS_AND_VALIDATOR };
const OPEN: readonly StateName[] = ['confirmed', 'started'];
/** A cancelled job's agreements run to the end of the session, and their vouchers are still judged. */
const WITH_AGREEMENTS: readonly StateName[] = ['started', 'disputed', 'cancelled'];

/** Who may do what, where, as the chapters on market, standing and duties say it. */
const MAY: Readonly<Record<string, Partial<Record<RoleName, readonly StateName[]>>>> = {
  'market.request': EVERYBODY,
  'market.start': { partner: OPEN },
  'market.answer-audit': { partner: ['started', 'cancelled'] },
  'market.file-voucher': { partner: WITH_AGREEMENTS },
  'market.complete': { client: WITH_AGREEMENTS },
  'market.partner-complete': { partner: WITH_AGREEMENTS },
  'market.cancel': { client: OPEN },
  'market.renew': { client: OPEN },
  'market.post-bond': PARTNERS_AND_VALIDATOR,
  'market.return-bond': PARTNERS_AND_VALIDATOR,
  'market.complain': { partner: OF_A_JOB, 'other partner': OF_A_JOB },
  'market.rebut': { validator: OF_A_JOB },
  'market.report-omission': EVERYBODY,
  'market.report-challenge': { 'passive validator': ALL },
  'market.report-result': { client: STATES.filter((state) => !/none|confirmed/.test(state)) },
};

function may({ command, role, state }: Cell): boolean {
  return MAY[command]?.[role]?.includes(state) ?? false;
}

function cellsOf({ commands }: Walk): Cell[] {
  return commands.flatMap(({ declaration }) =>
    ROLES.filter((role) => canSign(declaration, role)).flatMap((role) =>
      STATES.map((state) => ({ command: declaration.name, role, state })),
    ),
  );
}

/** What never occurred, or was never accepted where it may be. */
function lacking({ counts }: Walk, cells: readonly Cell[]): Cell[] {
  return cells.filter((cell) => {
    const count = counts.get(keyOf(cell));
    return !count || (may(cell) && count.accepted === 0);
  });
}

/** The table, a line for each command and role: accepted/refused in each state. */
function printed({ commands, counts }: Walk): string {
  const lines = [['command', 'role', ...STATES]];
  for (const { declaration } of commands)
    for (const role of ROLES)
      lines.push([
        declaration.name,
        role,
        ...STATES.map((state) => {
          if (!canSign(declaration, role)) return '-';
          const { accepted, refused } = counts.get(
            keyOf({ command: declaration.name, role, state }),
          ) ?? { accepted: 0, refused: 0 };
          return `${accepted}/${refused}`;
        }),
      ]);
  return lines
    .map((line) => line.map((cell, i) => cell.padEnd(i === 0 ? 25 : i === 1 ? 19 : 11)).join(''))
    .join('\n');
}

for (let seed = 1; seed <= SEEDS; seed++)
  it(`[P12] every command was tried by everybody at a job in every state: accepted where it may be, and only there (walk ${seed})`, async () => {
    const walk = await startWalk(seed);
    const names = walk.commands.map(({ declaration }) => declaration.name).sort();
    expect(Object.keys(ATTEMPTS).sort(), 'how each command is tried').toEqual(names);
    expect(Object.keys(MAY).sort(), 'who may do what').toEqual(names);
    const cells = cellsOf(walk);
    let steps = 0;
    for (; steps < MOST_STEPS; steps++) {
      const wanted = lacking(walk, cells);
      if (wanted.length === 0) break;
      await walk.step(wanted);
    }
    if (process.env.PALISADE_TABLE)
      console.log(`${printed(walk)}\n${cells.length} cells, all others '-'; ${steps} steps`);
    expect(lacking(walk, cells).map(keyOf), 'never occurred, or never accepted').toEqual([]);
    const wrongly = cells.filter(
      (cell) => !may(cell) && (walk.counts.get(keyOf(cell))?.accepted ?? 0) > 0,
    );
    expect(wrongly.map(keyOf), 'accepted, and may not be').toEqual([]);
    const changes = STATES.flatMap((from) => NEXT[from].map((to) => `${from} to ${to}`));
    expect([...walk.changes].sort(), 'changes of state').toEqual(changes.sort());
  }, 240_000);
