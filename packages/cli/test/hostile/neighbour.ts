/** The guest that must not notice: it sums its RAM again and again, counts its timer's interrupts, and checks both. */
import { guestSource } from '../../src/small-guests/runtime.ts';

/** RAM that the neighbour needs, from the start of its image. */
export const NEIGHBOUR_MIB = 4;
/** Where the buffer begins, and its size: all RAM behind the image. */
const BUFFER_AT = 2 * 2 ** 20;
export const BUFFER_BYTES = NEIGHBOUR_MIB * 2 ** 20 - BUFFER_AT;
/** SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
export const SPLITMIX = {
  gamma: 0x9e37_79b9_7f4a_7c15n,
  first: 0xbf58_476d_1ce4_e5b9n,
  second: 0x94d0_49bb_1331_11ebn,
} as const;
/** The buffer is filled anew after so many sums. */
const SUMS_PER_FILL = 4;
const TICKS_PER_SECOND = 100;

const MASK = 2n ** 64n - 1n;

/** CRC-32 (as CRC32X makes it: no final inversion, from 0) of the buffer's first filling from `seed`. */
export function bufferCrc(seed: number): number {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
    return value;
  });
  let [state, crc] = [BigInt(seed), 0];
  for (let at = 0; at < BUFFER_BYTES; at += 8) {
    state = (state + SPLITMIX.gamma) & MASK;
    let word = ((state ^ (state >> 30n)) * SPLITMIX.first) & MASK;
    word = ((word ^ (word >> 27n)) * SPLITMIX.second) & MASK;
    word ^= word >> 31n;
    for (const half of [Number(word & 0xffff_ffffn), Number(word >> 32n)]) {
      for (let shift = 0; shift < 32; shift += 8) crc = (crc >>> 8) ^ table[(crc ^ (half >>> shift)) & 0xff]!;
    }
  }
  return crc >>> 0;
}

