/**
 * A debugger of a few lines, made by the project's assembler: it traces its child by PTRACE_SINGLESTEP, and by hardware
 * break- and watchpoints (NT_ARM_HW_BREAK, NT_ARM_HW_WATCH), and prints what it sees as hexadecimal numbers.
 */
import { executable } from './executable.ts';
import type { Suite } from './suite.ts';

const SOURCE = `
        .set    SYS_write, 64
        .set    SYS_exit, 93
        .set    SYS_ptrace, 117
        .set    SYS_kill, 129
        .set    SYS_getpid, 172
        .set    SYS_clone, 220
        .set    SYS_wait4, 260
        .set    SIGCHLD, 17
        .set    SIGSTOP, 19
        .set    PTRACE_TRACEME, 0
        .set    PTRACE_CONT, 7
        .set    PTRACE_SINGLESTEP, 9
        .set    PTRACE_GETSIGINFO, 0x4202
        .set    PTRACE_GETREGSET, 0x4204
        .set    PTRACE_SETREGSET, 0x4205
        .set    NT_PRSTATUS, 1
        .set    NT_ARM_HW_BREAK, 0x402
        .set    NT_ARM_HW_WATCH, 0x403
        .set    PC, 256                 // of struct user_pt_regs

start:  mov     x0, #SIGCHLD
        mov     x1, #0
        mov     x2, #0
        mov     x3, #0
        mov     x4, #0
        mov     x8, #SYS_clone
        svc     #0
        cbz     x0, child
        mov     x20, x0
        bl      wait                    // the child's SIGSTOP

        // How many of each the kernel found.
        mov     x21, #NT_ARM_HW_BREAK
        bl      get
        ldrb    w0, [x22]
        bl      print
        mov     x21, #NT_ARM_HW_WATCH
        bl      get
        ldrb    w0, [x22]
        bl      print

        // A breakpoint at traced, met by running on.
        adr     x23, traced
        mov     x24, #0x1e5             // enabled, EL0, 4 bytes
        mov     x21, #NT_ARM_HW_BREAK
        bl      set
        bl      continue
        bl      show
        mov     x24, #0
        bl      set

        // Steps: through branches, a call and a system call. Behind that the kernel may stop twice: for its own report
        // of the call's end, and for the step. A place is printed once.
        mov     x26, #-1
1:      mov     x0, #PTRACE_SINGLESTEP
        bl      resume
        bl      place
        cmp     x0, x26
        b.eq    1b
        mov     x26, x0
        bl      print
        adr     x1, stepped
        ldr     x0, [x22, #PC]
        cmp     x0, x1
        b.ne    1b

        // Stores to watched, then loads of it.
        adr     x23, watched
        mov     x21, #NT_ARM_HW_WATCH
        mov     x24, #0x1ff5            // enabled, EL0, store, 8 bytes
        bl      set
        bl      continue
        bl      show
        mov     x24, #0x1fed            // load
        bl      set
        bl      continue
        bl      show
        mov     x24, #0
        bl      set

        bl      continue                // to its end
        mov     x0, x19                 // the status of its exit
        bl      print
        mov     x0, #0
        mov     x8, #SYS_exit
        svc     #0

// Lets the child go on as x0 says, and waits for it; x19 is its status.
continue:
        mov     x0, #PTRACE_CONT
resume: mov     x1, x20
        mov     x2, #0
        mov     x3, #0
        mov     x8, #SYS_ptrace
        svc     #0
wait:   mov     x0, x20
        adr     x1, status
        mov     x2, #0
        mov     x3, #0
        mov     x8, #SYS_wait4
        svc     #0
        ldr     w19, status
        ret

// Prints the status, si_code, and the place of the child; x22 is its registers'.
show:   mov     x28, x30
        mov     x0, x19
        bl      print
        mov     x0, #PTRACE_GETSIGINFO
        mov     x1, x20
        mov     x2, #0
        adr     x3, buffer
        mov     x8, #SYS_ptrace
        svc     #0
        ldr     w0, [x3, #8]
        bl      print
        ldr     x0, [x3, #16]           // si_addr
        adr     x1, watched
        sub     x0, x0, x1
        bl      print
        bl      place
        bl      print
        ret     x28

// x0: how far behind traced the child is.
place:  mov     x27, x30
        mov     x25, x21
        mov     x21, #NT_PRSTATUS
        bl      get
        mov     x21, x25
        ldr     x0, [x22, #PC]
        adr     x1, traced
        sub     x0, x0, x1
        ret     x27

// Reads register set x21 to x22.
get:    adr     x22, buffer
        mov     x0, #272
        adr     x3, vector
        stp     x22, x0, [x3]
        mov     x0, #PTRACE_GETREGSET
        b       regset
// The first debug register of set x21: address x23, control x24.
set:    adr     x22, buffer
        stp     xzr, x23, [x22]
        str     x24, [x22, #16]
        mov     x0, #24
        adr     x3, vector
        stp     x22, x0, [x3]
        mov     x0, #PTRACE_SETREGSET
regset: mov     x1, x20
        mov     x2, x21
        mov     x8, #SYS_ptrace
        svc     #0
        ret

// x0 in hexadecimal, and a blank.
print:  adr     x1, text
        mov     x2, #16
        mov     w4, #32
        strb    w4, [x1, x2]
1:      sub     x2, x2, #1
        and     w4, w0, #15
        cmp     w4, #10
        add     w5, w4, #48
        add     w4, w4, #87
        csel    w4, w5, w4, lo
        strb    w4, [x1, x2]
        lsr     x0, x0, #4
        cbnz    x0, 1b
        add     x1, x1, x2
        mov     x0, #17
        sub     x2, x0, x2
        mov     x0, #1
        mov     x8, #SYS_write
        svc     #0
        adr     x3, buffer
        ret

child:  mov     x0, #PTRACE_TRACEME
        mov     x1, #0
        mov     x8, #SYS_ptrace
        svc     #0
        mov     x8, #SYS_getpid
        svc     #0
        mov     x1, #SIGSTOP
        mov     x8, #SYS_kill
        svc     #0
        mov     x0, #1
        adr     x9, watched
traced: mov     x10, #2
        cbz     x10, 2f
        cbnz    x10, 1f
        nop
1:      bl      routine
        mov     x8, #SYS_getpid
        svc     #0
        ldr     q0, [x9]
        ldxr    x11, [x9]
2:      nop
stepped:
        mov     x12, #3
1:      ldr     x11, [x9]
        sub     x12, x12, #1
        cbnz    x12, 1b
        mov     x11, #42
stores: str     w11, [x9, #4]
        nop
loads:  ldp     x13, x14, [x9, #-8]
        lsr     x0, x14, #32
        mov     x8, #SYS_exit
        svc     #0
routine:
        add     x10, x10, #1
        ret

        .balign 16
        .quad   0
watched:
        .quad   0
vector: .quad   0, 0
status: .quad   0
text:   .quad   0, 0, 0
buffer: .skip   272
`;

