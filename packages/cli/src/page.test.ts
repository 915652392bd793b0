import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cliPage } from './page.ts';
import { createProgram, leaves } from './program.ts';
import { processWorld } from './terminal/world.ts';

const PAGE = new URL('../../../docs/cli.md', import.meta.url);

describe('docs/cli.md', () => {
  it('says what the command table says: node scripts/cli-docs.mjs writes it', () => {
    expect(readFileSync(PAGE, 'utf8')).toBe(cliPage());
  });

  it('has a section for every command that people call', () => {
    const page = cliPage();
    const program = createProgram({ world: processWorld(), outcome: { exitCode: 0 } });
    for (const [words] of leaves(program)) {
      if (words === 'devnet-part') continue; // started by the development network
      expect(page).toContain(`### ${words}\n`);
    }
  });
});
