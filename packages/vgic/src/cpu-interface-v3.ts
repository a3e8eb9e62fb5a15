import { VGicError } from './errors.ts';
import { MIN_BPR, MIN_BPR1, PMR, PRIORITY_MASK } from './gic-core.ts';
import {
  AP0R0,
  AP1R0,
  BPR0,
  BPR1,
  type GicCoreV3,
  type Group,
  ICC_CTLR,
  ICC_CTLR_CBPR,
  ICC_CTLR_EOImode,
  IGRPEN,
} from './gic-core-v3.ts';
import { ICC } from './icc-registers.ts';

/** 5 bits of priority (PRIbits 4), 16 bits of INTID (IDbits 0), no SEIs, no Aff3, Aff0 to 15 only. */
const ICC_CTLR_FIXED = 4 << 8;
const ICC_CTLR_WRITABLE = ICC_CTLR_CBPR | ICC_CTLR_EOImode;
/** SRE, DFB and DIB are RAO/WI: there is no memory-mapped CPU interface and no bypass. */
const ICC_SRE = 7;
const INTID_MASK = 0xffffff;

const {
  ICC_PMR_EL1,
  ICC_IAR0_EL1,
  ICC_EOIR0_EL1,
  ICC_HPPIR0_EL1,
  ICC_BPR0_EL1,
  ICC_AP0R0_EL1,
  ICC_AP1R0_EL1,
  ICC_DIR_EL1,
  ICC_RPR_EL1,
  ICC_SGI1R_EL1,
  ICC_ASGI1R_EL1,
  ICC_SGI0R_EL1,
  ICC_IAR1_EL1,
  ICC_EOIR1_EL1,
  ICC_HPPIR1_EL1,
  ICC_BPR1_EL1,
  ICC_CTLR_EL1,
  ICC_SRE_EL1,
  ICC_IGRPEN0_EL1,
  ICC_IGRPEN1_EL1,
} = ICC;

const get = (gic: GicCoreV3, vcpu: number, field: number): number => gic.words[gic.vcpu(vcpu) + field]!;

function set(gic: GicCoreV3, vcpu: number, field: number, value: number): void {
  gic.words[gic.vcpu(vcpu) + field] = value;
  gic.signal(vcpu);
}

/** A switch and not a table, the most used first: a guest comes here several times per interrupt. */
export function readIccRegister(gic: GicCoreV3, reg: number, vcpu: number): number {
  switch (reg) {
    case ICC_IAR1_EL1:
      return gic.acknowledge(1, vcpu);
    case ICC_PMR_EL1:
      return get(gic, vcpu, PMR);
    case ICC_RPR_EL1:
      return gic.runningPriority(vcpu);
    case ICC_IAR0_EL1:
      return gic.acknowledge(0, vcpu);
    case ICC_HPPIR0_EL1:
      return gic.highestPending(0, vcpu);
    case ICC_HPPIR1_EL1:
      return gic.highestPending(1, vcpu);
    case ICC_BPR0_EL1:
      return get(gic, vcpu, BPR0);
    case ICC_BPR1_EL1:
      return get(gic, vcpu, ICC_CTLR) & ICC_CTLR_CBPR ? Math.min(get(gic, vcpu, BPR0) + 1, 7) : get(gic, vcpu, BPR1);
    case ICC_AP0R0_EL1:
      return get(gic, vcpu, AP0R0);
    case ICC_AP1R0_EL1:
      return get(gic, vcpu, AP1R0);
    case ICC_CTLR_EL1:
      return get(gic, vcpu, ICC_CTLR) | ICC_CTLR_FIXED;
    case ICC_SRE_EL1:
      return ICC_SRE;
    case ICC_IGRPEN0_EL1:
      return get(gic, vcpu, IGRPEN) & 1;
    case ICC_IGRPEN1_EL1:
      return get(gic, vcpu, IGRPEN) >> 1;
    default:
      throw new VGicError('bad-register', `ICC register 0x${reg.toString(16)} can't be read; see ICC_REGISTERS`);
  }
}

