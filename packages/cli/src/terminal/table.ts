/** The one table of all commands: plain columns, no frames, numbers to the right. */

export type Column = {
  readonly title: string;
  readonly align?: 'left' | 'right';
};

const GAP = '  ';
/** Ranges of characters that take two columns: East Asian and pictographs. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u;
const INVISIBLE = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += INVISIBLE.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
  return width;
}

/** Lines of a table; `paint` dresses the head. Cells hold plain text. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: (text: string) => string = (text) => text,
): string[] {
  const widths = columns.map(({ title }, i) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(row[i] ?? ''))),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align = 'left' }, i) => {
        const cell = cells[i] ?? '';
        const padding = ' '.repeat(widths[i]! - widthOf(cell));
        return align === 'right' ? padding + cell : cell + padding;
      })
      .join(GAP)
      .trimEnd();
  return [paint(line(columns.map(({ title }) => title))), ...rows.map(line)];
}

/** Lines of `name  value`, names in one column. */
export function facts(
  pairs: readonly (readonly [name: string, value: string | undefined])[],
  paint: (text: string) => string = (text) => text,
): string[] {
  const known = pairs.filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...known.map(([name]) => widthOf(name)));
  return known.map(
    ([name, value]) => `${paint(name)}${' '.repeat(width - widthOf(name))}${GAP}${value}`,
  );
}
