/** The program that runs cases under the reference: a static AArch64 Linux executable, assembled here. */
import { assemble } from '../src/asm/assemble.ts';
import {
  AREA,
  BRK,
  CAUSE,
  CODE,
  CODE_BYTES,
  DATA,
  DATA_BYTES,
  FAULT_ADDRESS,
  FPSR,
  MAX_WORDS,
  NZCV,
  PC,
  RECORD_BYTES,
  TPIDR_EL0,
  V,
  WORDS,
  X,
} from './record.ts';

const LOAD = 0x40_0000;
const ENTRY_OFFSET = 0x1000;
const STACK_BYTES = 0x20000;

/** Offsets in the ucontext of an AArch64 signal frame (Linux, asm/sigcontext.h and asm/ucontext.h). */
const UC = { faultAddress: 176, regs: 184, pc: 440, pstate: 448, fpsimdMagic: 464, fpsr: 472, vregs: 480 };
const FPSIMD_MAGIC = 0x46508001;

const SYS = { exit: 93, sigaltstack: 132, rtSigaction: 134, rtSigreturn: 139, mmap: 222, read: 63, write: 64 };
const SIGNALS = [4, 5, 7, 8, 11];
/** SA_SIGINFO | SA_ONSTACK. */
const SA_FLAGS = 0x0800_0004;
const SIGTRAP = 5;

/** Copies `bytes` (a multiple of 16) from [x10] to [x11]. */
const copy = (label: string, bytes: number): string => `
    mov   x12, #${bytes}
${label}:
    ldp   x13, x14, [x10], #16
    stp   x13, x14, [x11], #16
    subs  x12, x12, #16
    b.ne  ${label}`;

const map = (address: number, bytes: number): string => `
    ldr   x0, =${address}
    mov   x1, #${bytes}
    mov   x2, #7
    mov   x3, #0x32
    mov   x4, #-1
    mov   x5, #0
    mov   x8, #${SYS.mmap}
    svc   #0
    ldr   x1, =${address}
    cmp   x0, x1
    b.ne  fail`;

const fill = (label: string, bytes: number): string => `
    ldr   w12, =${BRK}
    mov   x13, #${bytes}
${label}:
    str   w12, [x11], #4
    subs  x13, x13, #4
    b.ne  ${label}`;

/**
 * The start maps data and code and raises SIGTRAP. From then on everything happens in the signal handler, which has all
 * registers of what was interrupted in its frame: it writes them out as the result of the case, reads the next case into
 * the frame and returns to it. A case ends at a BRK.
 */
const SOURCE = `
start:
    adr   x0, stack_t
    mov   x1, #0
    mov   x8, #${SYS.sigaltstack}
    svc   #0
${SIGNALS.map(
  (signal) => `
    mov   x0, #${signal}
    adr   x1, action
    mov   x2, #0
    mov   x3, #8
    mov   x8, #${SYS.rtSigaction}
    svc   #0`,
).join('')}
${map(DATA, DATA_BYTES)}
${map(CODE, CODE_BYTES)}
    ldr   x11, =${CODE}
${fill('fill_code', CODE_BYTES)}
    brk   #0
fail:
    mov   x0, #3
    b     exit

