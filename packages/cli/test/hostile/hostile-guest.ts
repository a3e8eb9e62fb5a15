/**
 * The guest that does everything wrong. Each of its vCPUs draws one misdeed after the other from a generator of its own:
 * accesses of every kind to devices, memory and nowhere, system registers, page tables, instructions at both levels,
 * jumps, calls of the firmware with anything in their arguments. Any exception and its timer's interrupt bring a vCPU
 * back to draw the next one. The first two keep off what they could not come back from, and vCPU 0 starts those again
 * that took themselves offline, and says now and then how far all have come. The others are lost in time: they then take
 * exceptions that lead to exceptions, or sleep, for as long as the domain lives.
 */
import { ROWS } from '@dom0less/arm64-cpu';
import { guestSource } from '../../src/small-guests/runtime.ts';
import { SPLITMIX } from './neighbour.ts';

/** RAM and vCPUs that the guest needs. */
export const HOSTILE_MIB = 32;
export const HOSTILE_VCPUS = 8;
/** The first vCPUs keep off what they could not come back from; the last ones draw what none could. */
const CAREFUL = 2;
const FIRST_WILD = 4;
const POOL_WORDS = 4096;

/** Numbers of 32 bits by Marsaglia's xorshift32. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed >>> 0 || 1;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

/** Instruction words that rows of the table allocate, with random fields. */
function instructionPool(seed: number): number[] {
  const source = numbers(seed);
  const next = (): number => source.next().value;
  return Array.from({ length: POOL_WORDS }, () => {
    const row = ROWS[next() % ROWS.length]!;
    const bits = next();
    let word = 0;
    let used = 0;
    for (const piece of row.pattern.split(/\s+/)) {
      const isFixed = /^[01x]+$/.test(piece);
      const size = isFixed ? piece.length : Number(piece.split(':')[1] ?? 1);
      const value = isFixed ? Number.parseInt(piece.replaceAll('x', '0'), 2) : bits >>> (used & 15);
      word = ((word << size) | (value & (2 ** size - 1))) >>> 0;
      used += size;
    }
    return word;
  });
}

const words = (values: readonly number[]): string =>
  Array.from({ length: Math.ceil(values.length / 8) }, (_, n) => {
    const line = values.slice(8 * n, 8 * n + 8);
    return `        .word   ${line.map((word) => `0x${word.toString(16)}`).join(', ')}`;
  }).join('\n');

/** Every kind of access to the address in x1, with the data in x2 to x5. */
const ACCESSES = [
  'strb w2, [x1]',
  'strh w2, [x1]',
  'str w2, [x1]',
  'str w2, [x1]',
  'str x2, [x1]',
  'stp w2, w3, [x1]',
  'stp x2, x3, [x1]',
  'str q2, [x1]',
  'stp q2, q3, [x1]',
  'str w2, [x1], #4',
  'st1 {v0.16b, v1.16b, v2.16b, v3.16b}, [x1]',
  'st4 {v0.2d, v1.2d, v2.2d, v3.2d}, [x1]',
  'stlr w2, [x1]',
  'stxr w5, x2, [x1]',
  'stlxp w5, x2, x3, [x1]',
  'sttr w2, [x1]',
  'ldadd w2, w3, [x1]',
  'ldclral x2, x3, [x1]',
  'swpb w2, w3, [x1]',
  'casal x2, x3, [x1]',
  'casp x2, x3, x4, x5, [x1]',
  'dc zva, x1',
  'dc civac, x1',
  'ic ivau, x1',
  'ldrb w2, [x1]',
  'ldrh w2, [x1]',
  'ldr w2, [x1]',
  'ldrsw x2, [x1]',
  'ldr x2, [x1]',
  'ldp x2, x3, [x1]',
  'ldr q2, [x1]',
  'ldp q2, q3, [x1]',
  'ld1 {v0.16b, v1.16b, v2.16b, v3.16b}, [x1]',
  'ld3 {v0.8b, v1.8b, v2.8b}, [x1]',
  'ldar x2, [x1]',
  'ldxr w2, [x1]',
  'ldaxp x2, x3, [x1]',
  'ldtr x2, [x1]',
  'prfm pldl1keep, [x1]',
  'at s1e1w, x1',
  'at s1e0r, x1',
  'tlbi vae1, x1',
  'br x1',
  'ret x1',
] as const;

