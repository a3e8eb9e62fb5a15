/** Command: vectors FILE… [--class REGEX]. Runs each file on the interpreter, then in translated code of both kinds. Ends with `N passed, M failed`. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { WAYS } from './board.ts';
import { runVectors } from './vectors.ts';

const args = process.argv.slice(2);
const at = args.indexOf('--class');
const filter = at < 0 ? undefined : new RegExp(args.splice(at, 2)[1]!);
let passed = 0;
let failed = 0;
for (const file of args) {
  const raw = readFileSync(file);
  const bytes = raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw;
  for (const { how, translate } of WAYS) {
    const result = runVectors(new Uint8Array(bytes), { filter, translate });
    passed += result.passed;
    failed += result.failed;
    for (const f of result.failures) console.log(f);
    if (result.failed > 0) console.log([...result.classes].map(([c, n]) => `${c}:${n}`).join(' '));
    console.log(`${file}, ${how}: ${result.passed} passed, ${result.failed} failed`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
