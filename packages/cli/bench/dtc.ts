/**
 * Benchmark: `dom0less dtc` beside dtc over the device tree blobs below a folder, e.g. those of Debian's kernel packages
 * (usr/lib/linux-image-*): whether a source of dtc's compiles to dtc's bytes, whether a blob survives being printed and
 * compiled, which dtc 1.6 does not manage for a string list with a digit behind a NUL, and the time of each.
 * Both run in the way that suits them: dtc as a process for each file, ours in this one. Arguments: folder, most files.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileDts, parseFdt, printDts, writeFdt } from '@dom0less/fdt';

const [folder = '.', most = '1000'] = process.argv.slice(2);
const blobs = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.dtb'))
  .sort()
  .slice(0, Number(most))
  .map((name) => join(folder, name));
const scratch = mkdtempSync(join(tmpdir(), 'dom0less-dtc-'));
const dtc = (...args: string[]): Buffer =>
  execFileSync('dtc', ['-q', ...args], { maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'ignore'] });

let [theirs, ours] = [0, 0];
const differing: string[] = [];
let [exact, theirExact] = [0, 0];
try {
  for (const blob of blobs) {
    const source = join(scratch, 'x.dts');
    const start = performance.now();
    const text = dtc('-I', 'dtb', '-O', 'dts', blob).toString('utf8');
    writeFileSync(source, text);
    const bytes = dtc('-I', 'dts', '-O', 'dtb', source);
    const between = performance.now();
    const original = readFileSync(blob);
    const printed = printDts(parseFdt(original));
    const written = writeFdt(compileDts(text, { filename: source }), { layout: 'dtc' });
    const compiled = writeFdt(compileDts(printed), { layout: 'dtc' });
    const end = performance.now();
    theirs += between - start;
    ours += end - between;
    if (!bytes.equals(written)) differing.push(blob);
    if (original.equals(compiled)) exact++;
    if (original.equals(bytes)) theirExact++;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`${blobs.length} blobs: ${blobs.length - differing.length} compile to the bytes of dtc`);
console.log(`printed and compiled again, the same as before: dtc ${theirExact}, dom0less ${exact}`);
console.log(`dtc ${(theirs / 1000).toFixed(1)} s for two steps, dom0less ${(ours / 1000).toFixed(1)} s for three`);
for (const blob of differing) console.log(`differs: ${blob}`);