/** Where the devices of a domU are, and where there is nothing beside them: base and size as a mask. */
const DEVICES = [
  [0x0300_1000, 0xfff],
  [0x0300_1000, 0xfff],
  [0x0300_2000, 0x1fff],
  [0x2200_0000, 0xff],
  [0x2200_0000, 0xfff],
  [0x0300_1000, 0xffff],
  [0x0302_0000, 0xff_ffff],
  [0x3800_0000, 0xff_ffff],
] as const;

/** Parts of system register names that lead somewhere more often than chance: op0, op1, CRn as bits of an MSR's word. */
const REGISTER_GROUPS = [
  [3, 0, 1],
  [3, 0, 2],
  [3, 0, 4],
  [3, 0, 5],
  [3, 0, 6],
  [3, 0, 7],
  [3, 0, 9],
  [3, 0, 10],
  [3, 0, 12],
  [3, 0, 13],
  [3, 0, 14],
  [3, 3, 4],
  [3, 3, 9],
  [3, 3, 13],
  [3, 3, 14],
  [2, 0, 0],
] as const;
const registerGroup = ([op0, op1, crn]: (typeof REGISTER_GROUPS)[number]): number =>
  ((0xd500_0000 | (op0 << 19) | (op1 << 16) | (crn << 12)) & ~(1 << 21)) >>> 0;

/** Function ids of the firmware, and where others lie. SYSTEM_OFF and the resets are left out: they end the fun. */
const CALLS = [
  ...Array.from({ length: 8 }, (_, n) => 0x8400_0000 + n),
  ...[1, 3, 4, 5, 7].map((n) => 0xc400_0000 + n),
  ...Array.from({ length: 10 }, (_, n) => 0x8400_000a + n).filter((id) => id !== 0x8400_0012),
  0x8000_0000,
  0x8000_0001,
  0x8000_8000,
  0x8600_ff01,
  0x8400_ff01,
  0x8400_0050,
  0x8400_0051,
  0xc400_0053,
  1,
  2,
];

const MISDEEDS = [
  'access',
  'access',
  'access',
  'distributor',
  'uart',
  'write_register',
  'write_register',
  'read_register',
  'system_instruction',
  'hint',
  'firmware',
  'tables',
  'code_el0',
  'code_el1',
  'jump',
  'wild',
] as const;

/** What makes the timer's interrupt come, whatever was written before, and what ends an interrupt; x24 is the vCPU. */
const INTERRUPTS = {
  2: {
    on: `
        bl      gic_on
        mov     w0, #0xffffffff
        str     w0, [x10, #GICD_ISENABLER]
        str     w0, [x10, #GICD_ICACTIVER]
        str     wzr, [x10, #GICD_IGROUPR]
        str     wzr, [x10, #(GICD_IPRIORITYR + 24)]
        str     wzr, [x11, #GICC_APR]`,
    acknowledge: `
        ldr     w0, [x11, #GICC_IAR]
        str     w0, [x11, #GICC_EOIR]`,
  },
  3: {
    on: `
        mov     x0, #7
        msr     s3_0_c12_c12_5, x0      // ICC_SRE_EL1
        isb
        mov     x0, #0xff
        msr     s3_0_c4_c6_0, x0        // ICC_PMR_EL1
        msr     s3_0_c12_c9_0, xzr      // ICC_AP1R0_EL1
        mov     x0, #1
        msr     s3_0_c12_c12_7, x0      // ICC_IGRPEN1_EL1
        mov     w0, #0x12
        str     w0, [x10]               // GICD_CTLR: ARE_NS, EnableGrp1
        movz    x12, #0x0302, lsl #16   // this vCPU's redistributor
        add     x12, x12, x24, lsl #17
        str     wzr, [x12, #0x14]       // GICR_WAKER
        add     x12, x12, #0x10, lsl #12
        mov     w0, #0xffffffff
        str     w0, [x12, #GICD_IGROUPR]
        str     w0, [x12, #GICD_ISENABLER]
        str     w0, [x12, #GICD_ICACTIVER]
        str     wzr, [x12, #(GICD_IPRIORITYR + 24)]`,
    acknowledge: `
        mrs     x0, s3_0_c12_c12_0      // ICC_IAR1_EL1
        msr     s3_0_c12_c12_1, x0      // ICC_EOIR1_EL1`,
  },
} as const;

