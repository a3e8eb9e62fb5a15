import { guestSource } from './runtime.ts';

/** Says that it is there, and powers off. */
export const BANNER = guestSource(String.raw`
start:
        bl      devices
        adr     x0, text
        bl      puts
        b       power_off

text:   .asciz  "banner: a guest that says hello and powers off\r\n"
`);
