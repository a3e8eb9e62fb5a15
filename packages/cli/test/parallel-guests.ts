/** Guests of the tests with several pCPUs, assembled on the spot. */
import { assemble } from '@dom0less/arm64-cpu';
import { guestSource } from '../src/small-guests/runtime.ts';

/** How often the vCPUs of {@link PING_PONG} wake each other. */
export const ROUNDS = 2000;

/**
 * Two vCPUs that wake each other by SGI 1 and sleep in WFI between, `ROUNDS` times; each third time vCPU 0 lets its timer
 * wake it first, so that both pCPUs are idle for a while.
 */
export const PING_PONG = assemble(
  guestSource(String.raw`
        .set    GICD_SGIR, 0xf00
        .set    TIMER, 27
start:
        bl      devices
        bl      gic_on
        mov     w0, #2
        movk    w0, #(1 << (TIMER - 16)), lsl #16
        str     w0, [x10, #GICD_ISENABLER]
        movz    w0, #0xc400, lsl #16    // CPU_ON
        movk    w0, #3
        mov     x1, #1
        adr     x2, second
        mov     x3, #0
        hvc     #0
        bl      await                   // vCPU 1 is there
        mov     w20, #${ROUNDS}
        mov     w22, #3
1:      subs    w22, w22, #1
        b.ne    2f
        mov     w22, #3
        mov     x0, #6000               // some 100 µs
        msr     cntv_tval_el0, x0
        mov     x0, #1
        msr     cntv_ctl_el0, x0
        bl      await
        msr     cntv_ctl_el0, xzr
2:      mov     w0, #1                  // SGI 1 to vCPU 1
        movk    w0, #2, lsl #16
        str     w0, [x10, #GICD_SGIR]
        bl      await
        subs    w20, w20, #1
        b.ne    1b
        adr     x0, text
        bl      puts
        b       power_off

second:
        bl      devices
        bl      gic_on
        mov     w0, #2
        str     w0, [x10, #GICD_ISENABLER]
3:      mov     w0, #1                  // SGI 1 to vCPU 0
        movk    w0, #1, lsl #16
        str     w0, [x10, #GICD_SGIR]
        bl      await
        b       3b

// Interrupts stay masked: WFI returns when one is pending. Takes it: its INTID is in w1, its line goes down.
await:
        wfi
        ldr     w1, [x11, #GICC_IAR]
        and     w2, w1, #0x3ff
        cmp     w2, #1023
        b.eq    await
        cmp     w2, #TIMER
        b.ne    4f
        msr     cntv_ctl_el0, xzr
4:      str     w1, [x11, #GICC_EOIR]
        ret

text:   .asciz  "ping-pong: done\r\n"
`),
).bytes;

/** Computes for ever. */
export const SPIN = assemble(
  guestSource(`
start:
        add     x0, x0, #1
        b       start
`),
).bytes;
