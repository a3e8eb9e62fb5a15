/** Devices of the board in a domain: registers, interrupts, who may have which. */
import { compileDts, writeFdt } from '@dom0less/fdt';
import { describe, expect, it } from 'vitest';
import { planBoard } from '../src/plan.ts';
import { A, Bench, boardInput, type GuestSpec, image, systemOff } from './board.ts';

const FRAGMENT = 0x5f000000;
const NODES = `
  pl011@9000000 { compatible = "arm,pl011", "arm,primecell"; reg = <0 0x9000000 0 0x1000>; interrupts = <0 1 4>; };
  pl011@9040000 { compatible = "arm,pl011", "arm,primecell"; reg = <0 0x9040000 0 0x1000>; interrupts = <0 8 4>; };
  pl031@9010000 { compatible = "arm,pl031", "arm,primecell"; reg = <0 0x9010000 0 0x1000>; interrupts = <0 2 4>; };
  pl061@9030000 { compatible = "arm,pl061", "arm,primecell"; reg = <0 0x9030000 0 0x1000>; interrupts = <0 7 4>; };
  nic@a000000 { compatible = "acme,nic"; reg = <0 0xa000000 0 0x2000>; interrupts = <0 16 1>; };
  low@b000000 { compatible = "acme,low"; reg = <0 0xb000000 0 0x1000>; interrupts = <0 0 4>; };`;

const passed = (path: string, host: number, guest: number, size = 0x1000): string =>
  `d@${guest.toString(16)} { reg = <0 ${guest} 0 ${size}>; xen,path = "${path}"; xen,reg = <0 ${host} 0 ${size} 0 ${guest}>; };`;
const fragment = (devices: string): Uint8Array =>
  writeFdt(
    compileDts(`/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; gic: gic { phandle = <7>; };
      passthrough { compatible = "simple-bus"; ranges; #address-cells = <2>; #size-cells = <2>; ${devices} }; };`),
  );
const module = (bytes: Uint8Array, at: number): string =>
  `fragment@${at.toString(16)} { compatible = "multiboot,device-tree", "multiboot,module"; reg = <0 ${at} 0 ${bytes.length}>; };`;

/** Guests whose fragments have these devices, and the host. */
const input = (guests: readonly { code?: readonly number[]; devices: string; extra?: string }[], chosen = '') => {
  const files = new Map<number, Uint8Array>();
  const specs = guests.map(({ code = systemOff(), devices, extra = '' }, n): GuestSpec => {
    const at = FRAGMENT + n * 0x10000;
    const bytes = fragment(devices);
    files.set(at, bytes);
    return { kernel: image(code), extra: `${extra} ${module(bytes, at)}` };
  });
  return { specs, host: { nodes: NODES, chosen, files } };
};
const bench = (...args: Parameters<typeof input>): Bench => {
  const { specs, host } = input(...args);
  return new Bench(specs, { host });
};
const codes = (...args: Parameters<typeof input>): string[] => {
  const { specs, host } = input(...args);
  const { diagnostics } = planBoard(boardInput(specs, host));
  return diagnostics.filter(({ severity }) => severity !== 'info').map(({ code }) => code);
};

const put = [A.movz(1, 0x2200, 16), A.strW(3, 1)];
const RTC = passed('/pl031@9010000', 0x9010000, 0x10000000);
const GPIO = passed('/pl061@9030000', 0x9030000, 0x10001000);
const LOOP = passed('/pl011@9040000', 0x9040000, 0x10002000);
/** GICD and GICC on; INTID 32 to 63 enabled. X5 is GICD, X6 GICC. Uses X7. */
const gicOn = [
  ...[A.movz(5, 0x300, 16), A.movk(5, 0x1000), A.movz(6, 0x300, 16), A.movk(6, 0x2000)],
  ...[A.movz(7, 1), A.strW(7, 5, 0), A.strW(7, 6, 0), A.movz(7, 0xf0), A.strW(7, 6, 4)],
  ...[A.movz(7, 0xffff), A.movk(7, 0xffff, 16), A.strW(7, 5, 0x104)],
];
/** Waits for an interrupt, and sends its INTID. */
const sendIntid = [A.wfi, A.ldrW(3, 6, 12), ...put];

