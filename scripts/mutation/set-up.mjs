/** Set-up of every test file of a mutation run: one check is off, and which are asked is noted. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach } from 'vitest';

const { PALISADE_CHECK_OFF, PALISADE_REACHED } = process.env;
const off = Number(PALISADE_CHECK_OFF);
const reached = new Set();
let file = '';

globalThis.isSwitchedOff = (number) => {
  reached.add(number);
  return number === off;
};

afterEach(({ task }) => {
  file = task.file.name;
});

afterAll(() => {
  if (PALISADE_REACHED && file)
    writeFileSync(
      join(PALISADE_REACHED, `${file.replaceAll('/', '+')}.json`),
      JSON.stringify({ file, reached: [...reached] }),
    );
});
