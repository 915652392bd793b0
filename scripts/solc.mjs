#!/usr/bin/env node
/**
 * The npm compiler with the face of the native one, as far as forge looks at it: `--version`, and standard
 * JSON on stdin. So contracts compile with nothing but npm packages.
 */
import { readFileSync } from 'node:fs';
import solc from 'solc';

if (process.argv.includes('--version'))
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
else process.stdout.write(solc.compile(readFileSync(0, 'utf8')));
