/** Static memory, direct map, static shared memory, the static heap, and what a domain finds where it has nothing. */
import { type DtNode, parseFdt } from '@dom0less/fdt';
import { describe, expect, it } from 'vitest';
import { planBoard } from '../src/plan.ts';
import { A, Bench, boardInput, type GuestSpec, type HostSpec, image, print, systemOff } from './board.ts';

const guest = (code: readonly (number | readonly number[])[], more: Partial<GuestSpec> = {}): GuestSpec => ({
  kernel: image(code.flat()),
  ...more,
});
const OFF = [systemOff()];
const plan = (guests: readonly GuestSpec[], host: HostSpec = {}) => {
  const planned = planBoard(boardInput(guests, host));
  return {
    ...planned,
    codes: planned.diagnostics.filter(({ severity }) => severity !== 'info').map(({ code }) => code),
  };
};
/** Cells of a property of a child of the root. */
const cells = (root: DtNode, node: string, name: string): number[] => {
  const { value } = root.child(node)!.prop(name)!;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: value.length / 4 }, (_, n) => view.getUint32(4 * n));
};
/** Xd := an address of up to 48 bits. */
const address = (rd: number, at: number): number[] => [
  A.movz(rd, at % 0x10000),
  A.movk(rd, Math.floor(at / 0x10000) % 0x10000, 16),
  A.movk(rd, Math.floor(at / 2 ** 32), 32),
];
const UART = 'pl011@9000000 { compatible = "arm,pl011"; reg = <0 0x9000000 0 0x1000>; interrupts = <0 1 4>; };';
const HOST_UART = { nodes: UART, chosen: 'stdout-path = "/pl011@9000000";' };

describe('static memory', () => {
  it('is the host memory that the tree names, packed into the banks of the guest', () => {
    const extra = 'xen,static-mem = <0 0x60001000 0 0xfff000 0 0x70000000 0 0x1000>;';
    const { planned, codes } = plan([guest(OFF, { memoryKiB: 0x4000, extra }), guest(OFF)]);
    expect(codes).toEqual([]);
    expect(planned[0]!.memory.ram).toEqual([
      { ipa: 0x40000000, pa: 0x60001000, size: 0xfff000 },
      { ipa: 0x40fff000, pa: 0x70000000, size: 0x1000 },
    ]);
    for (const { pa, size } of planned[1]!.memory.ram) expect(pa + size <= 0x60000000 || pa >= 0x70001000).toBe(true);
  });

  it('holds what the guest writes, and nothing else of the board does', () => {
    const extra = 'xen,static-mem = <0 0x60001000 0 0x1000000>;';
    // The word at 8 MiB and 4 of RAM.
    const code = [...address(2, 0x40800004), A.movz(3, 0x1234), A.strW(3, 2), print('done'), systemOff()].flat();
    const bench = new Bench([guest(code, { memoryKiB: 0x4000, extra })]);
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('done');
    expect(bench.physical(0x60801004, 4)).toEqual(Uint8Array.of(0x34, 0x12, 0, 0));
  });

  it('that no 2 MiB block fits is mapped page by page, and each page of it works', () => {
    const extra = 'xen,static-mem = <0 0x60001000 0 0x600000 0 0x63003000 0 0xa00000>;';
    // A word to every page from 1 MiB on, then the sum of them.
    const fill = [
      ...address(2, 0x40100000),
      ...address(4, 0x41000000),
      A.movz(3, 1),
      A.strW(3, 2),
      A.addImm(2, 2, 0x800),
      A.addImm(2, 2, 0x800),
      // SUBS X5, X4, X2; CBNZ W5
      0xeb020085,
      A.cbnz(5, -16),
    ];
    const bench = new Bench([guest([fill, print('x'), systemOff()], { memoryKiB: 0x4000, extra })]);
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('x');
    expect(bench.physical(0x63003000, 1)).toEqual(Uint8Array.of(1));
    expect(bench.physical(0x63a02000, 1)).toEqual(Uint8Array.of(1));
    expect(bench.physical(0x63a03000, 1)).toEqual(Uint8Array.of(0));
  });
});