handler:
    mov   x19, x2
    mov   x20, x0
    adrp  x21, record
    adrp  x22, started
    ldr   x0, [x22]
    cbz   x0, next
    // The result: registers from the frame, the data area, and the cause.
    ldr   w0, [x19, #${UC.fpsimdMagic}]
    ldr   w1, =${FPSIMD_MAGIC}
    cmp   w0, w1
    b.ne  fail
    add   x10, x19, #${UC.regs}
    add   x11, x21, #${X}
${copy('save_x', 256)}
    add   x10, x19, #${UC.vregs}
    add   x11, x21, #${V}
${copy('save_v', 512)}
    ldr   x0, [x19, #${UC.fpsr}]
    str   x0, [x21, #${FPSR}]
    ldr   x0, [x19, #${UC.pstate}]
    and   x0, x0, #0xf0000000
    str   x0, [x21, #${NZCV}]
    ldr   x23, [x21, #${PC}]
    ldr   x0, [x19, #${UC.pc}]
    str   x0, [x21, #${PC}]
    mrs   x0, tpidr_el0
    str   x0, [x21, #${TPIDR_EL0}]
    cmp   x20, #${SIGTRAP}
    csel  x20, xzr, x20, eq
    ldr   x0, [x19, #${UC.faultAddress}]
    csel  x0, xzr, x0, eq
    str   x20, [x21, #${CAUSE}]
    str   x0, [x21, #${FAULT_ADDRESS}]
    ldr   x10, =${DATA}
    add   x11, x21, #${AREA}
${copy('save_data', DATA_BYTES)}
    mov   x0, #1
    mov   x1, x21
    mov   x2, #${RECORD_BYTES}
    mov   x8, #${SYS.write}
    svc   #0
    cmp   x0, x2
    b.ne  fail
    mov   x11, x23
${fill('clear_code', 4 * MAX_WORDS)}
next:
    mov   x0, #1
    str   x0, [x22]
    mov   x0, #0
    mov   x1, x21
    mov   x2, #${RECORD_BYTES}
    mov   x8, #${SYS.read}
    svc   #0
    cbz   x0, exit
    cmp   x0, x2
    b.ne  fail
    // The next case: data, code, and registers into the frame.
    add   x10, x21, #${AREA}
    ldr   x11, =${DATA}
${copy('load_data', DATA_BYTES)}
    ldr   x23, [x21, #${PC}]
    add   x10, x21, #${WORDS}
    mov   x11, x23
${copy('load_code', 4 * MAX_WORDS)}
    mov   x11, x23
    mov   x12, #${4 * MAX_WORDS + 64}
clean:
    dc    cvau, x11
    dsb   ish
    ic    ivau, x11
    add   x11, x11, #16
    subs  x12, x12, #16
    b.ne  clean
    dsb   ish
    isb
    add   x10, x21, #${X}
    add   x11, x19, #${UC.regs}
${copy('load_x', 256)}
    add   x10, x21, #${V}
    add   x11, x19, #${UC.vregs}
${copy('load_v', 512)}
    ldr   x0, [x21, #${FPSR}]
    str   x0, [x19, #${UC.fpsr}]
    ldr   x0, [x21, #${NZCV}]
    str   x0, [x19, #${UC.pstate}]
    str   x23, [x19, #${UC.pc}]
    ldr   x0, [x21, #${TPIDR_EL0}]
    msr   tpidr_el0, x0
    mov   x8, #${SYS.rtSigreturn}
    svc   #0
exit:
    mov   x8, #${SYS.exit}
    svc   #0

    .balign 8
stack_t:
    .quad stack, 0, ${STACK_BYTES}
action:
    .quad handler, ${SA_FLAGS}, 0, 0
    .ltorg
    .balign 4096
started:
    .quad 0
    .balign 4096
record:
    .space ${RECORD_BYTES}
    .balign 4096
stack:
    .space ${STACK_BYTES}
`;

/** An ELF file with one segment that may be read, written and executed. */
function elf(image: Uint8Array, entry: bigint): Uint8Array {
  const file = new Uint8Array(ENTRY_OFFSET + image.length);
  const view = new DataView(file.buffer);
  // Identification: magic, 64 bits, little-endian, version 1.
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 183, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, entry, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  // The program header: PT_LOAD, RWX.
  view.setUint32(64, 1, true);
  view.setUint32(68, 7, true);
  view.setBigUint64(72, BigInt(ENTRY_OFFSET), true);
  view.setBigUint64(80, BigInt(LOAD + ENTRY_OFFSET), true);
  view.setBigUint64(88, BigInt(LOAD + ENTRY_OFFSET), true);
  view.setBigUint64(96, BigInt(image.length), true);
  view.setBigUint64(104, BigInt(image.length), true);
  view.setBigUint64(112, 4096n, true);
  file.set(image, ENTRY_OFFSET);
  return file;
}

/** The executable: reads records from standard input until it ends and writes each result to standard output. */
export function harness(): Uint8Array {
  const { bytes, symbols } = assemble(SOURCE, { origin: BigInt(LOAD + ENTRY_OFFSET) });
  return elf(bytes, symbols.get('start')!);
}
