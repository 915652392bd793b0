/** How the long suites and the measurements are asked for something: read, explained and refused in one way. */
import { parseArgs } from 'node:util';

/**
 * Reads what stands behind `npm run SCRIPT --`, as `{ values, rest }`; `--help` prints the usage and ends
 * with 0, anything that cannot be ends with 2 and one line. No packages: it comes before they are installed.
 *
 * `options`: by name, `{ about, value?, initial?, check? }`. Without `value`, its name in the usage, it is a
 * flag; one of the name `N` is a whole number from 1. `rest`: `{ name, about, most, check? }` of what comes
 * without an option. `check` answers what is wrong with what was given, if anything is.
 */
export function readArguments({ script, about, options = {}, rest }) {
  const usage = () => usageOf({ script, about, options, rest });
  const refuse = (why) => {
    console.error(`${script}: ${why}. How it is asked: npm run ${script} -- --help`);
    process.exit(2);
  };
  let given;
  try {
    given = parseArgs({
      allowPositionals: rest !== undefined,
      options: {
        help: { type: 'boolean', short: 'h' },
        ...Object.fromEntries(
          Object.entries(options).map(([name, { value }]) => [
            name,
            { type: value === undefined ? 'boolean' : 'string' },
          ]),
        ),
      },
    });
  } catch (error) {
    // Its first sentence says what; the others how Node would have it.
    refuse(error.message.split('. ')[0]);
  }
  const { help, ...found } = given.values;
  if (help) {
    console.log(usage());
    process.exit(0);
  }
  const values = {};
  for (const [name, { value, initial, check }] of Object.entries(options)) {
    const text = found[name];
    if (text !== undefined && value === 'N' && !isCount(text))
      refuse(`--${name} wants a whole number from 1, not '${text}'`);
    const why = text === undefined ? '' : check?.(text);
    if (why) refuse(`--${name} ${why}`);
    values[name] = text === undefined ? initial : value === 'N' ? Number(text) : text;
  }
  const words = given.positionals;
  if (rest && words.length > rest.most) refuse(`'${words[rest.most]}' is too much`);
  const why = rest?.check?.(words);
  if (why) refuse(why);
  return { values, rest: words };
}

/** Digits alone, of a number that a loop comes to. */
export function isCount(text) {
  return /^[1-9]\d{0,14}$/.test(text);
}

function usageOf({ script, about, options, rest }) {
  const rows = Object.entries(options).map(([name, { value, about: what, initial }]) => [
    `--${name}${value === undefined ? '' : ` ${value}`}`,
    initial === undefined || initial === '' ? what : `${what} (${initial}, unless given)`,
  ]);
  if (rest) rows.unshift([rest.name, rest.about]);
  rows.push(['--help', 'this']);
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `npm run ${script} --${rest ? ` ${rest.name}` : ''} [options]`,
    '',
    about,
    '',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
  ].join('\n');
}
