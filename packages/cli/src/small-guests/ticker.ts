import { guestSource } from './runtime.ts';

/** Lets the virtual timer interrupt it five times, a fifth of a second apart, counts aloud, and powers off. */
export const TICKER = guestSource(String.raw`
        .set    TICKS, 5
        .set    VIRTUAL_TIMER, 27       // PPI
start:
        bl      devices
        adr     x0, vectors
        msr     vbar_el1, x0
        isb
        bl      gic_on
        mov     w0, #(1 << VIRTUAL_TIMER)
        str     w0, [x10, #GICD_ISENABLER]
        mrs     x19, cntfrq_el0
        mov     x0, #TICKS
        udiv    x19, x19, x0            // x19: counter ticks between two interrupts
        mov     w20, #0                 // w20: interrupts so far
        msr     cntv_tval_el0, x19
        mov     x0, #1
        msr     cntv_ctl_el0, x0        // ENABLE
        msr     daifclr, #2
1:      wfi
        b       1b

// All that the guest does, it does here: no registers have to be saved.
tick:
        ldr     w21, [x11, #GICC_IAR]
        msr     cntv_tval_el0, x19      // also takes the interrupt's line down
        add     w20, w20, #1
        adr     x0, text
        bl      puts
        add     w1, w20, #'0'
        bl      putc
        adr     x0, newline
        bl      puts
        str     w21, [x11, #GICC_EOIR]
        cmp     w20, #TICKS
        b.eq    power_off
        eret

text:   .asciz  "ticker: tick "
newline:
        .asciz  "\r\n"

        .balign 2048
vectors:
        .org    vectors + 0x280         // IRQ from the current level with its own stack pointer
        b       tick
`);
