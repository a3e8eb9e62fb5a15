/**
 * Benchmark: `dom0less check` on a board with 8 domains, as a process of its own, cold start included; and
 * `dom0less dtc` beside dtc over device trees of the fdt package's tests. Wants built packages. Argument: how many runs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAIN = join('packages', 'cli', 'dist', 'main.cjs');
const TREES = join('packages', 'fdt', 'test', 'fixtures', 'xen');
const runs = Number(process.argv[2] ?? 10);
const folder = mkdtempSync(join(tmpdir(), 'dom0less-bench-'));

/** Wall time of a command in ms: least and median of all runs. */
function time(command: string, args: readonly string[]): string {
  const all = Array.from({ length: runs }, () => {
    const start = performance.now();
    spawnSync(command, args, { stdio: 'ignore' });
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return `${all[0]!.toFixed(0)} ms least, ${all[Math.floor(runs / 2)]!.toFixed(0)} ms median`;
}

try {
  const board = join(folder, 'board.dts');
  execFileSync(process.execPath, [MAIN, 'init', '--domains', '8', '-o', board]);
  console.log(`node -e 0:          ${time(process.execPath, ['-e', '0'])}`);
  console.log(`check, 8 domains:   ${time(process.execPath, [MAIN, 'check', board])}`);
  console.log(`map, 8 domains:     ${time(process.execPath, [MAIN, 'map', board])}`);
  console.log(`explain, 8 domains: ${time(process.execPath, [MAIN, 'explain', board])}`);
  const blob = join(TREES, readdirSync(TREES).find((name) => name.endsWith('.host.dtb'))!);
  const source = blob.replace(/dtb$/, 'dts');
  for (const file of [source, blob]) {
    console.log(`dtc ${file.endsWith('dts') ? 'compiles' : 'prints  '}:       ${time('dtc', ['-q', file])}`);
    console.log(`dom0less dtc:       ${time(process.execPath, [MAIN, 'dtc', '-q', file])}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
