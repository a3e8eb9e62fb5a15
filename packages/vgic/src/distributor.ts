import { ACTIVE, EDGE, ENABLE, type GicCore, LATCH, PRIORITY_MASK } from './gic-core.ts';

/** One run of equal 32-bit registers. `n` counts the registers, or the bytes, from `offset`. */
interface WordRegister {
  readonly name: string;
  readonly offset: number;
  readonly count: number;
  /** Absent: reads as zero. */
  readonly read?: (gic: GicCore, n: number, vcpu: number) => number;
  /** Absent: ignores writes. */
  readonly write?: (gic: GicCore, n: number, value: number, vcpu: number) => void;
}

interface ByteRegister {
  readonly name: string;
  readonly offset: number;
  readonly count: number;
  readonly readByte: (gic: GicCore, n: number, vcpu: number) => number;
  readonly writeByte: (gic: GicCore, n: number, value: number, vcpu: number) => void;
}

export type DistributorRegister = WordRegister | ByteRegister;

/** SGIs take no part in GICD_ISPENDR and GICD_ICPENDR writes. */
const notSgi = (n: number, value: number): number => (n === 0 ? value & ~0xffff : value);

/** A GICD_IS* and a GICD_IC* register over the same bits. */
const bitPair = (
  names: readonly [string, string],
  offset: number,
  kind: number,
  read: (gic: GicCore, n: number, vcpu: number) => number,
  reach: (n: number, value: number) => number,
): readonly WordRegister[] =>
  [true, false].map((set) => ({
    name: names[set ? 0 : 1],
    offset: set ? offset : offset + 0x80,
    count: 32,
    read,
    write: (gic, n, value, vcpu) => gic.changeBits(kind, n, vcpu, reach(n, value), set),
  }));

const bits =
  (kind: number) =>
  (gic: GicCore, n: number, vcpu: number): number =>
    gic.words[gic.bitsIndex(kind, n, vcpu)]!;

const all = (_n: number, value: number): number => value;

const constant = (name: string, offset: number, value: number): WordRegister => ({
  name,
  offset,
  count: 1,
  read: () => value,
});

function readPriority(gic: GicCore, intid: number, vcpu: number): number {
  return gic.isImplemented(intid) ? gic.bytes[gic.priorityIndex(intid, vcpu)]! : 0;
}

function writePriority(gic: GicCore, intid: number, value: number, vcpu: number): void {
  if (!gic.isImplemented(intid)) return;
  gic.bytes[gic.priorityIndex(intid, vcpu)] = value & PRIORITY_MASK;
  if (intid < 32) gic.refresh(vcpu);
  else gic.refreshAll();
}

/** GICD_ITARGETSR0 to 7 read as the mask of the reading vCPU, and so does every SPI when there is only one vCPU. */
function readTargets(gic: GicCore, intid: number, vcpu: number): number {
  if (!gic.isImplemented(intid)) return 0;
  if (intid < 32) return 1 << vcpu;
  let targets = 0;
  for (let v = 0; v < gic.vcpus; v++) {
    targets |= ((gic.words[gic.targetedIndex(intid >> 5, v)]! >>> (intid & 31)) & 1) << v;
  }
  return targets;
}

function writeTargets(gic: GicCore, intid: number, value: number): void {
  if (intid < 32 || gic.vcpus === 1 || !gic.isImplemented(intid)) return;
  const bit = 1 << (intid & 31);
  for (let v = 0; v < gic.vcpus; v++) {
    const i = gic.targetedIndex(intid >> 5, v);
    if (value & (1 << v)) gic.words[i]! |= bit;
    else gic.words[i]! &= ~bit;
    gic.refresh(v);
  }
}

/** GICD_ICFGR has two bits per INTID; the upper one is edge-triggered, the lower one reads as zero. */
function readConfiguration(gic: GicCore, n: number, vcpu: number): number {
  const edge = gic.words[gic.bitsIndex(EDGE, n >> 1, vcpu)]! >>> (16 * (n & 1));
  let value = 0;
  for (let i = 0; i < 16; i++) value |= ((edge >>> i) & 1) << (2 * i + 1);
  return value;
}

