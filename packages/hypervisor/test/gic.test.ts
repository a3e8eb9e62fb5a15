import { assemble, HOST_REGISTERS } from '@dom0less/arm64-cpu';
import { ICC_REGISTERS } from '@dom0less/vgic';
import { describe, expect, it } from 'vitest';
import { Bench, type GuestSpec } from './board.ts';

/** Where the code of an Image starts, behind its header; guest RAM starts at 1 GiB. */
const CODE = 0x4000_0040;
/** X20 to X22: UART, GICD, GICR of vCPU 0. */
const BASES = 'ldr x20, =0x22000000\nldr x21, =0x03001000\nldr x22, =0x03020000\n';
const OFF = '\nldr w0, =0x84000008\nhvc #0\n';
/** CPU_ON of the vCPU with the affinity in X1, at the label. Takes X0 to X3. */
const cpuOn = (label: string): string => `adr x2, ${label}\nmov x3, #0\nldr w0, =0xc4000003\nhvc #0\n`;
/** Prints X0 as digits and a newline, hexadecimal; takes X1 to X3. */
const HEX = `
hex:  mov x1, #60
1:    lsr x2, x0, x1
      cbnz x2, 2f
      subs x1, x1, #4
      b.gt 1b
2:    lsr x2, x0, x1
      and x2, x2, #15
      cmp x2, #10
      add x3, x2, #48
      add x2, x2, #87
      csel x2, x3, x2, lo
      str w2, [x20]
      subs x1, x1, #4
      b.ge 2b
      mov x2, #10
      str w2, [x20]
      ret
`;
/** The accessing vCPU's CPU interface on, all priorities let through. Takes X0. */
const CPU_INTERFACE = 'mov x0, #0xf0\nmsr icc_pmr_el1, x0\nmov x0, #1\nmsr icc_igrpen1_el1, x0\n';
/** GICD_CTLR: group 1. Takes X0. */
const DISTRIBUTOR = 'mov w0, #2\nstr w0, [x21]\n';
/** GICR_ISENABLER0 of the redistributor at X22. Takes X0 and X1. */
const enable = (intid: number): string =>
  `mov w0, #1\nlsl w0, w0, #${intid}\nmov x1, #0x10000\nadd x1, x1, x22\nstr w0, [x1, #0x100]\n`;
const TIMER = (ticks: number): string => `ldr x0, =${ticks}\nmsr cntv_tval_el0, x0\nmov x0, #1\nmsr cntv_ctl_el0, x0\n`;
/** IRQ vector of EL1h is `irq`, synchronous `sync`; both default to printing a letter for ever. */
const vectors = (sync: string, irq: string): string => `
      .balign 2048
vectors: .space 0x200
      ${sync}
      .balign 128
      ${irq}
`;
const SET_VBAR = 'adr x0, vectors\nmsr vbar_el1, x0\n';

function guest(source: string, more: Partial<GuestSpec> = {}): GuestSpec {
  const { bytes } = assemble(`${BASES}${source}${OFF}b .\n${HEX}`, { origin: BigInt(CODE) });
  const kernel = new Uint8Array(64 + bytes.length);
  const view = new DataView(kernel.buffer);
  // B to the code, image_size, the magic.
  view.setUint32(0, 0x14000010, true);
  view.setUint32(16, 0x10000, true);
  view.setUint32(0x38, 0x644d5241, true);
  kernel.set(bytes, 64);
  return { kernel, ...more };
}

const V2 = 'dom0less,gic-version = "v2";';
const V3 = 'dom0less,gic-version = "v3";';

/** Runs guests on a board with a GICv3, or a GICv2, and gives what each printed. */
function outputs(guests: readonly GuestSpec[], gic: 2 | 3 = 3): string[] {
  const bench = new Bench(guests, { host: { gic } });
  expect(bench.run()).toBe('done');
  expect(bench.states()).toEqual(guests.map(() => 'poweroff'));
  return guests.map((_, n) => bench.output(n + 1));
}
const output = (source: string, more: Partial<GuestSpec> = {}): string => outputs([guest(source, more)])[0]!;

it('the engine hands over exactly the ICC registers that the GIC has', () => {
  const facts = ({ name, encoding, access }: { name: string; encoding: readonly number[]; access: string }) =>
    `${name} ${encoding.join()} ${access}`;
  expect(HOST_REGISTERS.map(facts)).toEqual(ICC_REGISTERS.map(facts));
});

