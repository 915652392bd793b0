import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { askOn } from './world.ts';

/** A terminal at which somebody types. */
function terminal() {
  const input = new PassThrough();
  let shown = '';
  const output = {
    write(data: string | Uint8Array) {
      shown += Buffer.from(data as Uint8Array).toString();
    },
  };
  return { input, output, shown: () => shown };
}

describe('a question', () => {
  it('gives the line that was typed, and shows it', async () => {
    const { input, output, shown } = terminal();
    const asked = askOn(input, output, 'Store it? ');
    input.write('yes\r');
    expect(await asked).toBe('yes');
    expect(shown()).toContain('Store it? ');
    expect(shown()).toContain('yes');
  });

  it('for a passphrase shows nothing of it', async () => {
    const { input, output, shown } = terminal();
    const asked = askOn(input, output, 'Passphrase: ', true);
    for (const char of 'correct horse') input.write(char);
    input.write('\r');
    expect(await asked).toBe('correct horse');
    expect(shown()).toBe('Passphrase: \n');
  });

  it('can be asked twice on one terminal', async () => {
    const { input, output } = terminal();
    for (const line of ['first', 'second']) {
      const asked = askOn(input, output, '? ', true);
      input.write(`${line}\r`);
      expect(await asked).toBe(line);
    }
  });

  it('that nobody answers is answered with nothing', async () => {
    const { input, output } = terminal();
    const asked = askOn(input, output, '? ');
    input.end();
    expect(await asked).toBe('');
  });

  it('ends with Ctrl-C', async () => {
    const { input, output } = terminal();
    const asked = askOn(input, output, '? ');
    input.write('\u0003');
    await expect(asked).rejects.toMatchObject({ code: 'cli/usage' });
  });
});
