/** `palisade draw verify`: anybody repeats a draw of seats from what validators publish. */
import { checkDraw, type DrawReport } from '@palisade/client';
import { toHex } from '@palisade/core';
import { branch, type Context, execute, networkLeaf, type Report } from '../command.ts';
import { namesOf, readPower } from '../session/power-view.ts';
import { formatSize, parseHeight } from '../terminal/amounts.ts';
import { parseHash } from '../terminal/ids.ts';
import { facts, table } from '../terminal/table.ts';

const right = 'right' as const;

export function drawCommand(context: Context) {
  return branch('draw', 'Check how seats were drawn').addCommand(verifyCommand(context));
}

function verifyCommand(context: Context) {
  return networkLeaf(
    'verify',
    'Repeat the draw of a session from its snapshot and seed, and hold the seats against it',
    'palisade draw verify 12',
  )
    .argument('<session>', 'in which was drawn; the seats are those of the next', parseHeight)
    .option(
      '--root <hash>',
      'root of the snapshot that you trust; its rows must hash to it',
      parseHash,
    )
    .option(
      '--block <hash>',
      'hash of the block that you trust; the root must be in its header, as the output names it',
      parseHash,
    )
    .action((number, options) =>
      execute(context, options, async ({ chain, paint }) => {
        const { root, block } = options;
        const found = await checkDraw(chain, number, { root, block });
        const names = namesOf(await readPower(chain));
        return told(found, (key) => names.get(toHex(key)) || toHex(key).slice(0, 14), paint.bold);
      }),
    );
}

/** Keys are 128 bits and more: what stands first in them tells them apart. */
const KEY_DIGITS = 20;

function told(
  found: DrawReport,
  nameOf: (key: Uint8Array) => string,
  bold: (text: string) => string,
): Report {
  const { session, seed, head, root, signed, rows, places, candidates, totalPower, seats } = found;
  const seatOf = (key: Uint8Array, role: 'seat' | 'reserve') => {
    const has = seats?.find(
      (seat) => toHex(seat.nodeKey) === toHex(key) && seat.snapshot === session,
    );
    if (has)
      return `since block ${has.sinceHeight}${has.untilHeight > 0n ? `, lost in ${has.untilHeight}` : ''}`;
    if (!seats) return 'not yet';
    return role === 'reserve' ? 'stands by' : 'none: it was not fit when seats changed';
  };
  const width = Math.max(KEY_DIGITS, ...places.map(({ key }) => `${key}`.length));
  const cells = places.map(({ id, role, power, sharePpm, key }, i) => [
    `${i + 1}`,
    nameOf(id),
    role,
    formatSize(power),
    `${(sharePpm / 10_000).toFixed(2)} %`,
    `${key}`.padStart(width),
    seatOf(id, role),
  ]);
  const columns = [
    { title: 'place', align: right },
    { title: 'collator' },
    { title: 'won' },
    { title: 'lent', align: right },
    { title: 'of all', align: right },
    { title: 'number, the smallest win', align: right },
    { title: `seat of session ${session + 1n}` },
  ];
  const isPlaced = new Set(places.map(({ id }) => toHex(id)));
  const others = rows
    .filter(({ nodeKey }) => !isPlaced.has(toHex(nodeKey)))
    .map(
      ({ nodeKey, leftOut, key }) =>
        `${nameOf(nodeKey)}: ${leftOut ?? `its number ${key} was larger`}`,
    );
  const other = (seats ?? []).filter(({ snapshot }) => snapshot !== session);
  return {
    json: { ...found, valid: true },
    lines: [
      ...facts([
        ['session', `${session}, drawn for session ${session + 1n}`],
        ['seed', `${toHex(seed)}, as the validators revealed it`],
        ['snapshot', `${rows.length} rows, root ${toHex(root)}`],
        [
          'in the chain',
          signed
            ? `the app hash in block ${signed.height} (${toHex(signed.blockHash)}) has this root; ${signed.signed} of ${signed.validators} validators signed it`
            : 'no validator shows the block that has this root: not yet, or not any more',
        ],
        [
          'took part',
          `${candidates} with ${formatSize(totalPower)}, for ${head.seats} seats and ${head.reserve} reserves`,
        ],
      ]),
      ...table(columns, cells, bold),
      ...(others.length > 0 ? [`won nothing: ${others.join('; ')}`] : []),
      ...other.map(
        ({ nodeKey, known }) =>
          `${nameOf(nodeKey)}: ${known === 1 ? 'a known validator has its seat without the draw' : 'stayed, because too few were drawn'}`,
      ),
      'The draw is as it must be.',
    ],
  };
}
