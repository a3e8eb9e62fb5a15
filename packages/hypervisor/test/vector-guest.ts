/**
 * A bare-metal guest that runs instruction vectors (packages/arm64-cpu/test/fixtures/README.md) at EL0 behind its own
 * page tables: each case is entered by ERET and left by the BRK behind it, and the guest itself compares what it left.
 */
import { assemble } from '@dom0less/arm64-cpu';
import { USUAL_DATA, usualV, usualX, type VectorCase } from '../../arm64-cpu/test/vector-file.ts';

const CODE = 0x5001_0800;
const STACK = 0x5000_1000n;
const BRK = 0xd420_0000;

const SOURCE = String.raw`
        .set    UART, 0x22000000
        .set    CASE_WANTED, 784        // of a case: the state behind it
        .set    CASE_SIZES, 1584
        .set    CASE_LISTS, 1600
        .set    STATE_BYTES, 800

        b       start
        .word   0
        .quad   0, image_end, 0xa, 0, 0, 0
        .ascii  "ARM\x64"
        .word   0

start:  bl      tables
        mov     x0, #0xff               // MAIR: Normal, Device-nGnRnE
        msr     mair_el1, x0
        ldr     x0, =0x280803519        // TCR: T0SZ 25, write-back, inner shareable, EPD1, 40 bits
        msr     tcr_el1, x0
        adr     x0, level1
        msr     ttbr0_el1, x0
        adr     x0, vectors
        msr     vbar_el1, x0
        mov     x0, #0x300000
        msr     cpacr_el1, x0
        isb
        ldr     x0, =0x34d5d91d         // M, C, I, SA, SA0, DZE, UCT, UCI
        msr     sctlr_el1, x0
        isb
        adr     x0, saved
        mov     sp, x0
        mov     x27, #0                 // passed
        mov     x28, #0                 // failed
        mov     x29, #0                 // the number of the case
        ldr     x26, =cases
        adr     x0, start
        ldr     x1, =start
        sub     x0, x0, x1
        add     x26, x26, x0
        ldr     w25, [x26], #16         // how many there are

next:   cmp     x29, x25
        b.eq    finished
        // The data: as usual, with what the case has of its own, also in the copy that is compared.
        adr     x0, usual
        adr     x1, data
        bl      copy
        adr     x10, data
        add     x12, x26, #CASE_LISTS
        ldr     w11, [x26, #CASE_SIZES]
        ldr     w9, [x26, #CASE_SIZES + 4]
        adr     x13, code + 0x800
        mov     x14, x13
        add     x15, x13, x11, lsl #2
1:      ldr     w0, [x12], #4
        str     w0, [x14], #4
        cmp     x14, x15
        b.lo    1b
        bl      sync_code
        bl      patch
        mov     x24, x12
        adr     x0, data
        adr     x1, wanted_data
        bl      copy
        mov     x12, x24
        adr     x10, wanted_data
        ldr     w9, [x26, #CASE_SIZES + 8]
        bl      patch

        // Into the case.
        stp     x25, x26, [sp, #-64]
        stp     x27, x28, [sp, #-48]
        str     x29, [sp, #-32]
        ldr     w0, [x26, #CASE_SIZES + 12]
        msr     fpsr, x0
        ldr     x0, [x26, #768]
        msr     spsr_el1, x0
        ldr     x0, [x26, #776]
        msr     fpcr, x0
        ldr     x0, [x26, #248]
        msr     sp_el0, x0
        ldr     x0, =${CODE}
        msr     elr_el1, x0
        add     x0, x26, #256
${Array.from({ length: 16 }, (_, n) => `        ldp     q${2 * n}, q${2 * n + 1}, [x0], #32`).join('\n')}
        clrex
        mov     x30, x26
