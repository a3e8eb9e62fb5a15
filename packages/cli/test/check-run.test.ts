/** That `check` and `run` have one plan: on boards of any kind they find the same, and the same domains start. */

import { Board } from '@dom0less/hypervisor';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readTree } from '../src/board-files.ts';
import { main } from '../src/cli.ts';
import { smallGuest } from '../src/small-guests/index.ts';
import { Folder, hostTree } from './boards.ts';
import { fakeIo } from './fake-io.ts';

const folder = new Folder();
const guest = smallGuest('banner');
const KERNEL = folder.put('kernel', guest);
const LOAD = 0x48000000;

/** What a domain of a random board may have. */
const PIECES = {
  memory: ['<0 0x4000>', '<0x4000>', '<0 0x8000>', '<0 0>', '<0 0x400000>', '<0 0x4001>', '"text"'],
  cpus: ['cpus = <1>;', 'cpus = <2>;', 'cpus = <9>;', 'cpus = <0>;', ''],
  more: [
    'vpl011;',
    'vpl011 = <0>;',
    'xen,static-mem = <0 0x60000000 0 0x1000000>;',
    'xen,static-mem = <0 0x60000000 0 0x1000000>; direct-map; vpl011;',
    'xen,static-mem = <0 0x60001000>;',
    'direct-map;',
    'nr_spis = <64>;',
    'nr_spis = <5000>;',
    'xen,enhanced = "no-xenstore";',
    'xen,enhanced = "sure";',
    'passthrough = "on";',
    'dom0less,gic-version = "v3";',
    'dom0less,on-reboot = "restart"; dom0less,max-restarts = <3>;',
    'dom0less,start-after = "domU1";',
    'dom0less,start-after = "domU2";',
    'vcpu { compatible = "xen,vcpu"; id = <0>; hard-affinity = "0"; };',
    'vcpu { compatible = "xen,vcpu"; id = <7>; hard-affinity = "0-x"; };',
    'domain-cpupool = <&gic>;',
    'shm { compatible = "xen,domain-shared-memory-v1"; xen,shm-id = "s"; xen,shared-mem = <0 0x68000000 0 0x50000000 0 0x1000>; };',
    'shm { compatible = "xen,domain-shared-memory-v1"; xen,shm-id = "s"; xen,shared-mem = <0 0x68000000 0 0x1000>; };',
    'status = "disabled";',
    'vpl0011;',
  ],
  kernel: ['0x48000000', '0x49000000', '0x3fff0000', '0x5fffff00'],
} as const;
/** The first of these, which is fine, most of the time. */
const mostly = <T extends string>([fine, ...others]: readonly [T, ...T[]]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(fine) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const anyDomain = fc.record({
  memory: mostly(PIECES.memory),
  cpus: mostly(PIECES.cpus),
  more: fc.uniqueArray(fc.constantFrom(...PIECES.more), { maxLength: 3 }),
  kernel: mostly(PIECES.kernel),
});

/** A board with these domains as domU1, domU2, … */
const boardOf = (
  domains: readonly { memory: string; cpus: string; more: readonly string[]; kernel: string }[],
): string =>
  hostTree([]).replace(
    /chosen \{\n([^\n]*)\n/,
    (_, cells: string) =>
      `chosen {\n${cells}\n${domains
        .map(
          ({ memory, cpus, more, kernel }, n) => `domU${n + 1} {
          compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>; memory = ${memory}; ${cpus}
          ${[...more].sort((a, b) => Number(a.includes('{')) - Number(b.includes('{'))).join('\n          ')}
          module@${kernel.slice(2)} { compatible = "multiboot,kernel", "multiboot,module"; reg = <0 ${kernel} 0 ${guest.length}>; };
        };`,
        )
        .join('\n')}\n`,
  );

it('find the same on any board, and start the same domains', async () => {
  let started = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyDomain, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      fc.boolean(),
      async (domains, strict, pcpus, deterministic) => {
        const board = folder.put('any.dts', boardOf(domains));
        const options = [
          ...(strict ? ['--strict'] : []),
          ...(deterministic ? ['--deterministic'] : []),
          ...(pcpus === undefined ? [] : ['--pcpus', String(pcpus)]),
        ];
        const io = fakeIo();
        await main(['check', board, '--load', `${LOAD}=${KERNEL}`, '--format', 'json', ...options], io);
        const report = JSON.parse(io.stdout.text);
        if (report.findings.some(({ code }: { code: string }) => code.startsWith('dts-error'))) return;
        const prepared = Board.prepare({
          ...{ tree: readTree(board).tree, modules: new Map([[LOAD, guest]]), strict, pcpus, deterministic },
          hostCpus: deterministic ? 1 : fakeIo().hostCpus,
        });
        const brief = (all: readonly { code: string; path?: string; message: string }[]) =>
          all
            .filter(({ code }) => !code.startsWith('dtc-'))
            .map(({ code, path, message }) => `${code} ${path} ${message}`);
        expect(brief(report.findings)).toEqual(brief(prepared.diagnostics));
        expect(report.starts).toBe(prepared.board !== undefined);
        const starts = report.domains.filter((domain: { starts: boolean }) => domain.starts);
        const runs = prepared.board?.domains.filter(({ state }) => state !== 'failed') ?? [];
        expect(starts.map(({ name }: { name: string }) => name)).toEqual(runs.map(({ nodeName }) => nodeName));
        started += runs.length;
        prepared.board?.stop();
      },
    ),
    { numRuns: 120 },
  );
  expect(started).toBeGreaterThan(10);
}, 180_000);
