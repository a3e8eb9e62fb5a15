/** Guests of the tests with several pCPUs, assembled on the spot. */
import { assemble } from '@dom0less/arm64-cpu';
import { guestSource } from '../src/small-guests/runtime.ts';

/** How often the vCPUs of each guest do what they do. */
const ROUNDS = { sgi: 2000, event: 1000, store: 1000, busy: 400 };

const guest = (body: string): Uint8Array => assemble(guestSource(body)).bytes;

/** Addresses, an interrupt controller that gives SGI 1 and the virtual timer, and vCPU 1 sent to `second`. */
const START = `
        .set    GICD_SGIR, 0xf00
        .set    TIMER, 27
start:
        bl      devices
        bl      gic_on
        mov     w0, #2
        movk    w0, #(1 << (TIMER - 16)), lsl #16
        str     w0, [x10, #GICD_ISENABLER]
        adr     x12, data
        movz    w0, #0xc400, lsl #16    // CPU_ON
        movk    w0, #3
        mov     x1, #1
        adr     x2, second
        mov     x3, #0
        hvc     #0
`;

/** The same for vCPU 1. */
const START_SECOND = `
second:
        bl      devices
        bl      gic_on
        mov     w0, #2
        str     w0, [x10, #GICD_ISENABLER]
        adr     x12, data
`;

const ROUTINES = `
// Interrupts stay masked: WFI returns when one is pending. Takes it: its INTID is in w1, its line goes down.
await:
        wfi
        ldr     w1, [x11, #GICC_IAR]
        and     w2, w1, #0x3ff
        cmp     w2, #1023
        b.eq    await
        cmp     w2, #TIMER
        b.ne    1f
        msr     cntv_ctl_el0, xzr
1:      str     w1, [x11, #GICC_EOIR]
        ret

// Sleeps for some 100 µs, in each third round: w20 counts them.
nap:
        mov     w0, #3
        udiv    w1, w20, w0
        msub    w1, w1, w0, w20
        cbnz    w1, 1f
        mov     x0, #6000
        msr     cntv_tval_el0, x0
        mov     x0, #1
        msr     cntv_ctl_el0, x0
        b       await
1:      ret

// Writes the text and ends the domain.
finish:
        adr     x0, text
        bl      puts
        b       power_off

        .balign 64
data:   .quad   0, 0, 0, 0, 0, 0, 0, 0
`;

/**
 * Two vCPUs that wake each other by SGI 1 and sleep in WFI between; each third time vCPU 0 lets its timer
 * wake it first, so that both pCPUs are idle for a while.
 */
export const PING_PONG = guest(String.raw`
${START}
        bl      await                   // vCPU 1 is there
        mov     w20, #${ROUNDS.sgi}
1:      bl      nap
        mov     w0, #1                  // SGI 1 to vCPU 1
        movk    w0, #2, lsl #16
        str     w0, [x10, #GICD_SGIR]
        bl      await
        subs    w20, w20, #1
        b.ne    1b
        b       finish
${START_SECOND}
2:      mov     w0, #1                  // SGI 1 to vCPU 0
        movk    w0, #1, lsl #16
        str     w0, [x10, #GICD_SGIR]
        bl      await
        b       2b
${ROUTINES}
text:   .asciz  "ping-pong: done\r\n"
`);

/**
 * Two vCPUs that hand a word to each other and sleep in WFE between, at first by SEV, then by the store alone, of
 * which the other's exclusive monitor tells.
 */
export const EVENTS = guest(String.raw`
${START}
        mov     w20, #${ROUNDS.event}
1:      bl      nap
        mov     w4, #1
        str     w4, [x12]
        dsb     ish
        sev
2:      ldr     w0, [x12]
        cbz     w0, 3f
        wfe
        b       2b
3:      subs    w20, w20, #1
        b.ne    1b
        mov     w20, #${ROUNDS.store}
4:      bl      nap
        mov     w4, #2
        str     w4, [x12]
5:      ldaxr   w0, [x12]
        cbz     w0, 6f
        wfe
        b       5b
6:      subs    w20, w20, #1
        b.ne    4b
        b       finish
${START_SECOND}
        mov     w20, #${ROUNDS.event}
1:      ldr     w0, [x12]
        cbnz    w0, 2f
        wfe
        b       1b
2:      str     wzr, [x12]
        dsb     ish
        sev
        subs    w20, w20, #1
        b.ne    1b
3:      ldaxr   w0, [x12]
        cbnz    w0, 4f
        wfe
        b       3b
4:      str     wzr, [x12]
        b       3b
${ROUTINES}
text:   .asciz  "events: done\r\n"
`);

/** vCPU 1 computes and never leaves off; vCPU 0 interrupts it by SGI 1 and computes until that was taken. */
export const INTERRUPTED = guest(String.raw`
${START}
        bl      await                   // vCPU 1 is there
        mov     w20, #${ROUNDS.busy}
1:      bl      nap
        mov     w0, #1                  // SGI 1 to vCPU 1
        movk    w0, #2, lsl #16
        str     w0, [x10, #GICD_SGIR]
2:      ldr     w0, [x12]
        cmp     w0, w20
        b.ne    2b
        subs    w20, w20, #1
        b.ne    1b
        b       finish
${START_SECOND}
        adr     x0, vectors
        msr     vbar_el1, x0
        isb
        mov     w20, #${ROUNDS.busy}
        mov     w0, #1                  // SGI 1 to vCPU 0
        movk    w0, #1, lsl #16
        str     w0, [x10, #GICD_SGIR]
        msr     daifclr, #2
1:      add     x21, x21, #1
        b       1b
taken:
        ldr     w1, [x11, #GICC_IAR]
        str     w1, [x11, #GICC_EOIR]
        str     w20, [x12]
        sub     w20, w20, #1
        eret
${ROUTINES}
text:   .asciz  "interrupted: done\r\n"
        .balign 2048
vectors:
        .org    vectors + 0x280         // IRQ from the current level with its own stack pointer
        b       taken
`);

/** Computes for ever. */
export const SPIN = guest(`
start:
        add     x0, x0, #1
        b       start
`);