describe('a domain with a GICv3', () => {
  it('acknowledges and ends the interrupt of its timer', () => {
    const source = `${DISTRIBUTOR}${CPU_INTERFACE}${enable(27)}${TIMER(62500)}wfi
      mrs x0, icc_iar1_el1
      mov x10, x0
      bl hex
      msr cntv_ctl_el0, xzr
      mrs x0, icc_rpr_el1
      bl hex
      msr icc_eoir1_el1, x10
      mrs x0, icc_rpr_el1
      bl hex
      mrs x0, icc_iar1_el1
      bl hex`;
    // INTID 27 at priority 0, then idle and nothing.
    expect(output(source)).toBe('1b\n0\nff\n3ff\n');
  });

  it("takes the UART's SPI, level-sensitive, at the vCPU that GICD_IROUTER names in one 8-byte access", () => {
    // vCPU 1 waits for the byte; its affinity is 0.0.0.1.
    const source = `${DISTRIBUTOR}mov x0, #1
      mov x1, #0x6100
      str x0, [x21, x1]
      mov w0, #1
      str w0, [x21, #0x104]
      mov w0, #0x50
      str w0, [x20, #0x38]
      mov x1, #1
      ${cpuOn('second')}
1:    wfi
      b 1b
second: ${BASES}${CPU_INTERFACE}
      wfi
      mrs x0, icc_iar1_el1
      mov x10, x0
      bl hex
      ldr w11, [x20]
      msr icc_eoir1_el1, x10
      mov x0, x11
      bl hex
      mov x1, #0x6100
      ldr x0, [x21, x1]
      bl hex`;
    const bench = new Bench([guest(source, { cpus: 2 })], { host: { gic: 3 } });
    bench.run(() => bench.ms >= 10);
    bench.board.input(1, Uint8Array.of(0x5a));
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('20\n5a\n1\n');
  });

  it('sends SGIs by ICC_SGI1R_EL1 across affinities, and to all others', () => {
    // Each vCPU waits for SGI 5, counts, and the last one tells vCPU 0 by SGI 3.
    const cpus = 20;
    const start = (label: string) => `mov x19, #1
1:    and x0, x19, #15
      lsr x1, x19, #4
      orr x1, x0, x1, lsl #8
      ${cpuOn(label)}
      add x19, x19, #1
      cmp x19, #${cpus}
      b.lo 1b`;
    const source = `${DISTRIBUTOR}${CPU_INTERFACE}${enable(3)}${start('other')}
      adr x25, ready
2:    ldr w0, [x25]
      cmp w0, #${cpus - 1}
      b.ne 2b
      ldr x0, =${(1n << 40n) | (5n << 24n)}
      msr icc_sgi1r_el1, x0
      wfi
      mrs x0, icc_iar1_el1
      bl hex
      ldr w0, [x25]
      bl hex
      ${OFF}
other: ${BASES}mrs x18, mpidr_el1
      and x19, x18, #15
      ubfx x0, x18, #8, #8
      add x19, x19, x0, lsl #4
      add x22, x22, x19, lsl #17
      ${CPU_INTERFACE}${enable(5)}
      adr x25, ready
3:    ldxr w0, [x25]
      add w0, w0, #1
      stxr w1, w0, [x25]
      cbnz w1, 3b
4:    mrs x0, icc_iar1_el1
      cmp x0, #5
      b.eq 5f
      wfi
      b 4b
5:    msr icc_eoir1_el1, x0
6:    ldxr w0, [x25]
      sub w0, w0, #1
      stxr w1, w0, [x25]
      cbnz w1, 6b
      cbnz w0, 7f
      ldr x0, =${(3n << 24n) | 1n}
      msr icc_sgi1r_el1, x0
7:    wfi
      b 7b
      .balign 4
ready: .word 0
`;
    expect(output(source, { cpus })).toBe('3\n0\n');
  });

  it('has 128 vCPUs if told so; the last one has the last redistributor and can be woken', () => {
    const source = `${DISTRIBUTOR}mov x1, #0x70f\n${cpuOn('last')}bl hex
1:    wfi
      b 1b
last: ${BASES}mov x0, #127
      add x22, x22, x0, lsl #17
      ldr x0, [x22, #8]
      bl hex
      ${CPU_INTERFACE}${enable(1)}
      ldr x0, =${(1n << 24n) | (7n << 16n) | (1n << 15n)}
      msr icc_sgi1r_el1, x0
      mrs x0, icc_iar1_el1
      bl hex`;
    // GICR_TYPER: affinity 0.0.7.15, processor number 127, Last.
    expect(output(source, { cpus: 128 })).toBe('0\n70f00007f10\n1\n');
  });

  it('finds 8-byte accesses refused where there is no register of 64 bits, and behind the last redistributor', () => {
    const accesses = ['ldr x1, [x21, #0x100]', 'str x1, [x21]', 'ldr w1, [x23]', 'ldp x1, x2, [x21, #8]'];
    const source = `${SET_VBAR}add x23, x22, #0x20, lsl #12\n${accesses.join('\n')}\nldr x1, [x22, #8]\n${OFF}
      ${vectors(
        `mrs x0, esr_el1
      ubfx x0, x0, #0, #6
      mov x28, x30
      bl hex
      mov x30, x28
      mrs x0, elr_el1
      add x0, x0, #4
      msr elr_el1, x0
      eret`,
        'b .',
      )}`;
    // DFSC 0x10: synchronous external abort.
    expect(output(source)).toBe('10\n'.repeat(accesses.length));
  });

  it('masks by priority, as pseudo-NMIs do: an interrupt above the mask comes, others wait for the mask to go', () => {
    // SGI 1 has priority 0xa0, SGI 2 has 0x20. The mask at 0x60 lets SGI 2 through, inside the handler of SGI 1 too.
    const sgi = (n: number): string => `ldr x0, =${(BigInt(n) << 24n) | 1n}\nmsr icc_sgi1r_el1, x0\nisb\n`;
    const priorities = 'mov x1, #0x10000\nadd x1, x1, x22\nldr w0, =0x0020a000\nstr w0, [x1, #0x400]\n';
    const mark = (char: string): string => `mov w3, #${char.charCodeAt(0)}\nstr w3, [x20]\n`;
    const source = `${SET_VBAR}${DISTRIBUTOR}${CPU_INTERFACE}${priorities}${enable(1)}${enable(2)}
      mov x0, #0x60
      msr icc_pmr_el1, x0
      msr daifclr, #2
      ${mark('a')}${sgi(1)}${mark('b')}${sgi(2)}${mark('c')}
      mov x0, #0xe0
      msr icc_pmr_el1, x0
      ${mark('d')}
      mrs x0, icc_rpr_el1
      bl hex
      ${OFF}
      ${vectors(
        'b .',
        `b irq
      .balign 2048
irq:  mrs x9, icc_iar1_el1
      add w3, w9, #48
      str w3, [x20]
      cmp x9, #1
      b.ne 2f
      mrs x10, elr_el1
      mrs x11, spsr_el1
      mov x12, x9
      mov x0, #0x60
      msr icc_pmr_el1, x0
      msr daifclr, #2
      ${sgi(2)}
      msr daifset, #2
      mov x9, x12
      msr elr_el1, x10
      msr spsr_el1, x11
      mov x0, #0xe0
      msr icc_pmr_el1, x0
2:    msr icc_eoir1_el1, x9
      mov w3, #46
      str w3, [x20]
      eret`,
      )}`;
    // SGI 2 at once while masked; SGI 1 when the mask goes, and SGI 2 inside it.
    expect(output(source)).toBe('ab2.c12..dff\n');
  });

  it('preempts by the binary point; with EOImode the priority drops first, and ICC_DIR_EL1 deactivates', () => {
    const sgi = (n: number): string => `ldr x0, =${(BigInt(n) << 24n) | 1n}\nmsr icc_sgi1r_el1, x0\nisb\n`;
    const show = (register: string): string => `mrs x0, ${register}\nbl hex\n`;
    const write = (register: string, value: number): string => `mov x0, #${value}\nmsr ${register}, x0\n`;
    // Priorities of SGIs 1, 2, 3: 0xa0, 0x90, 0x20. Bits [7:6] decide, then all that there are.
    const source = `${DISTRIBUTOR}${CPU_INTERFACE}${enable(1)}${enable(2)}${enable(3)}
      mov x1, #0x10000
      add x1, x1, x22
      ldr w0, =0x2090a000
      str w0, [x1, #0x400]
      ${write('icc_bpr1_el1', 6)}
      ${sgi(1)}${show('icc_iar1_el1')}${show('icc_rpr_el1')}${show('icc_ap1r0_el1')}
      ${sgi(2)}${show('isr_el1')}${show('icc_iar1_el1')}${show('icc_hppir1_el1')}
      ${sgi(3)}${show('isr_el1')}${show('icc_iar1_el1')}${show('icc_rpr_el1')}${show('icc_ap1r0_el1')}
      ${write('icc_eoir1_el1', 3)}${show('icc_rpr_el1')}${show('isr_el1')}
      ${write('icc_eoir1_el1', 1)}${show('icc_rpr_el1')}
      ${write('icc_bpr1_el1', 0)}${show('icc_bpr1_el1')}
      ${show('icc_iar1_el1')}${show('icc_rpr_el1')}${write('icc_eoir1_el1', 2)}
      ${write('icc_ctlr_el1', 2)}
      ${sgi(1)}${show('icc_iar1_el1')}${write('icc_eoir1_el1', 1)}${show('icc_rpr_el1')}
      ${sgi(1)}${show('isr_el1')}${sgi(2)}${show('icc_iar1_el1')}
      ${write('icc_dir_el1', 1)}${show('isr_el1')}${write('icc_eoir1_el1', 2)}${show('isr_el1')}${show('icc_iar1_el1')}`;
    expect(output(source).split('\n')).toEqual([
      ...['1', '80', '10000'],
      ...['0', '3ff', '2'],
      ...['80', '3', '0', '10001'],
      ...['80', '0'],
      'ff',
      '3',
      ...['2', '90'],
      ...['1', 'ff'],
      ...['0', '2'],
      ...['0', '80', '1'],
      '',
    ]);
  });

  it('takes interrupts of group 0 as FIQ', () => {
    const source = `mov w0, #3
      str w0, [x21]
      mov x0, #1
      msr icc_igrpen0_el1, x0
      ${CPU_INTERFACE}${enable(4)}
      str wzr, [x1, #0x80]
      ldr x0, =${(4n << 24n) | 1n}
      msr icc_sgi1r_el1, x0
      mrs x0, isr_el1
      bl hex
      mrs x0, icc_iar1_el1
      bl hex
      mrs x0, icc_iar0_el1
      bl hex
      mrs x0, isr_el1
      bl hex`;
    expect(output(source)).toBe('40\n3ff\n4\n0\n');
  });

  it('keeps priorities and groups of a vCPU that goes off and on again, but not what its CPU interface let through', () => {
    const source = `${DISTRIBUTOR}mov x1, #1\n${cpuOn('second')}
1:    ldr w0, =0xc4000004
      mov x1, #1
      mov x2, #0
      hvc #0
      cmp x0, #1
      b.ne 1b
      mov x1, #1
      ${cpuOn('again')}
2:    wfi
      b 2b
second: ${BASES}add x22, x22, #0x20, lsl #12
      ${CPU_INTERFACE}${enable(6)}
      ldr x0, =${(6n << 24n) | 2n}
      msr icc_sgi1r_el1, x0
      mrs x0, icc_iar1_el1
      bl hex
      ldr w0, =0x84000002
      hvc #0
again: ${BASES}add x22, x22, #0x20, lsl #12
      mrs x0, icc_pmr_el1
      bl hex
      mrs x0, icc_rpr_el1
      bl hex
      mrs x0, icc_igrpen1_el1
      bl hex
      mov x1, #0x10000
      add x1, x1, x22
      ldr w0, [x1, #0x100]
      bl hex`;
    expect(output(source, { cpus: 2 })).toBe('6\n0\nff\n0\n40\n');
  });
});

