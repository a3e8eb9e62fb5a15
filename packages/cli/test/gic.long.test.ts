/** Debian's kernel with many vCPUs, which wake and call each other by SGIs. */
import { expect, it } from 'vitest';
import { Folder } from './boards.ts';
import { bootGic, interruptsOf } from './gic-boards.ts';

const SECONDS = 400;
const folder = new Folder();

it.each([
  ['2 vCPUs with a GICv3', 'v3', { cpus: 2 }],
  ['8 vCPUs with a GICv2', 'v2', { cpus: 8 }],
  ['8 vCPUs with a GICv2 on a board with a GICv3', 'v3', { cpus: 8, gic: 'v2' }],
  ['32 vCPUs with a GICv3 on a board with a GICv2', 'v2', { cpus: 32, gic: 'v3', memoryMiB: 512 }],
] as const)('Debian boots with %s', { timeout: (SECONDS + 120) * 1000 }, async (_name, board, domain) => {
  const { code, consoles, stderr } = await bootGic(folder, board, [domain], SECONDS);
  expect([code, stderr.includes('error')]).toEqual([0, false]);
  const { nproc, controller, timer, calls } = interruptsOf(consoles[0]!);
  const version = 'gic' in domain ? domain.gic : board;
  expect([nproc, controller]).toEqual([domain.cpus, version === 'v3' ? 'GICv3' : 'GIC-0']);
  // Every CPU has had its timer, and calls from others.
  expect([timer.length, calls.length]).toEqual([domain.cpus, domain.cpus]);
  expect(Math.min(...timer, ...calls)).toBeGreaterThan(0);
});

it('16 domains on one board boot Debian, half with a GICv2 and half with a GICv3', { timeout: 1_500_000 }, async () => {
  const domains = Array.from({ length: 16 }, (_, n) => ({
    cpus: 1,
    gic: n % 2 === 0 ? ('v2' as const) : ('v3' as const),
    memoryMiB: 96,
  }));
  const { code, consoles, stderr } = await bootGic(folder, 'v3', domains, 1200);
  expect([code, stderr.includes('error')], stderr).toEqual([0, false]);
  const seen = consoles.map(interruptsOf).map(({ nproc, controller }) => [nproc, controller]);
  expect(seen).toEqual(domains.map(({ gic }) => [1, gic === 'v3' ? 'GICv3' : 'GIC-0']));
});
