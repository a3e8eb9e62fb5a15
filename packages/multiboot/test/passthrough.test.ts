import { compileDts, writeFdt } from '@dom0less/fdt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBootPlan, readPassthrough } from '../src/index.ts';
import { board } from './trees.ts';

const { host } = parseBootPlan(
  board(
    '',
    `/ { rtc@9010000 { compatible = "arm,pl031"; reg = <0 0x9010000 0 0x1000>; interrupt-parent = <&gic>; interrupts = <0 2 4>; };
       gpio@9030800 { compatible = "arm,pl061"; reg = <0 0x9030800 0 0x100>; }; };`,
  ),
).plan;

const fragment = (devices: string, more = '') =>
  writeFdt(
    compileDts(`/dts-v1/; / { #address-cells = <2>; #size-cells = <2>;
      gic: gic { #interrupt-cells = <3>; interrupt-controller; };
      aliases { rtc = "/passthrough/rtc@10000000"; };
      passthrough { compatible = "simple-bus"; ranges; #address-cells = <2>; #size-cells = <2>; ${devices} };
      ${more} };`),
  );
const RTC = `rtc@10000000 { compatible = "arm,pl031", "arm,primecell"; interrupt-parent = <&gic>; interrupts = <0 2 4>;
  reg = <0 0x10000000 0 0x1000>; xen,reg = <0 0x9010000 0 0x1000 0 0x10000000>; xen,path = "/rtc@9010000"; };`;

const read = (bytes: Uint8Array) => {
  const { passthrough, findings } = readPassthrough(bytes, host);
  for (const { message, remedy } of findings) expect(message + remedy).not.toMatch(/[{}]|undefined|NaN/);
  return { passthrough, findings, codes: findings.map(({ code }) => code) };
};

describe('a passthrough fragment', () => {
  test('names devices of the host, where the guest sees them, and its interrupt controller', () => {
    const { passthrough, codes } = read(fragment(RTC));
    expect(codes).toEqual([]);
    expect(passthrough!.devices).toEqual([
      {
        path: '/passthrough/rtc@10000000',
        host: host.devices[0],
        regions: [{ hostAddress: 0x9010000, size: 0x1000, guestAddress: 0x10000000 }],
        interrupts: [{ intid: 34, edge: false }],
      },
    ]);
    expect(passthrough!.gicPhandle).toBe(1);
  });

  test('leaves what is for Xen out of the nodes for the guest', () => {
    const { nodes } = read(fragment(RTC)).passthrough!;
    expect(nodes.map(({ name }) => name)).toEqual(['aliases', 'passthrough']);
    const rtc = nodes[1]!.children[0]!;
    expect(rtc.properties.map(({ name }) => name)).toEqual(['compatible', 'interrupt-parent', 'interrupts', 'reg']);
  });

  test('may give a device away whole pages of which are more than its registers', () => {
    const gpio = 'g@0 { xen,reg = <0 0x9030000 0 0x1000 0 0x20000000>; xen,path = "/gpio@9030800"; };';
    expect(read(fragment(gpio)).codes).toEqual([]);
  });

  test('may leave out path or registers if it says so', () => {
    const forced = 'a@0 { xen,force-assign-without-iommu; xen,reg = <0 0xa000000 0 0x1000 0 0xa000000>; };';
    expect(read(fragment(forced)).codes).toEqual([]);
    const path = 'a { xen,force-assign-without-iommu; xen,path = "/rtc@9010000"; };';
    expect(read(fragment(path)).passthrough!.devices[0]).toMatchObject({ regions: [], interrupts: [{ intid: 34 }] });
  });

  test.each([
    [RTC.replace('0 0x10000000>; xen,path', '>; xen,path'), 'fragment-reg-length'],
    [RTC.replace('0x9010000 0', '0x9010800 0'), 'fragment-reg-unaligned'],
    [RTC.replace('<0 0x9010000', '<0xffff 0xfffff000').replace('0x1000 0 0x1', '0x2000 0 0x1'), 'fragment-reg-range'],
    [RTC.replace('<0 0x9010000', '<0 0x40000000'), 'fragment-reg-memory'],
    [RTC.replace('<0 0x9010000', '<0 0x9020000'), 'fragment-reg-foreign'],
    [RTC.replace('"/rtc@9010000"', '"/rtc@1"'), 'fragment-path'],
    [RTC.replace('xen,path', 'path'), 'fragment-incomplete'],
    [RTC.replace('xen,reg', 'xreg'), 'fragment-incomplete'],
    [`${RTC} x { phandle = <65000>; };`, 'fragment-phandle'],
  ])('%s is reported as %s', (devices, code) => {
    expect(read(fragment(devices)).codes).toEqual([code]);
  });

  test('without devices, or with other nodes, is remarked upon', () => {
    const bare = writeFdt(compileDts('/dts-v1/; / { soc { }; };'));
    expect(read(bare).codes).toEqual(['fragment-ignored', 'fragment-empty']);
  });

  test('that is no blob is an error', () => {
    expect(read(new Uint8Array(100)).codes).toEqual(['fragment-invalid']);
  });

  test('however it is damaged, is read or refused', () => {
    const whole = fragment(RTC);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const bytes = whole.slice();
        bytes[at] = byte;
        const { passthrough, findings } = readPassthrough(bytes, host);
        expect(passthrough !== undefined || findings.some(({ severity }) => severity === 'error')).toBe(true);
      }),
    );
  });
});
