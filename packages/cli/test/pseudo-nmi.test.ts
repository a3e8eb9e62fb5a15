/**
 * Interrupts as Linux has them with pseudo-NMIs (CONFIG_ARM64_PSEUDO_NMI, which none of Debian's kernels sets): "off" is a
 * priority mask of the GICv3 and not PSTATE.I, and interrupts of a higher priority come all the same. The guest takes the
 * steps of drivers/irqchip/irq-gic-v3.c and arch/arm64/kernel/entry-common.c, register by register.
 */
import { assemble } from '@dom0less/arm64-cpu';
import { expect, it } from 'vitest';
import { guestSource } from '../src/small-guests/runtime.ts';
import { Folder, hostTree } from './boards.ts';
import { Command } from './command.ts';

const ROUNDS = 300;
const KERNEL = 0x4800_0000;
const TIMEOUT_S = 600;
const folder = new Folder();

/** Waits for the next NMI: the count at data + NMIS. Changes w0, w1, x2. */
const AWAIT_NMI = (label: string): string => `
        add     x2, x12, #NMIS
${label}:
        ldaxr   w1, [x2]
        cmp     w1, w0
        b.ne    9${label}f
        wfe
        b       ${label}b
9${label}:`;

/** Asks vCPU 1 for interrupts: 1 and 2 for the IRQ, then the NMI; 3 for the NMI alone. Count of NMIs before in w0. */
const ASK = (kind: number): string => `
        ldr     w0, [x12, #NMIS]
        ldr     w1, [x12, #ASKED]
        lsr     w1, w1, #2
        add     w1, w1, #1
        lsl     w1, w1, #2
        orr     w1, w1, #${kind}
        add     x2, x12, #ASKED
        stlr    w1, [x2]`;