/** Source of the guest, which goes on for `seconds` and then powers off (if vCPU 0 still can). */
export const hostileSource = (seed: number, seconds: number, gic: 2 | 3): string =>
  guestSource(String.raw`
        .set    AREAS, 0x200            // pages from the start of RAM to the vCPUs' areas, 64 KiB each:
        .set    LEVEL2, 1               //   pages from the start of an area, which begins with the level 1 table
        .set    TABLES, 2               //   six random tables
        .set    CODE, 8                 //   code made on the spot
        .set    STATE, 9                //   what the vCPU knows
        .set    REGISTERS, 10           //   values for its registers
        .set    STATE_RANDOM, 0
        .set    STATE_ROUNDS, 8
        .set    STATE_REPORT, 16
        .set    STATE_END, 24
        .set    EL0_CODE, 0x1000000     // from the start of RAM; EL0 may use all from there on

        .set    GICD_IGROUPR, 0x80
        .set    GICD_ICACTIVER, 0x380
        .set    GICD_IPRIORITYR, 0x400
        .set    GICC_APR, 0xd0

start:
        bl      here
        mov     x7, #${HOSTILE_VCPUS}   // seeds and counts of all vCPUs
        ldr     x6, seed
        add     x5, x27, #AREAS, lsl #12
        add     x5, x5, #STATE, lsl #12
        ldr     x1, gamma
        mrs     x3, cntvct_el0
        mrs     x4, cntfrq_el0
        ldr     x0, seconds
        madd    x4, x4, x0, x3
1:      madd    x6, x6, x1, x1
        str     x6, [x5, #STATE_RANDOM]
        str     xzr, [x5, #STATE_ROUNDS]
        str     x3, [x5, #STATE_REPORT]
        str     x4, [x5, #STATE_END]
        add     x5, x5, #16, lsl #12
        subs    x7, x7, #1
        b.ne    1b
        mov     x7, #1                  // start the others
2:      movz    x0, #0xc400, lsl #16
        movk    x0, #3
        mov     x1, x7
        adr     x2, recover
        hvc     #0
        add     x7, x7, #1
        cmp     x7, #${HOSTILE_VCPUS}
        b.ne    2b

// Every exception leads here, and nothing is as it was.
recover:
        msr     daifset, #15
        msr     spsel, #1
        bl      here
        adr     x1, vectors
        msr     vbar_el1, x1
        mov     x1, #(3 << 20)
        msr     cpacr_el1, x1
        movz    x7, #0x30d0, lsl #16    // SCTLR_EL1: its RES1 bits, MMU and caches on
        movk    x7, #0x1805
        mov     x8, #0x3519             // TCR_EL1: T0SZ 25, cacheable, inner shareable, 4 KiB
        mov     x9, #0xff               // MAIR_EL1: Normal, Device
        // Mostly it is as it was; now and then all is set anew even so.
        mrs     x0, sctlr_el1
        mrs     x1, tcr_el1
        mrs     x2, ttbr0_el1
        mrs     x3, mair_el1
        mrs     x4, cntvct_el0
        and     x1, x1, #0xffff
        cmp     x0, x7
        ccmp    x1, x8, #0, eq
        ccmp    x2, x28, #0, eq
        ccmp    x3, x9, #0, eq
        and     x4, x4, #0xf0
        ccmp    x4, #0, #4, eq
        b.ne    again_after_exception
        movz    x0, #0x0800
        movk    x0, #0x30d0, lsl #16
        msr     sctlr_el1, x0
        isb
        // Sixteen random descriptors, and then those that this code needs.
        mov     x7, #16
1:      bl      descriptor
        mov     x8, x0
        bl      random
        and     x1, x0, #0x1ff8
        add     x1, x28, x1
        str     x8, [x1]
        subs    x7, x7, #1
        b.ne    1b
        mov     x0, #0x405              // block, AF, Device-nGnRnE
        str     x0, [x28]
        add     x1, x28, #LEVEL2, lsl #12
        orr     x0, x1, #3
        str     x0, [x28, #8]
        mov     x0, #0x781              // block, AF, inner shareable, Normal, read-only: this code
        orr     x0, x0, x27
        str     x0, [x1], #8
        mov     x3, #1                  // in 2 MiB blocks: 1 to 7 for EL1, 8 to 15 for EL0 too
2:      mov     x0, #0x701
        cmp     x3, #8
        mov     x4, #0x741
        csel    x0, x0, x4, lo
        orr     x0, x0, x27
        add     x0, x0, x3, lsl #21
        str     x0, [x1], #8
        add     x3, x3, #1
        cmp     x3, #${HOSTILE_MIB / 2}
        b.ne    2b
        msr     ttbr0_el1, x28
        mrs     x0, tcr_el1             // the half for TTBR1 stays as it is
        mov     x1, #0x3519
        bfxil   x0, x1, #0, #16
        mov     x1, #2
        bfi     x0, x1, #32, #3         // IPS: 40 bits
        msr     tcr_el1, x0
        mov     x0, #0xff
        msr     mair_el1, x0
        dsb     sy
        tlbi    vmalle1
        dsb     sy
        isb
        movz    x0, #0x30d0, lsl #16
        movk    x0, #0x1805
        msr     sctlr_el1, x0
        isb
again_after_exception:
        bl      devices
${INTERRUPTS[gic].acknowledge}

again:
        bl      here
        add     x26, x28, #STATE, lsl #12
        ldr     x0, [x26, #STATE_ROUNDS]
        add     x0, x0, #1
        str     x0, [x26, #STATE_ROUNDS]
        bl      devices
${INTERRUPTS[gic].on}
        bl      random
        and     x0, x0, #0xffff
        add     x0, x0, #4, lsl #12
        msr     cntv_tval_el0, x0
        mov     x0, #1
        msr     cntv_ctl_el0, x0
        mov     x0, #(3 << 20)
        msr     cpacr_el1, x0
        isb
        cbnz    x24, 1f
        bl      report
        ldr     x7, [x26, #STATE_ROUNDS]
        and     x1, x7, #7              // who may have taken itself offline
        movz    x0, #0xc400, lsl #16
        movk    x0, #3
        adr     x2, recover
        hvc     #0
1:      msr     daifclr, #15
        bl      random
        and     x2, x0, #15
        adr     x1, misdeeds
        add     x1, x1, x2, lsl #2
        br      x1
misdeeds:
${MISDEEDS.map((name) => `        b       ${name}`).join('\n')}

// Where this runs: x27 start of RAM, x28 this vCPU's area, x24 its number.
here:
        adr     x27, start
        and     x27, x27, #0xffffffffffe00000
        mrs     x24, mpidr_el1
        and     x24, x24, #7
        add     x28, x27, #AREAS, lsl #12
        add     x28, x28, x24, lsl #16
        ret

// x0: 64 random bits (SplitMix64). Changes x1, x2.
random:
        add     x2, x28, #STATE, lsl #12
        ldr     x0, [x2, #STATE_RANDOM]
        ldr     x1, gamma
        add     x0, x0, x1
        str     x0, [x2, #STATE_RANDOM]
        ldr     x1, first
        eor     x0, x0, x0, lsr #30
        mul     x0, x0, x1
        ldr     x1, second
        eor     x0, x0, x0, lsr #27
        mul     x0, x0, x1
        eor     x0, x0, x0, lsr #31
        ret

// x0: an address that may hurt. Changes x1 to x5.
address:
        mov     x5, x30
        bl      random
        mov     x3, x0
        bl      random
        and     x4, x3, #15
        lsr     x3, x3, #4
        cmp     x4, #4
        b.lo    1f
        cmp     x4, #9
        b.lo    2f
        b.eq    3f
        cmp     x4, #11
        b.lo    4f
        b.eq    5f
        cmp     x4, #13
        b.lo    6f
        b.eq    7f
        cmp     x4, #14
        b.eq    8f
        and     x0, x0, #0x3fff         // own tables, but those that this code needs
        add     x0, x28, x0
        add     x0, x0, #TABLES, lsl #12
        ret     x5
1:      adr     x1, device_list         // devices, at a word mostly
        and     x2, x3, #7
        add     x1, x1, x2, lsl #3
        ldp     w1, w2, [x1]
        and     x0, x0, x2
        tst     x3, #0x38
        and     x2, x0, #0xfffffffffffffffc
        csel    x0, x2, x0, ne
        add     x0, x1, x0
        ret     x5
2:      and     x0, x0, #0x1ffffff      // RAM
        add     x0, x27, x0
        ret     x5
3:      and     x0, x0, #127            // about its end
        add     x0, x27, x0
        mov     x1, #${HOSTILE_MIB}
        add     x0, x0, x1, lsl #20
        sub     x0, x0, #64
        ret     x5
4:      mov     w0, w0
        ret     x5
5:      and     x0, x0, #0xffffffffffff
        ret     x5
6:      ret     x5
7:      and     x0, x0, #0x3fffffff     // what TTBR1 translates
        orr     x0, x0, #0xffffffff80000000
        ret     x5
8:      orr     x0, x0, #0xffff000000000000
        ret     x5

// x0: a descriptor that leads into RAM or a device, to another table, or anywhere. Changes x1 to x6.
descriptor:
        mov     x6, x30
        bl      address
        mov     x3, x0
        bl      random
        and     x1, x0, #7              // in x1 the kind, in x0 attributes
        cmp     x1, #5
        and     x3, x3, #0xfffffffff000
        csel    x3, x3, x0, lo
        and     x0, x0, #0xfff
        orr     x0, x0, x3
        tst     x1, #3
        mov     x2, #3
        csel    x2, x2, xzr, ne
        orr     x0, x0, x2
        ret     x6

// Fills all registers but x29, x30 and the stack pointer.
fill_registers:
        mov     x22, x30
        add     x20, x28, #REGISTERS, lsl #12
        mov     x21, #29
1:      bl      address
        mov     x8, x0
        bl      random
        tst     x0, #3
        lsr     x0, x0, #2
        csel    x0, x0, x8, eq
        str     x0, [x20], #8
        subs    x21, x21, #1
        b.ne    1b
        mov     x30, x22
        add     x20, x28, #REGISTERS, lsl #12
        ld1     {v0.2d, v1.2d, v2.2d, v3.2d}, [x20]
        mov     v16.16b, v0.16b
        mov     v31.16b, v3.16b
        ldp     x2, x3, [x20, #16]
        ldp     x4, x5, [x20, #32]
        ldp     x6, x7, [x20, #48]
        ldp     x8, x9, [x20, #64]
        ldp     x10, x11, [x20, #80]
        ldp     x12, x13, [x20, #96]
        ldp     x14, x15, [x20, #112]
        ldp     x16, x17, [x20, #128]
        ldp     x18, x19, [x20, #144]
        ldp     x22, x23, [x20, #176]
        ldp     x24, x25, [x20, #192]
        ldp     x26, x27, [x20, #208]
        ldr     x28, [x20, #224]
        ldp     x0, x1, [x20]
        ldp     x20, x21, [x20, #160]
        ret

// Puts the instruction in w0 where it can run, and what brings the vCPU back behind it. x29: where. Changes x1.
one_instruction:
        add     x29, x28, #CODE, lsl #12
        ldr     w1, back
        stp     w0, w1, [x29]
        ic      ivau, x29
        dsb     sy
        isb
        ret
back:   svc     #0

access:
        bl      random
        and     x8, x0, #15             // how many in a row
1:      bl      address
        mov     x7, x0
        bl      random
        adr     x1, accesses
        mov     x2, #${ACCESSES.length}
        udiv    x3, x0, x2
        msub    x2, x3, x2, x0
        add     x6, x1, x2, lsl #3
        bl      random
        mov     x4, x0
        bl      random
        mov     x5, x0
        bl      random
        mov     x2, x0
        eor     x3, x0, x5
        mov     x1, x7
        blr     x6
        cbz     x8, again
        sub     x8, x8, #1
        b       1b

// Words at registers of the distributor and the CPU interface.
distributor:
        mov     x8, #16
1:      bl      random
        and     x3, x0, #0x1ffc
        lsr     x4, x0, #13
        tst     x4, #7
        and     x5, x4, #0xff000000000000
        lsr     x4, x4, #3
        csel    x4, x4, x5, ne
        str     w4, [x10, x3]
        subs    x8, x8, #1
        b.ne    1b
        b       again

uart:
        bl      random
        and     x3, x0, #63
        lsr     x4, x0, #6
1:      strb    w4, [x9]
        ror     x4, x4, #7
        subs    x3, x3, #1
        b.pl    1b
        b       again

// In x0 the word of an MSR, and in x8 a value. Changes x1 to x7, x25.
register_word:
        mov     x25, x30
        bl      address
        mov     x8, x0
        bl      random
        lsr     x3, x0, #20
        tst     x3, #7
        b.ne    1f
        and     x0, x0, #0xfffff
        b       2f
1:      lsr     x3, x3, #3
        and     x4, x3, #15
        adr     x1, register_groups
        ldr     w4, [x1, x4, lsl #2]
        and     x0, x0, #0xfff          // CRm, op2, Rt
        tst     x3, #0x10
        and     x1, x0, #0x3ff
        csel    x0, x1, x0, ne
        orr     x0, x0, x4
2:      and     x0, x0, #0xffffffffffffffe0
        orr     x0, x0, #8              // Rt
        movz    x1, #0xd510, lsl #16
        orr     x0, x0, x1
        tst     x3, #0x60
        b.ne    3f
        ubfx    x8, x8, #7, #20         // a small value at times
3:      ret     x25

write_register:
        bl      register_word
        // Not what translates and vectors lead to: SCTLR_EL1, TTBR0_EL1, TCR_EL1, VBAR_EL1.
        adr     x1, barred
        mov     x3, #4
1:      ldr     w2, [x1], #4
        cmp     w0, w2
        b.eq    again
        subs    x3, x3, #1
        b.ne    1b
        bl      one_instruction
        br      x29

read_register:
        bl      register_word
        movz    x1, #0x20, lsl #16
        orr     x0, x0, x1
        bl      one_instruction
        br      x29

// AT, TLBI, DC, IC, and what is none of them.
system_instruction:
        bl      address
        mov     x8, x0
        bl      random
        and     x0, x0, #0x7ffe0
        orr     x0, x0, #8
        movz    x1, #0xd508, lsl #16
        orr     x0, x0, x1
        bl      one_instruction
        br      x29

// Hints, barriers and writes of PSTATE, which may mask interrupts.
hint:
        bl      random
        ubfx    x3, x0, #32, #2
        cbz     x3, 1f
        and     x0, x0, #0x1fe0
        movz    x1, #0x201f
        b       2f
1:      cmp     x24, #${CAREFUL}
        b.lo    again
        movz    x1, #0x0fe0
        movk    x1, #7, lsl #16
        and     x0, x0, x1
        movz    x1, #0x401f
2:      movk    x1, #0xd500, lsl #16
        tst     x3, #3
        orr     x2, x1, #0x30000
        csel    x1, x2, x1, ne
        orr     x0, x0, x1
        bl      one_instruction
        br      x29

// HVC and SMC with any immediate and any arguments.
firmware:
        bl      random
        mov     x8, x0
        adr     x1, calls
        mov     x2, #${CALLS.length}
        udiv    x3, x0, x2
        msub    x2, x3, x2, x0
        ldr     w7, [x1, x2, lsl #2]
        bl      random
        tst     x8, #0x700              // a number that means nothing, seldom
        csel    x7, x7, x0, ne
        tst     x8, #0x1800             // upper bits that must not count
        csel    x1, xzr, x0, ne
        bfi     x1, x7, #0, #32
        mov     x7, x1
        movz    w1, #0x8400, lsl #16    // SYSTEM_OFF and the resets
        sub     w2, w7, w1
        sub     w2, w2, #8
        cmp     w2, #2
        b.lo    again
        sub     w2, w2, #10
        cbz     w2, again
        movz    w1, #0xc400, lsl #16
        movk    w1, #0x12
        cmp     w7, w1
        b.eq    again
        cbnz    x24, 1f
        movz    w1, #0x8400, lsl #16    // CPU_OFF: others may
        movk    w1, #2
        cmp     w7, w1
        b.eq    again
        cmp     w7, #1
        b.eq    again
1:      movz    w0, #0xd400, lsl #16    // HVC or SMC
        orr     w0, w0, #2
        tst     x8, #0x2000
        cinc    w0, w0, ne
        ubfx    x1, x8, #14, #3
        cbz     x1, 2f
        cmp     x1, #2
        mov     w2, #0xea1
        ubfx    x3, x8, #17, #16
        csel    w1, w2, w3, lo
        tst     x8, #0x200000000
        csel    w1, wzr, w1, ne
        bfi     w0, w1, #5, #16
2:      bl      one_instruction
        bl      address
        mov     x6, x0
        bl      random
        mov     x3, x0
        and     x1, x0, #7              // of CPU_ON: a vCPU there is, mostly, and where it comes back
        tst     x8, #0x1c0000
        csel    x1, x1, x6, ne
        adr     x2, recover
        tst     x8, #0xff00000
        csel    x2, x2, x6, ne
        mov     x0, x7
        br      x29

// A random table, used by TTBR1 with random settings, and looked through at once.
tables:
        bl      random
        mov     x8, #6
        udiv    x3, x0, x8
        msub    x8, x3, x8, x0
        add     x8, x8, #TABLES
        add     x8, x28, x8, lsl #12
        mov     x7, #64
1:      bl      descriptor
        mov     x9, x0
        bl      random
        and     x1, x0, #0xff8
        str     x9, [x8, x1]
        subs    x7, x7, #1
        b.ne    1b
        bl      random
        and     x1, x0, #0xffff000000000000
        bfxil   x1, x0, #0, #1
        orr     x8, x8, x1
        msr     ttbr1_el1, x8
        bl      random
        mrs     x1, tcr_el1
        bfxil   x0, x1, #0, #16
        msr     tcr_el1, x0
        isb
        b       access

// Random code at EL1: words of real instructions, and any words.
code_el1:
        cmp     x24, #${CAREFUL}
        b.lo    code_el0
        add     x29, x28, #CODE, lsl #12
        bl      code
        bl      fill_registers
        adr     x30, recover
        br      x29

// The same at EL0, or at what a random SPSR says.
code_el0:
        movz    x29, #(EL0_CODE >> 16), lsl #16
        add     x29, x27, x29
        add     x29, x29, x24, lsl #16
        bl      code
        msr     elr_el1, x29
        bl      random
        and     x1, x0, #0xf0000000     // flags
        tst     x0, #7
        b.ne    1f
        cmp     x24, #${CAREFUL}
        b.lo    1f
        mov     x1, x0
1:      msr     spsr_el1, x1
        bl      fill_registers
        msr     sp_el0, x7
        eret

// Writes 16 instructions to x29 and what ends them. Changes x0 to x8.
code:
        mov     x8, x30
        mov     x7, #16
        mov     x6, x29
1:      bl      random
        ubfx    x3, x0, #32, #12
        adr     x1, pool
        ldr     w1, [x1, x3, lsl #2]
        tst     x0, #0x7000000000000
        csel    x0, x1, x0, ne
        str     w0, [x6], #4
        subs    x7, x7, #1
        b.ne    1b
        ldr     w0, back
        str     w0, [x6]
        ic      ialluis
        dsb     sy
        isb
        ret     x8

jump:
        cmp     x24, #${CAREFUL}
        b.lo    access
        bl      address
        mov     x29, x0
        bl      fill_registers
        br      x29

// What can't be undone: the registers that all else hangs on.
wild:
        cmp     x24, #${FIRST_WILD}
        b.lo    write_register
        bl      random
        lsr     x0, x0, x24             // the higher the number, the rarer
        tst     x0, #0xff
        b.ne    code_el1
        bl      address
        mov     x7, x0
        bl      descriptor
        bl      random
        and     x3, x0, #3
        adr     x1, barred
        ldr     w0, [x1, x3, lsl #2]
        bl      one_instruction
        mov     x8, x7
        br      x29

// vCPU 0: every second, how many rounds each vCPU has made. Powers off in the end.
report:
        mov     x25, x30
        mrs     x0, cntvct_el0
        ldr     x1, [x26, #STATE_END]
        cmp     x0, x1
        b.hs    power_off
        ldr     x1, [x26, #STATE_REPORT]
        cmp     x0, x1
        b.lo    3f
        mrs     x1, cntfrq_el0
        add     x0, x0, x1
        str     x0, [x26, #STATE_REPORT]
        adr     x0, report_text
        bl      puts
        mov     x7, #0
1:      add     x0, x27, #AREAS, lsl #12
        add     x0, x0, x7, lsl #16
        add     x0, x0, #STATE, lsl #12
        ldr     x4, [x0, #STATE_ROUNDS]
        mov     x5, #8
        mov     w1, #' '
        bl      putc
2:      ubfx    x1, x4, #28, #4
        lsl     x4, x4, #4
        add     w1, w1, #'0'
        cmp     w1, #'9'
        add     w2, w1, #('a' - '0' - 10)
        csel    w1, w1, w2, ls
        bl      putc
        subs    x5, x5, #1
        b.ne    2b
        add     x7, x7, #1
        cmp     x7, #${HOSTILE_VCPUS}
        b.ne    1b
        adr     x0, newline
        bl      puts
3:      ret     x25

report_text: .asciz "\r\nhostile: rounds"
newline: .asciz "\r\n"
        .balign 8
seed:   .quad   ${seed}
seconds: .quad  ${seconds}
gamma:  .quad   ${SPLITMIX.gamma}
first:  .quad   ${SPLITMIX.first}
second: .quad   ${SPLITMIX.second}
device_list:
${words(DEVICES.flat())}
register_groups:
${words(REGISTER_GROUPS.map(registerGroup))}
calls:
${words(CALLS)}
barred: msr     sctlr_el1, x8
        msr     ttbr0_el1, x8
        msr     tcr_el1, x8
        msr     vbar_el1, x8
accesses:
${ACCESSES.map((access) => `        ${access}\n        ret`).join('\n')}
pool:
${words(instructionPool(seed))}

        .balign 2048
vectors:
${Array.from({ length: 16 }, (_, n) => `        .org    vectors + ${n * 128}\n        b       recover`).join('\n')}
`);
