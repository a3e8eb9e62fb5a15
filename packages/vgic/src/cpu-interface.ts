import { HPPI, MIN_BPR, MIN_BPR1, PMR, PRIORITY_MASK } from './gic-core.ts';
import { ABPR, APR0, BPR, CTLR, type GicCoreV2 } from './gic-core-v2.ts';
import { SPURIOUS } from './layout.ts';

/** GICC_CTLR bits that exist with one interrupt group: Enable and EOImode. */
const CTLR_MASK = 0x201;
const EOI_MODE = 0x200;

/** GICC_IIDR of a GIC-400: GICv2, revision 0, implementer Arm. */
const IIDR = 0x0202143b;

const get = (gic: GicCoreV2, vcpu: number, field: number): number => gic.words[gic.vcpu(vcpu) + field]!;

function set(gic: GicCoreV2, vcpu: number, field: number, value: number): void {
  gic.words[gic.vcpu(vcpu) + field] = value;
  gic.signal(vcpu);
}

const GICC_CTLR = 0x00;
const GICC_PMR = 0x04;
const GICC_BPR = 0x08;
const GICC_IAR = 0x0c;
const GICC_EOIR = 0x10;
const GICC_RPR = 0x14;
const GICC_HPPIR = 0x18;
const GICC_ABPR = 0x1c;
const GICC_AIAR = 0x20;
const GICC_AHPPIR = 0x28;
const GICC_APR0 = 0xd0;
const GICC_IIDR = 0xfc;
const GICC_DIR = 0x1000;

/**
 * IHI 0048B, GICC_*. A switch and not a table: a guest comes here twice per interrupt.
 * What is not here is reserved, or of interrupt group 1: it reads as zero and ignores writes.
 */
export function readCpuInterface(gic: GicCoreV2, offset: number, vcpu: number): number {
  switch (offset) {
    case GICC_IAR:
      return gic.acknowledge(vcpu);
    case GICC_CTLR:
      return get(gic, vcpu, CTLR);
    case GICC_PMR:
      return get(gic, vcpu, PMR);
    case GICC_BPR:
      return get(gic, vcpu, BPR);
    case GICC_RPR:
      return gic.runningPriority(vcpu);
    case GICC_HPPIR:
      return gic.enabled ? get(gic, vcpu, HPPI) : SPURIOUS;
    case GICC_ABPR:
      return get(gic, vcpu, ABPR);
    case GICC_AIAR:
    case GICC_AHPPIR:
      return SPURIOUS;
    case GICC_APR0:
      return get(gic, vcpu, APR0);
    case GICC_IIDR:
      return IIDR;
    default:
      return 0;
  }
}

/** As `readCpuInterface`, for writes. */
export function writeCpuInterface(gic: GicCoreV2, offset: number, value: number, vcpu: number): void {
  switch (offset) {
    case GICC_EOIR:
      endOfInterrupt(gic, value & 0x3ff, vcpu);
      break;
    case GICC_DIR:
      deactivateInterrupt(gic, value & 0x3ff, vcpu);
      break;
    case GICC_CTLR:
      set(gic, vcpu, CTLR, value & CTLR_MASK);
      break;
    case GICC_PMR:
      set(gic, vcpu, PMR, value & PRIORITY_MASK);
      break;
    case GICC_BPR:
      set(gic, vcpu, BPR, Math.max(value & 7, MIN_BPR));
      break;
    case GICC_ABPR:
      set(gic, vcpu, ABPR, Math.max(value & 7, MIN_BPR1));
      break;
    case GICC_APR0:
      set(gic, vcpu, APR0, value);
      break;
  }
}

/**
 * The priority drops whatever the state of the INTID, so that a guest which cleared the active bit itself does not
 * keep its running priority for ever.
 */
function endOfInterrupt(gic: GicCoreV2, intid: number, vcpu: number): void {
  if (!gic.isImplemented(intid)) return;
  gic.dropPriority(vcpu);
  if (!(get(gic, vcpu, CTLR) & EOI_MODE)) gic.deactivate(intid, vcpu);
}

/** GICC_DIR with EOImode clear is UNPREDICTABLE; it does nothing here. */
function deactivateInterrupt(gic: GicCoreV2, intid: number, vcpu: number): void {
  if (gic.isImplemented(intid) && get(gic, vcpu, CTLR) & EOI_MODE) gic.deactivate(intid, vcpu);
}