function writeConfiguration(gic: GicCore, n: number, value: number, vcpu: number): void {
  if (n < 2) return;
  let edge = 0;
  for (let i = 0; i < 16; i++) edge |= ((value >>> (2 * i + 1)) & 1) << i;
  const shift = 16 * (n & 1);
  gic.changeBits(EDGE, n >> 1, vcpu, edge << shift, true);
  gic.changeBits(EDGE, n >> 1, vcpu, (~edge & 0xffff) << shift, false);
}

/** GICD_SGIR: TargetListFilter in [25:24], CPUTargetList in [23:16], SGIINTID in [3:0]. */
function sendSgi(gic: GicCore, _n: number, value: number, vcpu: number): void {
  const filter = (value >>> 24) & 3;
  const self = 1 << vcpu;
  const targets = filter === 0 ? (value >>> 16) & 0xff : filter === 1 ? ~self : filter === 2 ? self : 0;
  for (let v = 0; v < gic.vcpus; v++) if (targets & (1 << v)) gic.setSgi(value & 15, vcpu, v, true);
}

/** GICD_CPENDSGIR and GICD_SPENDSGIR: a byte per SGI, a bit per source. */
const sgiPending = (name: string, offset: number, pending: boolean): ByteRegister => ({
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

/** IHI 0048B table 4-1. What is not here is reserved: it reads as zero and ignores writes. */
export const DISTRIBUTOR_REGISTERS: readonly DistributorRegister[] = [
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
  ...bitPair(['GICD_ISENABLER', 'GICD_ICENABLER'], 0x100, ENABLE, bits(ENABLE), all),
  ...bitPair(['GICD_ISPENDR', 'GICD_ICPENDR'], 0x200, LATCH, (gic, n, vcpu) => gic.pendingBits(n, vcpu), notSgi),
  ...bitPair(['GICD_ISACTIVER', 'GICD_ICACTIVER'], 0x300, ACTIVE, bits(ACTIVE), all),
  { name: 'GICD_IPRIORITYR', offset: 0x400, count: 1024, readByte: readPriority, writeByte: writePriority },
  { name: 'GICD_ITARGETSR', offset: 0x800, count: 1024, readByte: readTargets, writeByte: writeTargets },
  { name: 'GICD_ICFGR', offset: 0xc00, count: 64, read: readConfiguration, write: writeConfiguration },
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
];

const bytesOf = (register: DistributorRegister): number =>
  'readByte' in register ? register.count : 4 * register.count;

const BY_WORD = new Array<DistributorRegister | undefined>(0x400).fill(undefined);
for (const register of DISTRIBUTOR_REGISTERS) {
  BY_WORD.fill(register, register.offset / 4, (register.offset + bytesOf(register)) / 4);
}

/** Whether IHI 0048B section 4.1.4 permits an access: words everywhere, bytes where a register has a byte per INTID. */
export function isDistributorAccess(offset: number, size: number): boolean {
  if (size === 4) return offset >= 0 && offset < 0x1000 && offset % 4 === 0;
  const register = BY_WORD[offset >> 2];
  return size === 1 && register !== undefined && 'readByte' in register;
}

export function readDistributor(gic: GicCore, offset: number, size: number, vcpu: number): number {
  const register = BY_WORD[offset >> 2];
  if (register === undefined) return 0;
  if (!('readByte' in register)) return register.read?.(gic, (offset - register.offset) >> 2, vcpu) ?? 0;
  let value = 0;
  for (let i = 0; i < size; i++) value |= register.readByte(gic, offset - register.offset + i, vcpu) << (8 * i);
  return value;
}

export function writeDistributor(gic: GicCore, offset: number, size: number, value: number, vcpu: number): void {
  const register = BY_WORD[offset >> 2];
  if (register === undefined) return;
  if (!('readByte' in register)) {
    register.write?.(gic, (offset - register.offset) >> 2, value, vcpu);
    return;
  }
  for (let i = 0; i < size; i++) {
    register.writeByte(gic, offset - register.offset + i, (value >>> (8 * i)) & 0xff, vcpu);
  }
}
