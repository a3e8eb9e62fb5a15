#!/usr/bin/env node
// Runs a TypeScript file of this repository with the packages' sources: node tools/run.mjs FILE [ARGUMENT…]
import { mkdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const [file, ...args] = process.argv.slice(2);
if (!file) {
  console.error('usage: node tools/run.mjs FILE [ARGUMENT…]');
  process.exit(2);
}
const out = join(
  dirname(fileURLToPath(import.meta.url)),
  '..',
  '.cache',
  'run',
  `${basename(file, '.ts')}-${process.pid}.mjs`,
);
mkdirSync(dirname(out), { recursive: true });
await build({
  entryPoints: [resolve(file)],
  outfile: out,
  bundle: true,
  platform: 'node',
  format: 'esm',
  // CommonJS packages in the bundle ask for Node's modules by require.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  conditions: ['@dom0less/source'],
  logLevel: 'error',
});
process.argv = [process.argv[0], resolve(file), ...args];
try {
  await import(pathToFileURL(out).href);
} finally {
  rmSync(out, { force: true });
}
