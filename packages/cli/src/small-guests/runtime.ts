/**
 * What every small guest begins with: the header of an arm64 Image (Linux, Documentation/arch/arm64/booting.rst), the
 * addresses of a domU's devices (xen/include/public/arch-arm.h), and two routines. Guests run as they are started: at
 * EL1, MMU off, everything in the boot vCPU's hands.
 */
const PRELUDE = String.raw`
        .set    UART_FR, 0x18           // flags: bit 4 RXFE, bit 5 TXFF
        .set    UART_IMSC, 0x38
        .set    GICD_ISENABLER, 0x100
        .set    GICD_ITARGETSR, 0x800
        .set    GICC_PMR, 0x04
        .set    GICC_IAR, 0x0c
        .set    GICC_EOIR, 0x10

        b       start
        .word   0
        .quad   0                       // text_offset
        .quad   image_end               // image_size
        .quad   0xa                     // flags: little-endian, 4 KiB pages, anywhere in RAM
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .word   0

// Addresses of the devices: x9 UART, x10 GICD, x11 GICC.
devices:
        movz    x9, #0x2200, lsl #16
        movz    x10, #0x0300, lsl #16
        movk    x10, #0x1000
        movz    x11, #0x0300, lsl #16
        movk    x11, #0x2000
        ret

// Turns the interrupt controller on, for interrupts of any priority. Needs devices; changes w0.
gic_on:
        mov     w0, #0xff
        str     w0, [x11, #GICC_PMR]
        mov     w0, #1
        str     w0, [x10]               // GICD_CTLR
        str     w0, [x11]               // GICC_CTLR
        ret

// Writes the character in w1. Needs devices; changes w2.
putc:
        ldr     w2, [x9, #UART_FR]
        tbnz    w2, #5, putc
        str     w1, [x9]
        ret

// Writes the string at x0 that ends with 0. Needs devices; changes x0, w1, w2, x3.
puts:
        mov     x3, x30
1:      ldrb    w1, [x0], #1
        cbz     w1, 2f
        bl      putc
        b       1b
2:      ret     x3

// PSCI SYSTEM_OFF.
power_off:
        movz    w0, #0x8400, lsl #16
        movk    w0, #0x0008
        hvc     #0
        b       power_off
`;

const END = `
        .balign 16
image_end:
`;

/** Source of a guest whose code begins at the label `start`. */
export const guestSource = (body: string): string => `${PRELUDE}\n${body}\n${END}`;
