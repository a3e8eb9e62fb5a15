/**
 * The state of one vCPU as flat bytes in the board's shared memory. Offsets are from the vCPU's base, which is
 * 64-byte aligned. Everything the engine knows of a vCPU is here, so that any pCPU may run it and a copy of the
 * bytes is a snapshot of it.
 */

/** Field of the state block: byte offset and width. */
interface Slot {
  readonly name: string;
  readonly bytes: 4 | 8;
}

const u64 = (...names: string[]): Slot[] => names.map((name) => ({ name, bytes: 8 }));
const u32 = (...names: string[]): Slot[] => names.map((name) => ({ name, bytes: 4 }));

/** X0 … X30; `X_OFFSET + 8 * n`. */
export const X_OFFSET = 0;
/** Reads as zero wherever register 31 means XZR. */
export const ZR_OFFSET = 0xf8;
/** The stack pointer that PSTATE.SPSel and the exception level select. */
export const SP_OFFSET = 0x100;
/** Takes what is written to XZR. */
export const SINK_OFFSET = 0x108;
/** V0 … V31; `V_OFFSET + 16 * n`. */
export const V_OFFSET = 0x200;

/** In `features`: the system-register interface of a GICv3 (ID_AA64PFR0_EL1.GIC = 1). */
export const FEATURE_GIC = 1;

const CONTROL_OFFSET = 0x110;
/** Run-time words beside the general registers. NZCV is kept lazily: see docs of `flagN`. */
const CONTROL: readonly Slot[] = [
  // PSTATE.N is the sign of flagN, PSTATE.Z is flagZ == 0: an instruction that sets flags stores its result in both.
  ...u64('flagN', 'flagZ'),
  ...u32('flagC', 'flagV'),
  // While the engine runs, the PC is a record's address; this one is true between runs and at exceptions.
  ...u64('pc'),
  // PSTATE.D, A, I, F at bits 9:6 (their places in SPSR_EL1); EL 0 or 1; SPSel; IL and SS at their SPSR_EL1 places.
  ...u32('daif', 'el', 'spsel', 'pstateIL', 'pstateSS'),
  // Exception that the instruction under way raised: 1 if one is pending; its ESR_EL1 and FAR_EL1.
  ...u32('faultKind', 'faultReturnsNext'),
  ...u64('faultEsr', 'faultFar'),
  // Virtual address of the page that is executed, and the address of its first record.
  ...u64('pageVa'),
  ...u32('pageRecords', 'pcpu'),
  // Bases of the translation tables in use: read and write for the current EL, and for EL0 (unprivileged access).
  ...u32('tlbRead', 'tlbWrite', 'tlbReadEl0', 'tlbWriteEl0', 'tlbCode', 'tlbSlot'),
  // Virtual interrupt lines: bit 0 IRQ, bit 1 FIQ, bit 2 SError. Written by the virtual GIC.
  ...u32('interruptLines'),
  // Event register of WFE. Another vCPU's SEV sets it.
  ...u32('eventRegister'),
  // exitRequest: set by the host to make the engine return at the next check; what it means is the host's.
  // engineRequest: set by any thread to make the engine look at interrupts and at what other pCPUs ask for, and go on.
  // The two are 8-byte aligned: one load polls both.
  ...u32('exitRequest', 'engineRequest'),
  // What this vCPU has that another may lack: FEATURE_* bits.
  ...u32('features'),
  // Exclusive monitor: host address (-1: open), size in bytes, and the value that was loaded.
  ...u32('exclusiveAddress', 'exclusiveBytes'),
  ...u64('exclusiveLow', 'exclusiveHigh'),
  // What the debug registers have on, and what of it counts at this moment: see core/debug.ts. Where `debugActive` is
  // not zero only the interpreter may run.
  ...u32('debugOn', 'debugActive', 'stepState'),
  // Lock of the guarded page that the atomic under way holds, or 0.
  ...u32('pageLock'),
  // 1: maintenance was broadcast since the last DSB; the head of the log behind it.
  ...u32('maintenanceDue', 'maintenanceHead'),
  // Instruction cache maintenance that no pCPU was told of: host page number, and a bit for each of its 64-byte lines.
  ...u32('icPage'),
  ...u64('icLines'),
  // 1: the domain has no other vCPU, so that pairs of 16 bytes need no lock.
  ...u32('soleVcpu'),
  // What regions leave flags in (see core/flags.ts), and calls of regions by regions that are under way. Both are 0 where the
  // interpreter or the host is at work between regions.
  ...u32('flagKind', 'regionCalls'),
  ...u64('flagA', 'flagB'),
];