const STOPPED_BY_SIGTRAP = 0x57f;
const TRAP_HWBKPT = 4;

/** Single steps, a breakpoint and watchpoints, all of the kernel's ptrace. */
export function ptrace(): Suite {
  const { file, addressOf } = executable(SOURCE);
  const place = (name: string): number => addressOf(name) - addressOf('traced');
  const toWatched = addressOf('traced') - addressOf('watched');
  const step = (n: number): number => 4 * n;
  const routine = place('routine');
  const seen = [
    6,
    4,
    // The breakpoint: si_addr is the instruction's.
    ...[STOPPED_BY_SIGTRAP, TRAP_HWBKPT, toWatched, 0],
    ...[step(1), step(2), step(4), routine, routine + 4, ...[5, 6, 7, 8, 9, 10].map(step)],
    ...[STOPPED_BY_SIGTRAP, TRAP_HWBKPT, 4, place('stores')],
    ...[STOPPED_BY_SIGTRAP, TRAP_HWBKPT, 0, place('loads')],
    42 << 8,
  ];
  const text = seen.map((n) => BigInt.asUintN(64, BigInt(n)).toString(16)).join(' ');
  return {
    files: { ptrace: file },
    script: 'cp ptrace /tmp/ptrace; chmod 755 /tmp/ptrace\nvalue ptrace /tmp/ptrace',
    expected: new Map([['ptrace', text]]),
  };
}
