import { guestSource } from './runtime.ts';

/** Sends back what the UART receives; it sleeps until there is some. Ctrl-D powers it off. */
export const ECHO = guestSource(String.raw`
        .set    UART_SPI, 32
        .set    CTRL_D, 4
start:
        bl      devices
        bl      gic_on
        mov     w0, #1
        strb    w0, [x10, #(GICD_ITARGETSR + UART_SPI)]
        str     w0, [x10, #(GICD_ISENABLER + UART_SPI / 8)]
        mov     w0, #0x50               // RXIM, RTIM
        str     w0, [x9, #UART_IMSC]
        adr     x0, text
        bl      puts
// Interrupts stay masked: WFI returns when one is pending, and it is taken by hand.
wait:
        wfi
        ldr     w21, [x11, #GICC_IAR]
        cmp     w21, #1023              // none
        b.eq    wait
next:
        ldr     w2, [x9, #UART_FR]
        tbnz    w2, #4, empty
        ldr     w1, [x9]
        cmp     w1, #CTRL_D
        b.eq    power_off
        cmp     w1, #'\r'
        b.eq    line
        cmp     w1, #'\n'
        b.eq    line
        bl      putc
        b       next
line:
        adr     x0, newline
        bl      puts
        b       next
empty:
        str     w21, [x11, #GICC_EOIR]
        b       wait

text:   .asciz  "echo: type, and it comes back; Ctrl-D powers off\r\n"
newline:
        .asciz  "\r\n"
`);