describe('a direct-map domain', () => {
  const extra = 'xen,static-mem = <0 0x60000000 0 0x1000000>; direct-map;';

  it("has memory, GIC and UART at the host's addresses", () => {
    const { planned, codes } = plan([guest(OFF, { memoryKiB: 0x4000, extra })], HOST_UART);
    expect(codes).toEqual([]);
    const { root } = parseFdt(planned[0]!.dtb);
    const names = root.children.map(({ name }) => name);
    expect(names).toEqual([
      ...['chosen', 'psci', 'cpus', 'memory@60000000', 'interrupt-controller@8000000', 'timer', 'sbsa-uart@9000000'],
    ]);
    expect(cells(root, 'sbsa-uart@9000000', 'interrupts')).toEqual([0, 1, 0xf04]);
    expect(planned[0]!.memory.ram).toEqual([{ ipa: 0x60000000, pa: 0x60000000, size: 0x1000000 }]);
    expect(planned[0]!.placement.kernel).toBe(0x60000000);
  });

  it('runs there', () => {
    const hello = [A.movz(1, 0x900, 16), ...print('direct').slice(1)];
    const bench = new Bench([guest([hello, systemOff()], { memoryKiB: 0x4000, extra })], { host: HOST_UART });
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('direct');
  });

  it('needs a UART of the host to have one of its own', () => {
    expect(plan([guest(OFF, { memoryKiB: 0x4000, extra })]).codes).toEqual(['direct-map-uart']);
    const host = { nodes: HOST_UART.nodes.replace('0 0x1000>', '0 0x100>'), chosen: HOST_UART.chosen };
    expect(plan([guest(OFF, { memoryKiB: 0x4000, extra })], host).codes).toEqual(['direct-map-uart']);
  });
});

const shm = (place: string, role = ''): string =>
  `shm { compatible = "xen,domain-shared-memory-v1"; xen,shm-id = "m"; xen,shared-mem = <${place}>; ${role} };`;

describe('static shared memory', () => {
  /** Waits until the word at X2 is not zero, and sends its low byte. */
  const wait = [A.ldrW(3, 2), A.cbz(3, -4), A.movz(1, 0x2200, 16), A.strW(3, 1)];

  it.each([
    ['at a host address', '0 0x70000000 0 0x48000000 0 0x1000', '0 0x70000000 0 0x50000000 0 0x1000'],
    ['anywhere', '0 0x48000000 0 0x1000', '0 0x50000000 0 0x1000'],
  ])('%s passes words between running domains, both ways', (_, first, second) => {
    const left = [...address(2, 0x48000000), A.movz(3, 0x41), A.strW(3, 2), A.addImm(2, 2, 8), ...wait];
    const right = [...address(2, 0x50000000), ...wait, A.movz(3, 0x42), A.strW(3, 2, 8)];
    const bench = new Bench([
      guest([left, systemOff()], { extra: shm(first, 'role = "owner";') }),
      guest([right, systemOff()], { extra: shm(second, 'role = "borrower";') }),
    ]);
    expect(bench.run()).toBe('done');
    expect([bench.output(1), bench.output(2)]).toEqual(['B', 'A']);
  });

  it('is in the memory node and below /reserved-memory of the guest tree', () => {
    const place = '0 0x70000000 0 0x48000000 0 0x200000';
    const { planned } = plan([guest(OFF, { extra: shm(place) }), guest(OFF, { extra: shm(place) })]);
    const { root } = parseFdt(planned[0]!.dtb);
    expect(cells(root, 'memory@40000000', 'reg')).toEqual([0, 0x40000000, 0, 0x4000000, 0, 0x48000000, 0, 0x200000]);
    const node = root.child('reserved-memory')!.children[0]!;
    expect(node.name).toBe('xen-shmem@48000000');
    expect(node.properties.map(({ name }) => name)).toEqual(['compatible', 'reg', 'xen,id', 'xen,offset']);
    expect([node.string('compatible'), node.string('xen,id')]).toEqual(['xen,shared-memory-v1', 'm']);
  });

  it('may not lie over devices of the guest', () => {
    const { codes } = plan([guest(OFF, { extra: shm('0 0x22000000 0 0x1000') })]);
    expect(codes).toEqual(['shm-alone', 'guest-map-overlap']);
  });
});

describe('the static heap', () => {
  it('is where domains without static memory get theirs', () => {
    const { planned, codes } = plan([guest(OFF)], { chosen: 'xen,static-heap = <0 0x60000000 0 0x8000000>;' });
    expect(codes).toEqual([]);
    for (const { pa, size } of planned[0]!.memory.ram) {
      expect(pa >= 0x60000000 && pa + size <= 0x68000000).toBe(true);
    }
  });
});

describe('an access outside of the guest physical map', () => {
  it('reads all ones, and writes nothing, with trap-unmapped-accesses = <0>', () => {
    const code = [
      ...[A.movz(2, 0x900, 16), A.ldrW(3, 2), A.strW(3, 2), A.ldr(4, 2)],
      // W3 and X4 + 1 are zero if all was ones.
      ...[A.addImm(4, 4, 1), A.cbnz(4, 16), A.movz(1, 0x2200, 16), A.strW(3, 1), A.movz(3, 0)],
    ];
    const bench = new Bench([guest([code, systemOff()], { extra: 'trap-unmapped-accesses = <0>;' })]);
    expect(bench.run()).toBe('done');
    expect(bench.bytes()).toEqual(Uint8Array.of(0xff));
  });
});
