/**
 * Benchmark: how late a vCPU goes on that waited, by the guest's own counter: in WFI for its timer, in WFI or WFE for
 * another vCPU, and, computing, for an interrupt. Median, 99th percentile and worst of 1000. Needs the built package.
 */
import { assemble } from '@dom0less/arm64-cpu';
import { Board } from '@dom0less/hypervisor';
import { setEngineFlags } from '../src/engine-flags.ts';
import { hostBoard } from '../src/host-tree.ts';
import { startThread } from '../src/pcpu-thread.ts';
import { guestSource } from '../src/small-guests/runtime.ts';

const WORKER = new URL(`file://${process.cwd()}/dist/pcpu-worker.cjs`);
const PCPUS = 2;
const SAMPLES = 1000;
/** Ticks of the counter from one sample to the next: 1 ms of 62.5 MHz. */
const PERIOD = 62_500;

/** vCPU 1: how it comes to know, and goes on at `seen`. */
interface Way {
  readonly name: string;
  /** What vCPU 0 does when it is time. */
  readonly send: string;
  readonly receive: string;
}

const SGI = 'mov w0, #1\nmovk w0, #2, lsl #16\nstr w0, [x10, #GICD_SGIR]';
const EVENT = 'str x22, [x12]\ndsb ish\nsev';
const WAYS: readonly Way[] = [
  {
    name: 'SGI to a vCPU in WFI',
    send: `str x22, [x12]\ndsb ish\n${SGI}`,
    receive: 'wfi\nldr w1, [x11, #GICC_IAR]\nstr w1, [x11, #GICC_EOIR]\nldr x1, [x12]\ncmp x1, x22\nb.lo again',
  },
  { name: 'SEV to a vCPU in WFE', send: EVENT, receive: 'wfe\nldr x1, [x12]\ncmp x1, x22\nb.lo again' },
  {
    name: 'store to what WFE watches',
    send: 'str x22, [x12]',
    receive: 'ldaxr x1, [x12]\ncmp x1, x22\nb.hs 1f\nwfe\nb again\n1:',
  },
  {
    name: 'SGI to a vCPU that computes',
    send: `str x22, [x12]\ndsb ish\n${SGI}`,
    receive: 'msr daifclr, #2\n1: cbz x25, 1b\nmsr daifset, #2\nmov x25, #0\nldr x1, [x12]\ncmp x1, x22\nb.lo again',
  },
];

/** Writes the ${SAMPLES} words at data + 64 as lines of eight hexadecimal digits, and powers off. */
const REPORT = `
report:
        add     x19, x12, #64
        mov     w20, #${SAMPLES}
1:      ldr     w21, [x19], #4
        mov     w22, #8
2:      ror     w21, w21, #28
        and     w1, w21, #15
        add     w2, w1, #'0'
        add     w3, w1, #('a' - 10)
        cmp     w1, #10
        csel    w1, w2, w3, lo
        bl      putc
        subs    w22, w22, #1
        b.ne    2b
        mov     w1, #10
        bl      putc
        subs    w20, w20, #1
        b.ne    1b
        b       power_off
        .balign 64
data:   .space  ${64 + 4 * SAMPLES}
        .balign 2048
vectors:
        .org    vectors + 0x280
        ldr     w1, [x11, #GICC_IAR]
        str     w1, [x11, #GICC_EOIR]
        mov     x25, #1
        eret
`;

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
        mov     w20, #${SAMPLES}
        add     x21, x12, #64
        mrs     x22, cntvct_el0
`;

/** WFI until the counter is at x22. */
const SLEEP = `
        msr     cntv_cval_el0, x22
        mov     x0, #1
        msr     cntv_ctl_el0, x0
5:      wfi
        ldr     w1, [x11, #GICC_IAR]
        cmp     w1, #TIMER
        b.ne    5b
        msr     cntv_ctl_el0, xzr
        str     w1, [x11, #GICC_EOIR]`;

const timer = `${START}
        ldr     x24, =${PERIOD}
1:      add     x22, x22, x24
        ${SLEEP}
        mrs     x0, cntvct_el0
        sub     x0, x0, x22
        str     w0, [x21], #4
        mrs     x22, cntvct_el0
        subs    w20, w20, #1
        b.ne    1b
        b       report
${REPORT}`;

const between = ({ send, receive }: Way): string => `${START}
        movz    w0, #0xc400, lsl #16    // CPU_ON
        movk    w0, #3
        mov     x1, #1
        adr     x2, second
        mov     x3, #0
        hvc     #0
        ldr     x24, =${PERIOD}
1:      mrs     x22, cntvct_el0
        add     x22, x22, x24
        ${SLEEP}
        mrs     x22, cntvct_el0
        ${send}
        b       1b
second:
        bl      devices
        bl      gic_on
        mov     w0, #2
        str     w0, [x10, #GICD_ISENABLER]
        adr     x12, data
        adr     x0, vectors
        msr     vbar_el1, x0
        isb
        mov     w20, #${SAMPLES}
        add     x21, x12, #64
        mov     x22, #1
        mov     x25, #0
again:  ${receive}
        mrs     x0, cntvct_el0
        sub     x0, x0, x1
        str     w0, [x21], #4
        add     x22, x1, #1
        subs    w20, w20, #1
        b.ne    again
        b       report
${REPORT}`;

/** Microseconds of each sample. */
async function measure(source: string): Promise<number[]> {
  const kernel = assemble(guestSource(source)).bytes;
  const input = hostBoard([{ name: 'wake', memoryMiB: 16, cpus: 2, bootargs: '', kernel }]);
  const { board } = Board.prepare({ ...input, pcpus: PCPUS });
  if (board === undefined) throw new Error("the board can't boot");
  let text = '';
  board.subscribe((event) => {
    if (event.type === 'console') text += Buffer.from(event.bytes).toString('latin1');
  });
  const threads = Array.from({ length: PCPUS }, (_, n) => {
    return startThread(WORKER, { init: board.pcpuInit(n) }, () => board.pump(), { execArgv: [] });
  });
  await Promise.all(threads.map(({ exited }) => exited));
  board.pump();
  const ticks = text.trim().split('\n');
  return ticks.map((digits) => (Number.parseInt(digits, 16) / PERIOD) * 1000);
}

const show = (name: string, samples: readonly number[]): void => {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number): string =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(0);
  console.log(`${name}: median ${at(0.5)} µs, 99 % ${at(0.99)} µs, worst ${at(1)} µs of ${sorted.length}`);
};

// As the command runs its threads.
setEngineFlags();
show('timer to a vCPU in WFI', await measure(timer));
for (const way of WAYS) show(way.name, await measure(between(way)));
