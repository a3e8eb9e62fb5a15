/**
 * Eight loops of the kinds that programs spend their time in. Each is a function: x0 = a buffer of 1 MiB, x1 = how often;
 * it gives a checksum in x0. The buffer holds a CRC32 table at 0, a permutation of 32,768 words at 0x20000, two 64 × 64
 * matrices of doubles at 0x40000 and 0x48000, SHA-256's round constants at 0x60000, and noise elsewhere.
 */
export interface Loop {
  readonly name: string;
  /** Repetitions of one measured run. */
  readonly count: number;
  readonly source: string;
}

export const LOOPS: readonly Loop[] = [
  {
    name: 'CRC32 by table',
    count: 300,
    source: `
      mov   x9, x1
      mov   w10, #-1
    1:
      add   x2, x0, #0x1000
      mov   x3, #0xf000
    2:
      ldrb  w4, [x2], #1
      eor   w4, w4, w10
      and   w4, w4, #0xff
      ldr   w4, [x0, w4, uxtw #2]
      eor   w10, w4, w10, lsr #8
      subs  x3, x3, #1
      b.ne  2b
      subs  x9, x9, #1
      b.ne  1b
      mov   w0, w10
      ret`,
  },
  {
    name: 'CRC32 bit by bit',
    count: 60,
    source: `
      mov   x9, x1
      mov   w10, #-1
      mov   w11, #0x8320
      movk  w11, #0xedb8, lsl #16
    1:
      add   x2, x0, #0x1000
      mov   x3, #0x3000
    2:
      ldrb  w4, [x2], #1
      eor   w10, w10, w4
      mov   w5, #8
    3:
      tst   w10, #1
      csel  w6, w11, wzr, ne
      eor   w10, w6, w10, lsr #1
      subs  w5, w5, #1
      b.ne  3b
      subs  x3, x3, #1
      b.ne  2b
      subs  x9, x9, #1
      b.ne  1b
      mov   w0, w10
      ret`,
  },
  {
    // The compression function over 64 bytes of the buffer, working variables in w16 … w23, schedule at 0x70000.
    name: 'SHA-256 rounds',
    count: 8000,
    source: `
      mov   x9, x1
      add   x12, x0, #0x60, lsl #12
      add   x13, x0, #0x70, lsl #12
      add   x14, x0, #0x1000
      ldp   w16, w17, [x14]
      ldp   w18, w19, [x14, #8]
      ldp   w20, w21, [x14, #16]
      ldp   w22, w23, [x14, #24]
    1:
      mov   x2, #0
    2:
      ldr   w3, [x14, x2, lsl #2]
      rev   w3, w3
      str   w3, [x13, x2, lsl #2]
      add   x2, x2, #1
      cmp   x2, #16
      b.ne  2b
      add   x4, x13, #64
    3:
      ldr   w3, [x4, #-60]
      ror   w5, w3, #7
      eor   w5, w5, w3, ror #18
      eor   w5, w5, w3, lsr #3
      ldr   w3, [x4, #-8]
      ror   w6, w3, #17
      eor   w6, w6, w3, ror #19
      eor   w6, w6, w3, lsr #10
      ldr   w3, [x4, #-64]
      add   w5, w5, w3
      ldr   w3, [x4, #-28]
      add   w6, w6, w3
      add   w5, w5, w6
      str   w5, [x4], #4
      add   x2, x2, #1
      cmp   x2, #64
      b.ne  3b
      mov   x2, #0
    4:
      ror   w3, w20, #6
      eor   w3, w3, w20, ror #11
      eor   w3, w3, w20, ror #25
      and   w4, w20, w21
      bic   w5, w22, w20
      eor   w4, w4, w5
      add   w3, w3, w4
      add   w3, w3, w23
      ldr   w4, [x12, x2, lsl #2]
      ldr   w5, [x13, x2, lsl #2]
      add   w3, w3, w4
      add   w3, w3, w5
      ror   w4, w16, #2
      eor   w4, w4, w16, ror #13
      eor   w4, w4, w16, ror #22
      and   w5, w16, w17
      and   w6, w16, w18
      eor   w5, w5, w6
      and   w6, w17, w18
      eor   w5, w5, w6
      add   w4, w4, w5
      mov   w23, w22
      mov   w22, w21
      mov   w21, w20
      add   w20, w19, w3
      mov   w19, w18
      mov   w18, w17
      mov   w17, w16
      add   w16, w3, w4
      add   x2, x2, #1
      cmp   x2, #64
      b.ne  4b
      subs  x9, x9, #1
      b.ne  1b
      eor   w0, w16, w20
      ret`,
  },
  {
    name: 'matrix product, f64',
    count: 30,
    source: `
      mov   x9, x1
      add   x10, x0, #0x40, lsl #12
      add   x11, x0, #0x48, lsl #12
      add   x12, x0, #0x50, lsl #12
    1:
      mov   x2, #0
    2:
      mov   x3, #0
    3:
      add   x4, x10, x2, lsl #9
      add   x5, x11, x3, lsl #3
      movi  d0, #0
      mov   x6, #64
    4:
      ldr   d1, [x4], #8
      ldr   d2, [x5]
      add   x5, x5, #512
      fmul  d1, d1, d2
      fadd  d0, d0, d1
      subs  x6, x6, #1
      b.ne  4b
      add   x7, x12, x2, lsl #9
      str   d0, [x7, x3, lsl #3]
      add   x3, x3, #1
      cmp   x3, #64
      b.ne  3b
      add   x2, x2, #1
      cmp   x2, #64
      b.ne  2b
      subs  x9, x9, #1
      b.ne  1b
      ldr   x0, [x12, #4096]
      ret`,
  },
  {
    name: 'big-integer multiply',
    count: 150000,
    source: `
      mov   x9, x1
      add   x10, x0, #0x1000
      add   x11, x0, #0x2000
      mov   x12, #3
    1:
      mov   x2, #0
      mov   x3, #0
      add   x12, x12, x9
    2:
      ldr   x4, [x10, x2, lsl #3]
      ldr   x5, [x11, x2, lsl #3]
      mul   x6, x4, x12
      umulh x7, x4, x12
      adds  x6, x6, x3
      adc   x7, x7, xzr
      adds  x6, x6, x5
      adc   x3, x7, xzr
      str   x6, [x11, x2, lsl #3]
      add   x2, x2, #1
      cmp   x2, #32
      b.ne  2b
      subs  x9, x9, #1
      b.ne  1b
      ldr   x0, [x11, #248]
      eor   x0, x0, x3
      ret`,
  },
  {
    name: 'insertion sort',
    count: 300,
    source: `
      mov   x9, x1
      add   x10, x0, #0x20, lsl #12
      add   x11, x0, #0x70, lsl #12
    1:
      mov   x2, #0
    2:
      ldr   w3, [x10, x2, lsl #2]
      str   w3, [x11, x2, lsl #2]
      add   x2, x2, #1
      cmp   x2, #512
      b.ne  2b
      mov   x2, #1
    3:
      ldr   w3, [x11, x2, lsl #2]
      mov   x4, x2
    4:
      sub   x5, x4, #1
      ldr   w6, [x11, x5, lsl #2]
      cmp   w6, w3
      b.ls  5f
      str   w6, [x11, x4, lsl #2]
      mov   x4, x5
      cbnz  x4, 4b
    5:
      str   w3, [x11, x4, lsl #2]
      add   x2, x2, #1
      cmp   x2, #512
      b.ne  3b
      subs  x9, x9, #1
      b.ne  1b
      ldr   w0, [x11, #1024]
      ret`,
  },
  {
    name: 'pointer chase',
    count: 700,
    source: `
      mov   x9, x1
      add   x10, x0, #0x20, lsl #12
      mov   x2, #0
    1:
      mov   x3, #0x8000
    2:
      ldr   w2, [x10, x2, lsl #2]
      subs  x3, x3, #1
      b.ne  2b
      subs  x9, x9, #1
      b.ne  1b
      mov   x0, x2
      ret`,
  },
  {
    name: 'copy of 64 KiB',
    count: 4000,
    source: `
      mov   x9, x1
    1:
      add   x2, x0, #0x10, lsl #12
      add   x3, x0, #0x80, lsl #12
      mov   x4, #0x10000
    2:
      ldp   x5, x6, [x2], #16
      ldp   x7, x8, [x2], #16
      stp   x5, x6, [x3], #16
      stp   x7, x8, [x3], #16
      subs  x4, x4, #32
      b.ne  2b
      subs  x9, x9, #1
      b.ne  1b
      ldr   x0, [x3, #-8]
      ret`,
  },
];