/** Source of the neighbour, which runs for `seconds` and powers off. It says `neighbour: right` or `neighbour: WRONG`. */
export const neighbourSource = (seed: number, seconds: number): string =>
  guestSource(String.raw`
        .set    VIRTUAL_TIMER, 27       // PPI
// x19 ticks of the counter between two interrupts, x20 the next one's time, x21 interrupts so far, x22 start,
// x23 end, x24 state of the generator, w25 CRC of the filling, x26 buffer, x27 its end, w28 sums so far.
start:
        bl      devices
        adr     x0, vectors
        msr     vbar_el1, x0
        isb
        bl      gic_on
        mov     w0, #(1 << VIRTUAL_TIMER)
        str     w0, [x10, #GICD_ISENABLER]
        adr     x26, start
        and     x26, x26, #0xffffffffffe00000
        mov     x27, #${NEIGHBOUR_MIB}
        add     x27, x26, x27, lsl #20
        add     x26, x26, #${BUFFER_AT / 4096}, lsl #12
        mov     w28, #0
        mov     x21, #0
        mrs     x19, cntfrq_el0
        ldr     x0, seconds
        mul     x23, x19, x0
        mov     x0, #${TICKS_PER_SECOND}
        udiv    x19, x19, x0
        mrs     x22, cntvct_el0
        add     x23, x22, x23
        add     x20, x22, x19
        msr     cntv_cval_el0, x20
        mov     x0, #1
        msr     cntv_ctl_el0, x0
        ldr     x24, seed
        bl      fill
        msr     daifclr, #2
        adr     x0, crc_text
        bl      puts
        mov     w0, w25
        bl      hex
        adr     x0, newline
        bl      puts

pass:
        bl      sum
        cmp     w0, w25
        adr     x0, crc_wrong
        b.ne    wrong
        bl      ticks
        add     w28, w28, #1
        tst     w28, #${SUMS_PER_FILL - 1}
        b.ne    1f
        bl      fill
1:      tst     w28, #63
        b.ne    2f
        adr     x0, dot
        bl      puts
2:      mrs     x0, cntvct_el0
        cmp     x0, x23
        b.lo    pass

        adr     x0, right_text
        bl      puts
        mov     w0, w28
        bl      hex
        adr     x0, ticks_text
        bl      puts
        mov     w0, w21
        bl      hex
        adr     x0, newline
        bl      puts
        b       power_off

// Says what is wrong (x0), and stops.
wrong:
        msr     daifset, #2
        mov     x4, x0
        adr     x0, wrong_text
        bl      puts
        mov     x0, x4
        bl      puts
        b       power_off

// Fills the buffer; leaves what its CRC has to be in w25. Changes x0 to x6.
fill:
        ldr     x2, gamma
        ldr     x3, first
        ldr     x4, second
        mov     w25, #0
        mov     x0, x26
1:      add     x24, x24, x2
        eor     x5, x24, x24, lsr #30
        mul     x5, x5, x3
        eor     x5, x5, x5, lsr #27
        mul     x5, x5, x4
        eor     x5, x5, x5, lsr #31
        str     x5, [x0], #8
        crc32x  w25, w25, x5
        cmp     x0, x27
        b.lo    1b
        ret

// CRC of the buffer in w0. Changes x1, x2, x3.
sum:
        mov     w0, #0
        mov     x1, x26
1:      ldp     x2, x3, [x1], #16
        crc32x  w0, w0, x2
        crc32x  w0, w0, x3
        cmp     x1, x27
        b.lo    1b
        ret

// Checks the number of interrupts against the counter. One may be under way, and then comes; none may be lost, and
// none may come before its time. Changes x0 to x3.
ticks:
        cbnz    w12, strange
        mrs     x1, cntvct_el0
        sub     x0, x1, x22
        udiv    x0, x0, x19
        mrs     x3, cntfrq_el0
        add     x3, x1, x3, lsl #4      // 16 s from now
1:      cmp     x21, x0
        b.hs    2f
        mrs     x2, cntvct_el0
        cmp     x2, x3
        b.lo    1b
        adr     x0, ticks_lost
        b       wrong
2:      mov     x2, x21
        isb
        mrs     x1, cntvct_el0
        sub     x0, x1, x22
        udiv    x0, x0, x19
        cmp     x2, x0
        adr     x0, ticks_early
        b.hi    wrong
        ret
strange:
        adr     x0, strange_text
        b       wrong

// Writes w0 as eight hexadecimal digits. Changes x0 to x6.
hex:
        mov     x6, x30
        mov     w4, w0
        mov     w5, #8
1:      lsr     w1, w4, #28
        lsl     w4, w4, #4
        add     w1, w1, #'0'
        cmp     w1, #'9'
        b.ls    2f
        add     w1, w1, #('a' - '0' - 10)
2:      bl      putc
        sub     w5, w5, #1
        cbnz    w5, 1b
        ret     x6

// Registers of its own: x13 to x15; w12 counts interrupts that are nobody's.
interrupt:
        ldr     w15, [x11, #GICC_IAR]
        cmp     w15, #VIRTUAL_TIMER
        b.ne    1f
        add     x20, x20, x19
        msr     cntv_cval_el0, x20
        add     x21, x21, #1
        str     w15, [x11, #GICC_EOIR]
        eret
1:      cmp     w15, #1023              // gone again
        b.eq    2f
        add     w12, w12, #1
        str     w15, [x11, #GICC_EOIR]
2:      eret
fault:
        adr     x0, fault_text
        b       wrong

        .balign 8
seed:   .quad   ${seed}
seconds: .quad  ${seconds}
gamma:  .quad   ${SPLITMIX.gamma}
first:  .quad   ${SPLITMIX.first}
second: .quad   ${SPLITMIX.second}
crc_text: .asciz "neighbour: crc "
right_text: .asciz "neighbour: right sums "
ticks_text: .asciz " ticks "
wrong_text: .asciz "neighbour: WRONG: "
crc_wrong: .asciz "the memory changed\r\n"
ticks_lost: .asciz "interrupts of the timer were lost\r\n"
ticks_early: .asciz "interrupts of the timer came too early\r\n"
strange_text: .asciz "an interrupt that nobody asked for\r\n"
fault_text: .asciz "an exception\r\n"
dot:    .asciz  "neighbour: 64 sums\r\n"
newline: .asciz "\r\n"

        .balign 2048
vectors:
        .org    vectors + 0x200         // synchronous
        b       fault
        .org    vectors + 0x280
        b       interrupt
        .org    vectors + 0x380         // SError
        b       fault
`);
