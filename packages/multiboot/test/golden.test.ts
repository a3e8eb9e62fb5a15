import { readdirSync } from 'node:fs';
import { compileDts } from '@dom0less/fdt';
import { describe, expect, test } from 'vitest';
import { type DiagnosticCode, parseBootPlan } from '../src/index.ts';
import { fixture } from './trees.ts';

const parse = (name: string) => parseBootPlan(compileDts(fixture(name)));

const VARIANTS = [
  { name: 'gic2-vpl011-ramdisk-cpus1', gic: 2, cpus: 1 },
  { name: 'gic2-vpl011-ramdisk-cpus2', gic: 2, cpus: 2 },
  { name: 'gic3-vpl011-ramdisk-cpus1', gic: 3, cpus: 1 },
  { name: 'gic3-vpl011-ramdisk-cpus2', gic: 3, cpus: 2 },
] as const;

describe('trees that Xen boots', () => {
  test.each(VARIANTS)('$name gives a plan without a diagnostic', ({ name, gic, cpus }) => {
    const { plan, diagnostics } = parse(`trees/${name}`);
    expect(diagnostics).toEqual([]);
    expect(plan.xenCommandLine).toBe('console=dtuart dtuart=/pl011@9000000 bootscrub=0');
    expect(plan.dom0).toEqual({ present: false, modules: [], bootargs: '' });
    expect(plan.host).toMatchObject({
      cpus: [
        { path: '/cpus/cpu@0', compatible: ['arm,cortex-a57'] },
        { path: '/cpus/cpu@1', compatible: ['arm,cortex-a57'] },
      ],
      gic: { version: gic, path: '/intc@8000000', interruptLines: 96 },
      stdoutPath: '/pl011@9000000',
      uart: '/pl011@9000000',
      memory: [{ start: 0x40000000, size: 0x100000000, path: '/memory@40000000' }],
      reserved: [],
    });
    expect(plan.domains).toEqual([
      {
        id: 1,
        name: 'domU1',
        nodeName: 'domU1',
        path: '/chosen/domU1',
        valid: true,
        memoryKiB: 262144,
        cpus,
        gicVersion: gic,
        vpl011: true,
        bootargs: 'console=ttyAMA0 name=d1 run=dumpfdt,info',
        capabilities: { control: false, hardware: false, xenstore: false },
        staticMem: [],
        directMap: false,
        cpupool: 0,
        hardAffinity: [],
        sharedMemory: [],
        eventChannels: [],
        restart: { onPoweroff: 'preserve', onReboot: 'preserve', onCrash: 'preserve' },
        startOrder: 0,
        passthrough: false,
        enhanced: 'disabled',
        trapUnmappedAccesses: true,
        sciType: 'none',
        modules: {
          kernel: {
            kind: 'kernel',
            address: 0x50000000,
            size: 0x1a09fc0,
            path: '/chosen/domU1/module@50000000',
            compatible: ['multiboot,kernel', 'multiboot,module'],
            bootargs: 'console=ttyAMA0 name=d1 run=dumpfdt,info',
          },
          ramdisk: {
            kind: 'ramdisk',
            address: 0x5c000000,
            size: 0xf0faf,
            path: '/chosen/domU1/module@5c000000',
            compatible: ['multiboot,ramdisk', 'multiboot,module'],
          },
        },
      },
    ]);
  });
});

const U1 = '/chosen/domU1';
const K1 = `${U1}/module@50000000`;

