/** One JSON line as a line for people: `12:03:44.120 INFO  engine  block committed  height=12`. */

const COLOUR: Readonly<Record<string, number>> = {
  TRACE: 90,
  DEBUG: 36,
  INFO: 32,
  WARN: 33,
  ERROR: 31,
  FATAL: 35,
};
const GREY = 90;
const LEVEL_WIDTH = 5;
const MODULE_WIDTH = 10;

/** Turns JSON lines of the logger into text; lines that are not JSON pass, made harmless. */
export function createPrettyFormat({ colour }: { colour: boolean }): (line: string) => string {
  const paint = (code: number | undefined, text: string) =>
    colour && code !== undefined ? `\u001b[${code}m${text}\u001b[0m` : text;

  return (line) => {
    let entry: Record<string, unknown>;
    try {
      entry = JSON.parse(line);
    } catch {
      return `${harmless(line.trimEnd())}\n`;
    }
    const { time, level, name, module, msg, err, ...fields } = entry;
    const stack = stackOf(err);
    const label = harmless(String(level)).toUpperCase();
    const rest = { ...fields, ...(err === undefined || stack ? {} : { err }) };
    const head = [
      paint(GREY, harmless(String(time)).slice(11, 23)),
      paint(COLOUR[label], label.padEnd(LEVEL_WIDTH)),
      harmless(String(module ?? name ?? '')).padEnd(MODULE_WIDTH),
      harmless(String(msg ?? '')),
    ].join(' ');
    const tail = Object.entries(rest).map(
      ([key, value]) => `${paint(GREY, `${harmless(key)}=`)}${harmless(shown(value))}`,
    );
    return `${[head, ...tail].join('  ')}${stack}\n`;
  };
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return typeof value === 'string' && /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}

/** An error reads better below the line: its code, its message, its stack. */
function stackOf(err: unknown): string {
  if (typeof err !== 'object' || err === null || !('message' in err)) return '';
  const { type, code, message, next, stack } = err as Record<string, unknown>;
  const frames = String(stack ?? '')
    .split('\n')
    .filter((frame) => /^\s+at /.test(frame));
  const lines = [`${code ?? type}: ${message}`, ...(next ? [`-> ${next}`] : []), ...frames];
  return lines.map((each) => `\n    ${harmless(each)}`).join('');
}

/** Text from outside must not move the cursor, change colours, or forge a second line. */
function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the subject
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (c) =>
    c === '\t' ? ' ' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
