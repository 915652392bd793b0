/** Has partners compute the CRC-32 of a file, and checks it; then lets a module run that never ends. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { runExample, tell } from '../../scripts/example-kit.mjs';

const INPUT_BYTES = 1_000_000;
const ENDLESS =
  '(module (memory (export "memory") 1) (func (export "run") (loop $again (br $again))))';

/** WebAssembly from its text. A compiler for Rust or C does the same from theirs. */
async function assemble(text) {
  const { parseWat } = await createRequire(import.meta.url)('wabt')();
  return parseWat('module.wat', text).toBinary({}).buffer;
}

await runExample(
  async ({ home, palisade }) => {
    const at = (name) => join(home, name);
    const source = await readFile(new URL('./crc32.wat', import.meta.url), 'utf8');
    const input = randomBytes(INPUT_BYTES);
    await writeFile(at('crc32.wasm'), await assemble(source));
    await writeFile(at('input'), input);
    tell(2, 'crc32.wat is assembled');

    const files = ['--input', at('input'), '-o', at('crc')];
    const ran = await palisade(['run', at('crc32.wasm'), ...files, '--fold', '2', '--yes']);
    assert.equal(ran.end, 'finished');
    const crc = await readFile(at('crc'));
    assert.equal(crc.readUInt32LE(), crc32(input));
    tell(3, `two partners say that the CRC-32 is ${crc.readUInt32LE().toString(16)}, and so do we`);

    const paid = ran.partners.filter((partner) => BigInt(partner.paid) > 0n);
    assert.equal(paid.length, 2);
    assert.equal(new Set(ran.partners.map(({ output }) => output)).size, 1);
    tell(4, `${ran.fuel} instructions each, ${ran.paid} base units for both`);

    await writeFile(at('endless.wasm'), await assemble(ENDLESS));
    const limits = ['--fuel', '10', '--fold', '2', '-o', at('nothing')];
    const ended = await palisade(['run', at('endless.wasm'), ...limits, '--yes']).catch((error) =>
      JSON.parse(error.stdout),
    );
    assert.equal(ended.end, 'out-of-fuel');
    assert.equal(ended.fuel, '10000000');
    tell(5, 'a module that never ends is ended when its fuel is, and paid for that');
    // Nothing here waits for the end of a session: partners may take their time to start.
  },
  ['--session', '30s'],
);
