import type { GicCoreV2 } from './gic-core-v2.ts';
import { interruptRegisters } from './interrupt-registers.ts';
import { type ByteRegister, constant, RegisterTable } from './register-frame.ts';

/** GICD_ITARGETSR0 to 7 read as the mask of the reading vCPU, and so does every SPI when there is only one vCPU. */
function readTargets(gic: GicCoreV2, intid: number, vcpu: number): number {
  if (!gic.isImplemented(intid)) return 0;
  if (intid < 32) return 1 << vcpu;
  let targets = 0;
  for (let v = 0; v < gic.vcpus; v++) {
    targets |= ((gic.words[gic.targetedIndex(intid >> 5, v)]! >>> (intid & 31)) & 1) << v;
  }
  return targets;
}

function writeTargets(gic: GicCoreV2, intid: number, value: number): void {
  if (intid < 32 || gic.vcpus === 1 || !gic.isImplemented(intid)) return;
  const bit = 1 << (intid & 31);
  for (let v = 0; v < gic.vcpus; v++) {
    const i = gic.targetedIndex(intid >> 5, v);
    if (value & (1 << v)) gic.words[i]! |= bit;
    else gic.words[i]! &= ~bit;
    gic.refresh(v);
  }
}

/** GICD_SGIR: TargetListFilter in [25:24], CPUTargetList in [23:16], SGIINTID in [3:0]. */
function sendSgi(gic: GicCoreV2, _n: number, value: number, vcpu: number): void {
  const filter = (value >>> 24) & 3;
  const self = 1 << vcpu;
  const targets = filter === 0 ? (value >>> 16) & 0xff : filter === 1 ? ~self : filter === 2 ? self : 0;
  for (let v = 0; v < gic.vcpus; v++) if (targets & (1 << v)) gic.setSgi(value & 15, vcpu, v, true);
}

/** GICD_CPENDSGIR and GICD_SPENDSGIR: a byte per SGI, a bit per source. */
const sgiPending = (name: string, offset: number, pending: boolean): ByteRegister<GicCoreV2> => ({
  name,
  offset,
  count: 16,
  readByte: (gic, sgi, vcpu) => gic.bytes[gic.sgiSourcesIndex(sgi, vcpu)]!,
  writeByte: (gic, sgi, value, vcpu) => {
    for (let source = 0; source < gic.vcpus; source++) {
      if (value & (1 << source)) gic.setSgi(sgi, source, vcpu, pending);
    }
  },
});

/** IHI 0048B, GICD_*: the distributor, 4 KiB. */
export const DISTRIBUTOR = new RegisterTable<GicCoreV2>(0x1000, [
  {
    name: 'GICD_CTLR',
    offset: 0x000,
    count: 1,
    read: (gic) => (gic.enabled ? 1 : 0),
    write: (gic, _n, value) => {
      gic.enabled = (value & 1) !== 0;
    },
  },
  { name: 'GICD_TYPER', offset: 0x004, count: 1, read: (gic) => (gic.lines - 1) | ((gic.vcpus - 1) << 5) },
  constant('GICD_IIDR', 0x008, 0x0000043b),
  { name: 'GICD_IGROUPR', offset: 0x080, count: 32 },
  // SGIs take no part in GICD_ISPENDR and GICD_ICPENDR writes; the triggers of SGIs and PPIs are fixed.
  ...interruptRegisters({
    prefix: 'GICD',
    first: 0,
    count: 32,
    pendable: (n) => (n === 0 ? ~0xffff : -1),
    firstConfigurable: 2,
  }),
  { name: 'GICD_ITARGETSR', offset: 0x800, count: 1024, readByte: readTargets, writeByte: writeTargets },
  { name: 'GICD_NSACR', offset: 0xe00, count: 64 },
  { name: 'GICD_SGIR', offset: 0xf00, count: 1, write: sendSgi },
  sgiPending('GICD_CPENDSGIR', 0xf10, false),
  sgiPending('GICD_SPENDSGIR', 0xf20, true),
  constant('GICD_PIDR4', 0xfd0, 0x04),
  constant('GICD_PIDR0', 0xfe0, 0x90),
  constant('GICD_PIDR1', 0xfe4, 0xb4),
  constant('GICD_PIDR2', 0xfe8, 0x2b),
  constant('GICD_CIDR0', 0xff0, 0x0d),
  constant('GICD_CIDR1', 0xff4, 0xf0),
  constant('GICD_CIDR2', 0xff8, 0x05),
  constant('GICD_CIDR3', 0xffc, 0xb1),
]);