/** Diagnostics of each tree: [code, path, property], and whether domU1 and domU2 can be built. */
const REFUSED: Record<string, { found: [DiagnosticCode, string, string?][]; valid: [boolean, boolean] }> = {
  baddtbmod: { found: [], valid: [true, true] },
  cpus0: { found: [['domain-cpus-range', U1, 'cpus']], valid: [false, true] },
  cpus200: { found: [['domain-cpus-range', U1, 'cpus']], valid: [false, true] },
  cpus8of2: { found: [['domain-cpus-overcommit', U1, 'cpus']], valid: [true, true] },
  directmapnostatic: {
    found: [['domain-direct-map-without-static-mem', U1, 'direct-map']],
    valid: [false, true],
  },
  enhanced: {
    found: [
      ['domain-not-in-effect', U1, 'xen,enhanced'],
      ['domain-enhanced-without-xenstore', U1, 'xen,enhanced'],
    ],
    valid: [false, true],
  },
  garbage: { found: [], valid: [true, true] },
  gzkernel: { found: [], valid: [true, true] },
  kernelsize0: {
    found: [
      ['module-empty', K1, 'reg'],
      ['domain-kernel-missing', U1],
    ],
    valid: [false, true],
  },
  mem1cell: { found: [['domain-memory-one-cell', U1, 'memory']], valid: [false, true] },
  membig: { found: [['domain-memory-exceeds-host', U1, 'memory']], valid: [false, true] },
  nocells: { found: [['cells-inherited', U1]], valid: [true, true] },
  nocpus: { found: [['domain-cpus-missing', U1]], valid: [false, true] },
  nokernel: { found: [['domain-kernel-missing', U1]], valid: [false, true] },
  nomem: { found: [['domain-memory-missing', U1]], valid: [false, true] },
  noramdisk: { found: [], valid: [true, true] },
  noreg: {
    found: [
      ['module-reg-missing', K1],
      ['domain-kernel-missing', U1],
    ],
    valid: [false, true],
  },
  overlap: {
    found: [['module-overlap', `${U1}/module@50100000`, 'reg']],
    valid: [false, true],
  },
  rdbeyond: { found: [['module-outside-memory', `${U1}/module@200000000`, 'reg']], valid: [false, true] },
  unknownprop: {
    found: [
      ['property-unknown', U1, 'frobnicate'],
      ['property-unknown', U1, 'xen,bogus'],
    ],
    valid: [true, true],
  },
};

describe('trees with a defect', () => {
  test.each(Object.entries(REFUSED))(
    '%s gives its diagnostics, and does not harm the other domain',
    (name, expected) => {
      const { plan, diagnostics } = parse(`refused/${name}`);
      const found = diagnostics.map(({ code, path, property }) => [code, path, ...(property ? [property] : [])]);
      expect(found).toEqual(expected.found);
      expect(plan.domains.map(({ valid }) => valid)).toEqual(expected.valid);
      for (const { message, remedy } of diagnostics) expect(message + remedy).not.toMatch(/[{}]|undefined|NaN/);
    },
  );

  test('are all covered', () => {
    const files = readdirSync(new URL('./fixtures/refused', import.meta.url));
    expect(Object.keys(REFUSED)).toEqual(files.map((file) => file.replace('.dts', '')).sort());
  });

  test('one cell of memory: says what to write', () => {
    expect(parse('refused/mem1cell').diagnostics[0]).toEqual({
      code: 'domain-memory-one-cell',
      severity: 'error',
      path: '/chosen/domU1',
      property: 'memory',
      value: '<0x40000>',
      message: 'memory has one cell; it is a 64-bit count of KiB and takes two',
      remedy: 'write memory = <0 0x40000>',
      domain: 'domU1',
    });
  });

  test('overlap: names both modules and both ranges', () => {
    const [first] = parse('refused/overlap').diagnostics.map(({ message }) => message);
    expect(first).toBe(
      'the ramdisk module [0x50100000, 0x501f0faf) overlaps [0x50000000, 0x51a09fc0), the kernel module /chosen/domU1/module@50000000',
    );
  });

  test('too much memory: says how much is left', () => {
    expect(parse('refused/membig').diagnostics[0]!.message).toMatch(
      /^the domain wants 8388608 KiB; 41\d{5} KiB of host memory are left for it$/,
    );
  });
});
