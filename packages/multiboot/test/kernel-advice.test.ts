import { compileDts } from '@dom0less/fdt';
import { expect, test } from 'vitest';
import { adviseKernel, adviseXenPlacement, identifyKernel, parseBootPlan } from '../src/index.ts';
import { makeImage } from './images.ts';

const MIB = 2 ** 20;
const kernelWith = (...texts: readonly string[]) => {
  const bytes = makeImage({ size: 0x4000 });
  bytes.fill(0x4c, 0x1000);
  texts.forEach((text, n) => bytes.set(new TextEncoder().encode(text), 0x2000 + n * 0x100));
  return identifyKernel(bytes);
};
const domainWith = (content: string) => {
  const tree = compileDts(`/dts-v1/; / { #address-cells = <2>; #size-cells = <2>;
    memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x40000000>; };
    chosen { domU1 { compatible = "xen,domain"; cpus = <1>; memory = <0 0x20000>; ${content} }; }; };`);
  return parseBootPlan(tree).plan.domains[0]!;
};
const codes = (content: string, ...texts: readonly string[]): string[] =>
  adviseKernel(domainWith(content), kernelWith(...texts)).map(({ code }) => code);

test.each([
  ['xen,enhanced;', 'Linux version 5.18.19 (a@b)', ['enhanced-old-kernel']],
  ['xen,enhanced = "legacy";', 'Linux version 4.19.0-27-arm64 ', ['enhanced-old-kernel']],
  ['xen,enhanced;', 'Linux version 5.19.0 (a@b)', []],
  ['xen,enhanced;', 'Linux version 6.1.0-30-cloud-arm64', []],
  ['xen,enhanced;', 'Linux version %s', []],
  ['xen,enhanced = "no-xenstore";', 'Linux version 4.19.0 ', []],
  ['', 'Linux version 4.19.0 ', []],
])('a domain with %s and "%s" gets %j', (content, text, expected) => {
  expect(codes(content, text)).toEqual(expected);
});

test('the version is the first that has numbers, the last bytes of the file included', () => {
  expect(codes('xen,enhanced;', 'Linux version %s', 'Linux version 5.4.0 ')).toEqual(['enhanced-old-kernel']);
  const bytes = makeImage({ size: 0x1000 });
  bytes.set(new TextEncoder().encode('Linux version '), 0x1000 - 14);
  expect(adviseKernel(domainWith('xen,enhanced;'), identifyKernel(bytes))).toEqual([]);
});

test('Zephyr has its own addresses, which a direct-map domain does not have', () => {
  const direct = 'xen,static-mem = <0 0x60000000 0 0x8000000>; direct-map;';
  expect(codes(direct, '*** Booting Zephyr OS build v4 ***')).toEqual(['guest-fixed-addresses']);
  expect(codes(direct, 'Linux version 6.1.0 ')).toEqual([]);
  expect(codes('', '*** Booting Zephyr OS build v4 ***')).toEqual([]);
});

const inXen = (bankMiB: number, imageMiB: number, initrdMiB = 0) =>
  adviseXenPlacement({
    banks: [{ start: 0x40000000, size: bankMiB * MIB }],
    kernel: { textOffset: 0, fileSize: 16 * MIB, imageSize: imageMiB * MIB },
    ...{ dtbSize: 0x1000, initrdSize: initrdMiB * MIB },
  });

test("Xen's place for device tree or ramdisk is told if it is in the kernel's BSS", () => {
  expect(inXen(20, 22)).toMatchObject({
    code: 'placement-xen-bss',
    message: expect.stringContaining(
      'device tree at 0x41200000, in what the kernel clears for its BSS, [0x41000000, 0x41600000)',
    ),
  });
  expect(inXen(24, 22)).toBeUndefined();
  expect(inXen(256, 130)?.message).toContain('the device tree at 0x48000000');
  expect(inXen(20, 16)).toBeUndefined();
  // Too small for Xen, too: it panics, and that is another rule.
  expect(inXen(16, 22)).toBeUndefined();
});