${Array.from({ length: 15 }, (_, n) => `        ldp     x${2 * n}, x${2 * n + 1}, [x30, #${16 * n}]`).join('\n')}
        ldr     x30, [x30, #240]
        eret

// Behind it: saves all that the case may have changed.
el0_sync:
${Array.from({ length: 15 }, (_, n) => `        stp     x${2 * n}, x${2 * n + 1}, [sp, #${16 * n}]`).join('\n')}
        str     x30, [sp, #240]
        mrs     x0, sp_el0
        str     x0, [sp, #248]
        add     x0, sp, #256
${Array.from({ length: 16 }, (_, n) => `        stp     q${2 * n}, q${2 * n + 1}, [x0], #32`).join('\n')}
        mrs     x1, spsr_el1
        mrs     x2, fpcr
        stp     x1, x2, [x0], #16
        mrs     x1, fpsr
        mrs     x2, elr_el1
        stp     x1, x2, [x0]
        ldp     x25, x26, [sp, #-64]
        ldp     x27, x28, [sp, #-48]
        ldr     x29, [sp, #-32]

        // BRK instructions again, where the case had its own.
        ldr     w11, [x26, #CASE_SIZES]
        adr     x13, code + 0x800
        add     x15, x13, x11, lsl #2
        mov     x14, x13
        ldr     w0, =0xd4200000
1:      str     w0, [x14], #4
        cmp     x14, x15
        b.lo    1b
        bl      sync_code

        mrs     x0, esr_el1
        ldr     x1, =0xf2000000         // BRK #0
        cmp     x0, x1
        b.ne    wrong
        mov     x0, sp
        add     x1, x26, #CASE_WANTED
        mov     x2, #STATE_BYTES
        bl      compare
        cbnz    x0, wrong
        adr     x0, data
        adr     x1, wanted_data
        mov     x2, #8192
        bl      compare
        cbnz    x0, wrong
        add     x27, x27, #1
        b       done
wrong:  add     x28, x28, #1
        mov     x0, x29
        bl      print
done:   add     x29, x29, #1
        ldr     w0, [x26, #CASE_SIZES]
        ldr     w1, [x26, #CASE_SIZES + 4]
        ldr     w2, [x26, #CASE_SIZES + 8]
        add     w0, w0, w1
        add     w0, w0, w2
        lsl     w0, w0, #2
        add     x0, x0, #CASE_LISTS + 15
        and     x0, x0, #~15
        add     x26, x26, x0
        b       next

finished:
        mov     x1, #UART
        mov     w0, #':'
        str     w0, [x1]
        mov     x0, x27
        bl      print
        mov     x0, x28
        bl      print
        mov     x1, #UART
        mov     w0, #10
        str     w0, [x1]
off:    ldr     x0, =0x84000008         // PSCI SYSTEM_OFF
        hvc     #0
        b       off

// 8 KiB from x0 to x1.
copy:   add     x2, x0, #0x2000
1:      ldp     q0, q1, [x0], #32
        stp     q0, q1, [x1], #32
        cmp     x0, x2
        b.lo    1b
        ret

// Puts w9 bytes at offsets of x10: words of offset << 8 and byte at x12.
patch:  cbz     w9, 2f
1:      ldr     w0, [x12], #4
        lsr     w1, w0, #8
        strb    w0, [x10, x1]
        subs    w9, w9, #1
        b.ne    1b
2:      ret

// 0 in x0 if x2 bytes at x0 and x1 are the same.
compare:
        add     x2, x0, x2
1:      ldr     x3, [x0], #8
        ldr     x4, [x1], #8
        cmp     x3, x4
        b.ne    2f
        cmp     x0, x2
        b.lo    1b
        mov     x0, #0
        ret
2:      mov     x0, #1
        ret

// Makes what is written from x13 to x15 the code.
sync_code:
        mov     x14, x13
1:      dc      cvau, x14
        add     x14, x14, #4
        cmp     x14, x15
        b.lo    1b
        dsb     ish
        ldr     x14, =0x50010800
        sub     x16, x15, x13
        add     x16, x16, x14
1:      ic      ivau, x14
        add     x14, x14, #4
        cmp     x14, x16
        b.lo    1b
        dsb     ish
        isb
        ret

// x0 in hexadecimal, and a blank.
print:  mov     x1, #UART
        mov     x2, #60
1:      lsr     x3, x0, x2
        and     x3, x3, #15
        cmp     x3, #10
        add     x4, x3, #48
        add     x3, x3, #87
        csel    x3, x4, x3, lo
        str     w3, [x1]
        subs    x2, x2, #4
        b.pl    1b
        mov     w3, #' '
        str     w3, [x1]
        ret

// Level 1: UART's gigabyte, and that of RAM, in which 2 MiB belong to EL0.
tables: adr     x0, level1
        adr     x1, level2_low
        add     x1, x1, #3
        str     x1, [x0]
        adr     x1, level2_ram
        add     x1, x1, #3
        str     x1, [x0, #8]
        ldr     x1, =0x60000022000405   // Device, XN
        adr     x0, level2_low
        str     x1, [x0, #0x880]
        adr     x0, level2_ram
        ldr     x1, =0x40000040000701   // RAM: Normal, EL1's
        mov     x2, #128
1:      str     x1, [x0], #8
        add     x1, x1, #0x200000
        subs    x2, x2, #1
        b.ne    1b
        adr     x1, level3
        add     x1, x1, #3
        str     x1, [x0]                // 0x50000000
        adr     x0, level3
        adr     x1, data
        ldr     x2, =0x60000000000743   // EL0 reads and writes
        add     x1, x1, x2
        str     x1, [x0]
        add     x1, x1, #0x1000
        str     x1, [x0, #8]
        adr     x1, code
        ldr     x2, =0x200000000007c3   // EL0 reads and executes
        add     x1, x1, x2
        str     x1, [x0, #0x80]
        // The page of code: BRK.
        adr     x0, code
        add     x1, x0, #0x1000
        ldr     w2, =0xd4200000
1:      str     w2, [x0], #4
        cmp     x0, x1
        b.lo    1b
        ret
        .ltorg

        .balign 0x800
vectors:
        .skip   0x200
        b       broken                  // from EL1: a mistake here
        .skip   0x1fc
        b       el0_sync
        .skip   0x3fc
broken: mrs     x0, esr_el1
        bl      print
        mrs     x0, far_el1
        bl      print
        b       off

        .balign 16
        .skip   64
saved:  .skip   STATE_BYTES
        .balign 0x1000
level1: .skip   0x1000
level2_low:
        .skip   0x1000
level2_ram:
        .skip   0x1000
level3: .skip   0x1000
data:   .skip   0x2000
wanted_data:
        .skip   0x2000
code:   .skip   0x1000
usual:  .skip   0x2000
        .balign 16
cases:
`;

type Patches = VectorCase['memory'];

/** Bytes of one case, as the guest reads it. */
function record(c: VectorCase, fpsr: number): Uint8Array {
  const count = (patches: Patches): number => patches.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  const lists = [c.words.length, count(c.memory), count(c.result.memory)];
  const size = 1600 + 4 * (lists[0]! + lists[1]! + lists[2]!);
  const bytes = new Uint8Array(Math.ceil(size / 16) * 16);
  const view = new DataView(bytes.buffer);
  const x = [...Array.from({ length: 31 }, (_, n) => usualX(n)), STACK];
  const v = Array.from({ length: 32 }, (_, n) => usualV(n));
  const state = (at: number, from: Pick<VectorCase, 'x' | 'v'>): void => {
    for (const [n, value] of from.x) x[n] = value;
    for (const [n, low, high] of from.v) v[n] = [low, high];
    x.forEach((value, n) => view.setBigUint64(at + 8 * n, value, true));
    v.flat().forEach((half, n) => view.setBigUint64(at + 256 + 8 * n, half, true));
  };
  state(0, c);
  view.setUint32(768, c.nzcv * 2 ** 28, true);
  view.setUint32(776, c.fpcr, true);
  state(784, c.result);
  view.setUint32(1552, c.result.nzcv * 2 ** 28, true);
  view.setUint32(1560, c.result.fpcr, true);
  view.setUint32(1568, c.result.fpsr | fpsr, true);
  view.setBigUint64(1576, BigInt(CODE + 4 * c.result.pc), true);
  [...lists, fpsr].forEach((n, at) => view.setUint32(1584 + 4 * at, n, true));
  const words = [...c.words];
  for (const [offset, run] of [...c.memory, ...c.result.memory]) {
    words.push(...Array.from(run, (byte, n) => ((offset + n) << 8) | byte));
  }
  words.forEach((word, n) => view.setUint32(1600 + 4 * n, word, true));
  return bytes;
}

/** FPSR.IXC: with it set beforehand native floating-point arithmetic may be used. */
const IXC = 0x10;
/** The state behind a case does not depend on FPSR before it. */
const ignoresFpsr = (c: VectorCase): boolean => c.words.every((word) => word >>> 24 !== 0xd5 && word !== BRK);

/** An Image of the guest with the cases, each with FPSR.IXC clear, then set where nothing but that bit changes. */
export function vectorGuest(cases: readonly VectorCase[]): { kernel: Uint8Array; count: number } {
  const records = cases.flatMap((c) => [record(c, 0), ...(ignoresFpsr(c) ? [record(c, IXC)] : [])]);
  const size = records.reduce((sum, { length }) => sum + length, 16);
  const { bytes, symbols } = assemble(`${SOURCE}\n        .skip   ${size}\nimage_end:`);
  const place = (name: string): number => Number(symbols.get(name));
  bytes.set(USUAL_DATA, place('usual'));
  let at = place('cases');
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, records.length, true);
  at += 16;
  for (const one of records) {
    bytes.set(one, at);
    at += one.length;
  }
  return { kernel: bytes, count: records.length };
}