/** As `readIccRegister`, for writes. */
export function writeIccRegister(gic: GicCoreV3, reg: number, low: number, high: number, vcpu: number): void {
  switch (reg) {
    case ICC_EOIR1_EL1:
      gic.endOfInterrupt(1, low & INTID_MASK, vcpu);
      break;
    case ICC_PMR_EL1:
      set(gic, vcpu, PMR, low & PRIORITY_MASK);
      break;
    case ICC_SGI1R_EL1:
      sendSgis(gic, low, high, vcpu, false);
      break;
    case ICC_DIR_EL1:
      deactivateInterrupt(gic, low & INTID_MASK, vcpu);
      break;
    case ICC_EOIR0_EL1:
      gic.endOfInterrupt(0, low & INTID_MASK, vcpu);
      break;
    case ICC_ASGI1R_EL1:
    case ICC_SGI0R_EL1:
      sendSgis(gic, low, high, vcpu, true);
      break;
    case ICC_BPR0_EL1:
      set(gic, vcpu, BPR0, Math.max(low & 7, MIN_BPR));
      break;
    case ICC_BPR1_EL1:
      if (!(get(gic, vcpu, ICC_CTLR) & ICC_CTLR_CBPR)) set(gic, vcpu, BPR1, Math.max(low & 7, MIN_BPR1));
      break;
    case ICC_AP0R0_EL1:
      set(gic, vcpu, AP0R0, low);
      break;
    case ICC_AP1R0_EL1:
      set(gic, vcpu, AP1R0, low);
      break;
    case ICC_CTLR_EL1:
      set(gic, vcpu, ICC_CTLR, low & ICC_CTLR_WRITABLE);
      break;
    case ICC_SRE_EL1:
      break;
    case ICC_IGRPEN0_EL1:
      enableGroup(gic, 0, low, vcpu);
      break;
    case ICC_IGRPEN1_EL1:
      enableGroup(gic, 1, low, vcpu);
      break;
    default:
      throw new VGicError('bad-register', `ICC register 0x${reg.toString(16)} can't be written; see ICC_REGISTERS`);
  }
}

function enableGroup(gic: GicCoreV3, group: Group, low: number, vcpu: number): void {
  const bit = 1 << group;
  gic.setParticipation(vcpu, IGRPEN, (get(gic, vcpu, IGRPEN) & ~bit) | (low & 1 ? bit : 0));
}

/** ICC_DIR_EL1 with EOImode clear is UNPREDICTABLE; it does nothing here. */
function deactivateInterrupt(gic: GicCoreV3, intid: number, vcpu: number): void {
  if (gic.isImplemented(intid) && get(gic, vcpu, ICC_CTLR) & ICC_CTLR_EOImode) gic.deactivate(intid, vcpu);
}

/**
 * ICC_SGI1R_EL1 and its like: TargetList [15:0], Aff1 [23:16], INTID [27:24], Aff2 [39:32], IRM [40], RS [47:44],
 * Aff3 [55:48]. With one Security state SGI1R sends to a target whatever the SGI's group is there; SGI0R and ASGI1R
 * send where it is of group 0.
 */
function sendSgis(gic: GicCoreV3, low: number, high: number, vcpu: number, group0Only: boolean): void {
  const sgi = (low >>> 24) & 15;
  if (high & (1 << 8)) {
    for (let v = 0; v < gic.vcpus; v++) if (v !== vcpu) gic.sendSgi(sgi, v, group0Only);
    return;
  }
  // Aff3, Aff2 and Aff0 above 15 (the range selector) are of no vCPU.
  if (high & 0xfff0ff) return;
  const first = ((low >>> 16) & 0xff) << 4;
  for (let i = 0; i < 16 && first + i < gic.vcpus; i++) {
    if (low & (1 << i)) gic.sendSgi(sgi, first + i, group0Only);
  }
}