const GUEST = assemble(
  guestSource(`
        .set    GICR_SGI, 0x10000
        .set    GICR_IGROUPR0, 0x80
        .set    GICR_ISENABLER0, 0x100
        .set    GICR_IPRIORITYR0, 0x400
        .set    IRQ, 1                  // SGIs: of default priority, and of an NMI's
        .set    NMI, 2
        .set    DEFAULT_PRIORITY, 0xa0
        .set    NMI_PRIORITY, 0x20
        .set    IRQS_ON, 0xe0           // GIC_PRIO_IRQON, GIC_PRIO_IRQOFF, GIC_PRIO_IRQON | GIC_PRIO_PSR_I_SET
        .set    IRQS_OFF, 0x60
        .set    PSR_I_SET, 0xf0
        .set    ASKED, 0                // words of data: what vCPU 1 is asked for, and counts
        .set    NMIS, 4
        .set    IRQS, 8
        .set    CRITICAL, 12            // interrupts are off
        .set    NEST, 16                // the next IRQ's handler waits for an NMI
start:
        bl      devices
        adr     x12, data
        adr     x0, stack
        mov     sp, x0
        adr     x0, vectors
        msr     vbar_el1, x0
        isb
        mov     w0, #0x12               // GICD_CTLR: ARE_NS, EnableGrp1A
        str     w0, [x10]
        movz    x13, #0x0303, lsl #16   // SGI frame of vCPU 0's redistributor
        mov     w0, #-1
        str     w0, [x13, #GICR_IGROUPR0]
        movz    w0, #0xa0a0
        movk    w0, #0xa020, lsl #16
        str     w0, [x13, #GICR_IPRIORITYR0]
        mov     w0, #6
        str     w0, [x13, #GICR_ISENABLER0]
        // gic_cpu_sys_reg_init: are all priorities ours, no binary point, one step to end, nothing active.
        mrs     x0, icc_sre_el1
        tbz     x0, #0, bad
        mov     x0, #8
        msr     icc_pmr_el1, x0
        mrs     x0, icc_pmr_el1
        cbz     x0, bad
        msr     icc_bpr1_el1, xzr
        msr     icc_ctlr_el1, xzr
        msr     icc_ap1r0_el1, xzr
        isb
        mov     x0, #1
        msr     icc_igrpen1_el1, x0
        isb
        mov     x0, #IRQS_ON
        msr     icc_pmr_el1, x0
        dsb     sy
        msr     daifclr, #3
        movz    w0, #0xc400, lsl #16    // CPU_ON
        movk    w0, #3
        mov     x1, #1
        adr     x2, second
        mov     x3, #0
        hvc     #0
        mov     w20, #${ROUNDS}
round:
        // local_irq_disable: the IRQ has to wait, the NMI comes.
        mov     x0, #IRQS_OFF
        msr     icc_pmr_el1, x0
        mov     w0, #1
        str     w0, [x12, #CRITICAL]
        str     w0, [x12, #NEST]
        ldr     w21, [x12, #IRQS]
        ${ASK(1)}
        ${AWAIT_NMI('13')}
        ldr     w0, [x12, #IRQS]
        cmp     w0, w21
        b.ne    bad
        str     wzr, [x12, #CRITICAL]
        // local_irq_enable: the IRQ comes now, an NMI inside it, and the IRQ that was sent meanwhile behind it.
        mov     x0, #IRQS_ON
        msr     icc_pmr_el1, x0
        dsb     sy
        add     w21, w21, #2
4:      ldr     w0, [x12, #IRQS]
        cmp     w0, w21
        b.ne    4b
        // cpu_do_idle: all are let through and PSTATE.I is set, so that they wake, and come behind that.
        msr     daifset, #3
        mov     x0, #PSR_I_SET
        msr     icc_pmr_el1, x0
        dsb     sy
        ${ASK(3)}
        mov     w22, w0
5:      wfi
        mrs     x0, isr_el1
        tbz     x0, #7, 5b
        ldr     w0, [x12, #NMIS]
        cmp     w0, w22
        b.ne    bad
        mov     x0, #IRQS_ON
        msr     icc_pmr_el1, x0
        msr     daifclr, #3
        mov     w0, w22
        ${AWAIT_NMI('16')}
        subs    w20, w20, #1
        b.ne    round
        ldr     w0, [x12, #NMIS]
        mov     w1, #${3 * ROUNDS}
        cmp     w0, w1
        b.ne    bad
        mrs     x0, icc_rpr_el1
        cmp     x0, #0xff
        b.ne    bad
        adr     x0, right
        b       7f
bad:
        adr     x0, wrong
7:      bl      puts
        b       power_off

// vCPU 1 sends what it is asked for.
second:
        adr     x12, data
        mov     w27, #0
1:      ldaxr   w0, [x12]
        cmp     w0, w27
        b.ne    2f
        wfe
        b       1b
2:      mov     w27, w0
        and     w0, w0, #3
        cmp     w0, #3
        b.eq    3f
        mov     x1, #1                  // target list: vCPU 0
        movk    x1, #(IRQ << 8), lsl #16
        msr     icc_sgi1r_el1, x1
        isb
3:      mov     x1, #1
        movk    x1, #(NMI << 8), lsl #16
        msr     icc_sgi1r_el1, x1
        isb
        b       1b

// kernel_entry keeps the mask, kernel_exit gives it back.
interrupt:
        sub     sp, sp, #64
        stp     x0, x1, [sp]
        stp     x2, x30, [sp, #16]
        mrs     x0, elr_el1
        mrs     x1, spsr_el1
        stp     x0, x1, [sp, #32]
        mrs     x1, icc_pmr_el1
        str     x1, [sp, #48]
        cmp     x1, #IRQS_OFF
        b.hi    1f
        // __gic_handle_irq_from_irqsoff: nothing but an NMI can be acknowledged.
        mov     x0, #IRQS_OFF
        msr     icc_pmr_el1, x0
        isb
        mrs     x0, icc_iar1_el1
        msr     icc_pmr_el1, x1
        mrs     x1, icc_rpr_el1
        cmp     x1, #NMI_PRIORITY
        b.ne    bad
        b       2f
        // __gic_handle_irq_from_irqson
1:      mrs     x0, icc_iar1_el1
        mrs     x1, icc_rpr_el1
        cmp     x1, #NMI_PRIORITY
        b.ne    3f
2:      cmp     x0, #NMI
        b.ne    bad
        msr     icc_eoir1_el1, x0
        isb
        ldr     w0, [x12, #NMIS]
        add     w0, w0, #1
        str     w0, [x12, #NMIS]
        b       5f
3:      cmp     x1, #DEFAULT_PRIORITY
        b.ne    bad
        cmp     x0, #IRQ
        b.ne    bad
        mov     x1, #IRQS_OFF           // gic_pmr_mask_irqs, gic_arch_enable_irqs: NMIs may come
        msr     icc_pmr_el1, x1
        msr     daifclr, #3
        ldr     w1, [x12, #CRITICAL]
        cbnz    w1, bad
        ldr     w1, [x12, #NEST]
        cbz     w1, 4f
        str     wzr, [x12, #NEST]
        ${ASK(2)}
        ${AWAIT_NMI('18')}
4:      ldr     w0, [x12, #IRQS]
        add     w0, w0, #1
        str     w0, [x12, #IRQS]
        msr     daifset, #3
        mov     x0, #IRQ
        msr     icc_eoir1_el1, x0
        isb
5:      ldr     x0, [sp, #48]
        msr     icc_pmr_el1, x0
        dsb     sy
        ldp     x0, x1, [sp, #32]
        msr     elr_el1, x0
        msr     spsr_el1, x1
        ldp     x2, x30, [sp, #16]
        ldp     x0, x1, [sp]
        add     sp, sp, #64
        eret

right:  .asciz  "pseudo-nmi: as it should be\\r\\n"
wrong:  .asciz  "pseudo-nmi: WRONG\\r\\n"
        .balign 64
data:   .space  64
        .space  1024
stack:
        .balign 2048
vectors:
        .org    vectors + 0x280         // IRQ from the current level with its own stack pointer
        b       interrupt
`),
).bytes;

it.each([1, 2])(
  'on %i pCPUs: NMIs come while interrupts are off and inside their handlers, and wake; interrupts wait for the mask',
  async (pcpus) => {
    const tree = hostTree([{ name: 'nmi', kernel: KERNEL }]);
    const board = folder.put('nmi.dts', tree.replace('cpus = <1>;', 'cpus = <2>; dom0less,gic-version = "v3";'));
    const load = `0x${KERNEL.toString(16)}=${folder.put('nmi', GUEST)}`;
    const command = new Command([
      ...['run', board, '--load', load, '--pcpus', String(pcpus), '--timeout', String(TIMEOUT_S)],
    ]);
    expect(await command.exited).toBe(0);
    expect(command.stdout).toContain('pseudo-nmi: as it should be');
  },
  TIMEOUT_S * 1000,
);
