import { compileDts, parseFdt } from '@dom0less/fdt';
import { parseBootPlan, type ValidDomain } from '@dom0less/multiboot';
import { describe, expect, it } from 'vitest';
import { domainLines } from '../src/domain/boot-log.ts';
import { HostMemory } from '../src/domain/domain-memory.ts';
import { DeviceOwners } from '../src/domain/plan-devices.ts';
import { type PlannedDomain, planDomain } from '../src/domain/plan-domain.ts';
import { guestTree } from '../src/domain/preview-tree.ts';
import { fixture, image, text } from './board.ts';

const KERNEL_BYTES = 0x1a09fc0;

/** Plans the domains of a host tree, with files of the right sizes at its modules' addresses. */
const plan = (dts: string): PlannedDomain[] => {
  const { plan: boot } = parseBootPlan(compileDts(dts));
  const kernel = new Uint8Array(KERNEL_BYTES);
  kernel.set(image([]));
  const modules = new Map([
    [0x50000000, kernel],
    [0x5c000000, new Uint8Array(0xf0faf)],
  ]);
  const context = { host: boot.host, modules, memory: new HostMemory(boot), owners: new DeviceOwners() };
  const report = (diagnostic: unknown): void => {
    throw new Error(JSON.stringify(diagnostic));
  };
  return boot.domains.map((domain) => planDomain(domain as ValidDomain, { ...context, report })!);
};

describe('the device tree of a domain', () => {
  it.each([
    'gic2-vpl011-ramdisk-cpus1',
    'gic2-vpl011-ramdisk-cpus2',
    'gic3-vpl011-ramdisk-cpus1',
    'gic3-vpl011-ramdisk-cpus2',
  ])("is, byte for byte, Xen's for %s", (name) => {
    const [domain] = plan(text(fixture(`${name}/host.dts`)));
    expect(domain!.dtb).toEqual(fixture(`${name}/domU.dtb`));
  });

  it('gives the clock frequencies that the host tree has', () => {
    const host = text(fixture('gic2-vpl011-ramdisk-cpus1/host.dts'))
      .replace('always-on;', 'always-on; clock-frequency = <24000000>;')
      .replace('compatible = "arm,cortex-a57";', 'compatible = "arm,cortex-a57"; clock-frequency = <1000000000>;');
    const dtb = text(plan(host)[0]!.dtb);
    expect(dtb).toContain('clock-frequency');
    expect(Buffer.from(plan(host)[0]!.dtb).includes(Buffer.from([0x01, 0x6e, 0x36, 0x00]))).toBe(true);
    expect(Buffer.from(plan(host)[0]!.dtb).includes(Buffer.from([0x3b, 0x9a, 0xca, 0x00]))).toBe(true);
  });
});

describe('guestTree', () => {
  const parsed = (name: string, edit = (dts: string) => dts) =>
    parseBootPlan(compileDts(edit(text(fixture(`${name}/host.dts`))))).plan;

  it('gives the same without files, whose sizes it takes from reg, and says so', () => {
    for (const name of ['gic2-vpl011-ramdisk-cpus1', 'gic3-vpl011-ramdisk-cpus2']) {
      const boot = parsed(name);
      const { dtb, diagnostics } = guestTree(boot, boot.domains[0] as ValidDomain);
      expect(dtb).toEqual(fixture(`${name}/domU.dtb`));
      expect(diagnostics.map(({ code, path }) => `${code} ${path}`)).toEqual([
        'module-assumed /chosen/domU1/module@50000000',
        'module-assumed /chosen/domU1/module@5c000000',
      ]);
    }
  });

  it('counts the length of a ramdisk file that is shorter than reg', () => {
    const boot = parsed('gic2-vpl011-ramdisk-cpus1');
    const { dtb } = guestTree(boot, boot.domains[0] as ValidDomain, new Map([[0x5c000000, new Uint8Array(0x123)]]));
    const { value } = parseFdt(dtb!).root.children[0]!.prop('linux,initrd-end')!;
    expect(new DataView(value.buffer, value.byteOffset).getBigUint64(0)).toBe(0x48200123n);
  });

  it('of a domain that can not be built gives the reason', () => {
    const boot = parsed('gic2-vpl011-ramdisk-cpus1', (dts) =>
      dts.replace(/memory = <0x0 0x40000>/, 'memory = <0 1024>'),
    );
    const { dtb, diagnostics } = guestTree(boot, boot.domains[0] as ValidDomain);
    expect(dtb).toBeUndefined();
    expect(diagnostics.at(-1)).toMatchObject({ code: 'placement-bank-too-small', severity: 'error', domain: 'domU1' });
  });
});

describe('loading domains', () => {
  it("prints Xen's lines, with its addresses", () => {
    const host = text(fixture('gic2-vpl011-ramdisk-cpus1/host.dts')).replace('run=dumpfdt,info', '');
    const start = host.indexOf(' domU1 {');
    const domU1 = host.slice(start, host.indexOf('};\n};', start) + 5);
    const domU2 = domU1.replace('domU1', 'domU2').replace('name=d1', 'name=d2');
    const lines = plan(host.replace(domU1, domU1 + domU2)).flatMap(domainLines);
    const golden = text(fixture('boot-log.txt'))
      .trim()
      .split('\n')
      .filter((line) => !line.includes('P2M'));
    expect(lines).toEqual(golden);
  });
});