/** Breakpoints, those of them that can compare CONTEXTIDR_EL1 (the last ones), and watchpoints: a Cortex-A57's. */
export const BREAKPOINTS = 6;
export const CONTEXT_BREAKPOINTS = 2;
export const WATCHPOINTS = 4;
/** OSLSR_EL1 of a vCPU that was not on before: the OS Lock is there (OSLM), and set. */
export const OSLSR_RESET = 0xan;
/** Value and control registers of breakpoints (DBGB) or watchpoints (DBGW). */
const debugPairs = (kind: 'DBGB' | 'DBGW', count: number): string[] =>
  Array.from({ length: count }, (_, n) => [`${kind}VR${n}_EL1`, `${kind}CR${n}_EL1`]).flat();

const SYSTEM_OFFSET = 0x400;
/** System registers that are plain storage (Arm ARM names). */
const SYSTEM: readonly Slot[] = u64(
  'SP_EL0',
  'SP_EL1',
  'ELR_EL1',
  'SPSR_EL1',
  'ESR_EL1',
  'FAR_EL1',
  'AFSR0_EL1',
  'AFSR1_EL1',
  'VBAR_EL1',
  'SCTLR_EL1',
  'ACTLR_EL1',
  'CPACR_EL1',
  'TTBR0_EL1',
  'TTBR1_EL1',
  'TCR_EL1',
  'MAIR_EL1',
  'AMAIR_EL1',
  'CONTEXTIDR_EL1',
  'PAR_EL1',
  'TPIDR_EL0',
  'TPIDRRO_EL0',
  'TPIDR_EL1',
  'SCXTNUM_EL0',
  'SCXTNUM_EL1',
  'CSSELR_EL1',
  'CNTKCTL_EL1',
  'CNTV_CTL_EL0',
  'CNTV_CVAL_EL0',
  'CNTP_CTL_EL0',
  'CNTP_CVAL_EL0',
  'MDSCR_EL1',
  'MDCCINT_EL1',
  'OSDTRRX_EL1',
  'OSDTRTX_EL1',
  'OSECCR_EL1',
  'OSLSR_EL1',
  'OSDLR_EL1',
  'DBGPRCR_EL1',
  'DBGCLAIMCLR_EL1',
  ...debugPairs('DBGB', BREAKPOINTS),
  ...debugPairs('DBGW', WATCHPOINTS),
  'FPCR',
  'FPSR',
  'MPIDR_EL1',
  // Stage 2: VTTBR_EL2 and VTCR_EL2 of the domain; counter value at which the domain was created.
  'VTTBR_EL2',
  'VTCR_EL2',
  'CNTVOFF_EL2',
  'CNTFRQ_EL0',
);
/** Words of the floating-point fast path, the walker and the host calls. */
const WORK: readonly Slot[] = [
  // 1 where native arithmetic is exact: FPCR has its reset value and FPSR.IXC is set already.
  ...u32('fpFast', 'walkFault'),
  ...u64('walkPa', 'walkAttributes', 'walkIpa', 'instructions'),
  // Landing place of loads that cross a page or read a device: 32 bytes.
  ...u64('scratch0', 'scratch1', 'scratch2', 'scratch3'),
  // The slot of the TLB for EL1; `tlbSlot` is that for EL0.
  ...u32('tlbSlotEl1'),
];

function layOut(at: number, slots: readonly Slot[], into: Record<string, number>): number {
  let offset = at;
  for (const { name, bytes } of slots) {
    offset = Math.ceil(offset / bytes) * bytes;
    into[name] = offset;
    offset += bytes;
  }
  return offset;
}

const offsets: Record<string, number> = { sp: SP_OFFSET };
for (let n = 0; n <= 30; n++) offsets[`x${n}`] = X_OFFSET + 8 * n;
if (layOut(CONTROL_OFFSET, CONTROL, offsets) > V_OFFSET) throw new Error('the control words reach into V0');
if (offsets.exitRequest! % 8 !== 0) throw new Error('the two requests of a vCPU are not one word of 8 bytes');
const systemEnd = layOut(SYSTEM_OFFSET, SYSTEM, offsets);
const end = layOut(systemEnd, WORK, offsets);

/** Byte offset of the field `name` from the vCPU's base. Throws on a name that the layout does not have. */
export function stateOffset(name: string): number {
  const offset = offsets[name];
  if (offset === undefined) throw new Error(`the vCPU state has no field ${name}`);
  return offset;
}

/** Every named field of the state block and its byte offset. */
export const VCPU_FIELDS: Readonly<Record<string, number>> = offsets;

/** Bytes of one vCPU's state. */
export const VCPU_BYTES = Math.ceil(end / 64) * 64;