describe('a device of the board', () => {
  it('answers a domain at the guest address of xen,reg: a PL031 tells the time', () => {
    const code = [A.movz(2, 0x1000, 16), A.ldrW(3, 2), 0xd3587c63, ...put, A.ldrW(3, 2, 0xfe0), ...put, ...systemOff()];
    const one = bench([{ code, devices: RTC }]);
    one.ms = 0;
    expect(one.run()).toBe('done');
    // UBFX of bits 31:24 of the seconds since 1970, which are 0 here; then PeriphID0.
    expect(one.bytes()).toEqual(Uint8Array.of(0, 0x31));
  });

  it.each([1, 2])('interrupts by itself, in time: the match of a PL031, two seconds ahead, on %i pCPUs', (pcpus) => {
    const code = [
      ...[...gicOn, A.movz(2, 0x1000, 16), A.ldrW(3, 2), A.addImm(3, 3, 2), A.strW(3, 2, 4)],
      ...[A.movz(3, 1), A.strW(3, 2, 0x10), ...sendIntid],
      // Acknowledged, it is quiet, and the match is over for good.
      ...[A.movz(3, 1), A.strW(3, 2, 0x1c), A.ldrW(3, 2, 0x18), ...put],
      ...systemOff(),
    ];
    const { specs, host } = input([{ code, devices: RTC }]);
    const one = new Bench(specs, { host: { ...host, cpus: pcpus }, pcpus });
    expect(one.run()).toBe('done');
    expect(one.bytes()).toEqual(Uint8Array.of(32 + 2, 0));
    expect(one.ms).toBeGreaterThan(1000);
    expect(one.ms).toBeLessThan(2100);
  });

  it('that is masked while the counter comes by its match says so when it is asked', () => {
    const code = [
      ...[A.movz(2, 0x1000, 16), A.movz(3, 100), A.strW(3, 2, 8), A.movz(3, 103), A.strW(3, 2, 4)],
      ...[A.ldrW(3, 2, 0x14), ...put, A.ldrW(3, 2), A.subsW(4, 3, 110), A.cbnz(4, -8)],
      ...[A.ldrW(3, 2, 0x14), ...put, A.ldrW(3, 2, 0x18), ...put, ...systemOff()],
    ];
    const one = bench([{ code, devices: RTC }]);
    expect(one.run(() => one.bytes().length > 0)).toBe('until');
    one.ms += 10_000;
    expect(one.run()).toBe('done');
    expect(one.bytes()).toEqual(Uint8Array.of(0, 1, 0));
  });

  it('raises its interrupt in the domain: lines of a PL061 are wired to each other', () => {
    const code = [
      ...gicOn,
      ...[A.movz(2, 0x1000, 16), A.movk(2, 0x1000)],
      // Line 0 is an output; line 4 interrupts when it is high; then line 0 is driven high.
      ...[A.movz(3, 1), A.strW(3, 2, 0x400), A.movz(3, 0x10), A.strW(3, 2, 0x404), A.strW(3, 2, 0x40c)],
      ...[A.strW(3, 2, 0x410), A.movz(3, 1), A.strW(3, 2, 4)],
      ...sendIntid,
      ...[A.ldrW(3, 2, 0x3fc), ...put],
      ...systemOff(),
    ];
    const one = bench([{ code, devices: GPIO }]);
    expect(one.run()).toBe('done');
    expect(one.bytes()).toEqual(Uint8Array.of(32 + 7, 0x11));
  });

  it("sends to itself if it is the board's second PL011, and interrupts for what it receives", () => {
    const code = [
      ...gicOn,
      ...[A.movz(2, 0x1000, 16), A.movk(2, 0x2000), A.movz(3, 0x301), A.strW(3, 2, 0x30), A.movz(3, 0x10)],
      ...[A.strW(3, 2, 0x38), A.movz(3, 0x5a), A.strW(3, 2)],
      ...sendIntid,
      ...[A.ldrW(3, 2), ...put],
      ...systemOff(),
    ];
    const one = bench([{ code, devices: LOOP }]);
    expect(one.run()).toBe('done');
    expect(one.bytes()).toEqual(Uint8Array.of(32 + 8, 0x5a));
  });

  it('that there is no model of reads as zero, under a warning', () => {
    const nic = passed('/nic@a000000', 0xa000000, 0x10000000, 0x2000);
    expect(codes([{ devices: nic }])).toEqual(['device-not-modelled']);
    const code = [A.movz(2, 0x1000, 16), A.strW(2, 2), A.ldrW(3, 2), ...put, ...systemOff()];
    const one = bench([{ code, devices: nic }]);
    expect(one.run()).toBe('done');
    expect(one.bytes()).toEqual(Uint8Array.of(0));
  });

  it('is described in the tree of the guest, which has the GIC under the phandle of the fragment', async () => {
    const { specs, host } = input([{ devices: RTC }]);
    const { planned } = planBoard(boardInput(specs, host));
    const { parseFdt } = await import('@dom0less/fdt');
    const { root } = parseFdt(planned[0]!.dtb);
    expect(root.children.map(({ name }) => name)).toContain('passthrough');
    expect(root.child('interrupt-controller@3001000')!.u32('phandle')).toBe(7);
    expect(root.child('timer')!.u32('interrupt-parent')).toBe(7);
    expect(root.child('passthrough')!.children[0]!.properties.map(({ name }) => name)).toEqual(['reg']);
  });
});

describe('who may have which device', () => {
  it.each([
    ['each has one owner', [{ devices: RTC }, { devices: RTC }], ['device-taken', 'device-taken']],
    [
      "the hypervisor's own UART has none",
      [{ devices: passed('/pl011@9000000', 0x9000000, 0x10000000) }],
      ['device-is-xens'],
    ],
    [
      'none may raise the interrupt of the vpl011',
      [{ devices: passed('/low@b000000', 0xb000000, 0x10000000) }],
      ['interrupt-clash', 'device-not-modelled'],
    ],
    [
      'its interrupt has to be within nr_spis',
      [{ devices: passed('/nic@a000000', 0xa000000, 0x10000000), extra: 'nr_spis = <0>;' }],
      ['interrupt-range'],
    ],
    [
      'its registers may not lie over the memory',
      [{ devices: passed('/pl031@9010000', 0x9010000, 0x40000000) }],
      ['guest-map-overlap'],
    ],
  ] as const)('%s', (_, guests, expected) => {
    const found = codes([...guests], 'stdout-path = "/pl011@9000000";');
    expect(expected).toContain(found[0]);
    expect(found.length).toBeGreaterThan(0);
  });

  it('a domain with a fragment that is wrong is not built', () => {
    const { specs, host } = input([{ devices: RTC.replace('xen,reg', 'reg2') }]);
    const { planned, failures } = planBoard(boardInput(specs, host));
    expect(planned).toEqual([]);
    expect(failures.get(1)).toContain('has no xen,reg');
  });
});