describe('the version of the GIC', () => {
  const about = `mrs x0, id_aa64pfr0_el1\nubfx x0, x0, #24, #4\nbl hex\n`;
  const onV2 = guest(
    `${SET_VBAR}${about}mrs x0, icc_sre_el1\nbl hex\nmsr icc_sre_el1, x0\nldr w0, [x21, #0xfe8]\nbl hex
      ldr w0, [x21, #0x10fc]\nbl hex\nmsr icc_pmr_el1, x0\n${OFF}
      ${vectors(`mov w3, #85\nstr w3, [x20]\nmrs x0, elr_el1\nldr w0, [x0]\nbl hex${OFF}`, 'b .')}`,
    { extra: V2 },
  );
  const onV3 = guest(`${about}mrs x0, icc_sre_el1\nbl hex\nmov x1, #0xffe8\nldr w0, [x21, x1]\nbl hex`, { extra: V3 });
  // ICPIDR2 and GICC_IIDR of a GICv2; ICC_PMR_EL1 is UNDEFINED there.
  const v2 = expect.stringMatching(/^0\n0\n[0-9a-f]+\n[0-9a-f]+\nUd5184600\n$/);
  const v3 = '1\n7\n30\n';

  it.each([2, 3] as const)('is of each domain, on a board with a GICv%i', (gic) => {
    expect(outputs([onV2, onV3], gic)).toEqual([v2, v3]);
    const bare = gic === 2 ? onV2 : onV3;
    expect(outputs([{ kernel: bare.kernel }], gic)).toEqual([gic === 2 ? v2 : v3]);
  });
});
