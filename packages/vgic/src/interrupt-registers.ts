import { ACTIVE, EDGE, ENABLE, type GicCore, LATCH } from './gic-core.ts';
import type { Register, WordRegister } from './register-frame.ts';

/** The INTIDs that a frame has these registers for, in words of 32, and what differs between the frames. */
export interface InterruptSpan {
  readonly prefix: 'GICD' | 'GICR';
  /** First word: offsets below it are reserved. */
  readonly first: number;
  readonly count: number;
  /** The bits of word `n` that GICx_ISPENDR and GICx_ICPENDR change. Default all. */
  readonly pendable?: (n: number) => number;
  /** GICx_ICFGR below this one are fixed. */
  readonly firstConfigurable: number;
}

const all = (): number => -1;

/** A GICx_IS* and a GICx_IC* register over the same bits. */
const bitPair = (
  span: InterruptSpan,
  names: readonly [string, string],
  offset: number,
  kind: number,
  read: (gic: GicCore, n: number, vcpu: number) => number,
  writable: (n: number) => number,
): readonly WordRegister<GicCore>[] =>
  [true, false].map((set) => ({
    name: `${span.prefix}_${names[set ? 0 : 1]}`,
    offset: (set ? offset : offset + 0x80) + 4 * span.first,
    count: span.count,
    read: (gic, i, vcpu) => read(gic, span.first + i, vcpu),
    write: (gic, i, value, vcpu) => gic.changeBits(kind, span.first + i, vcpu, value & writable(span.first + i), set),
  }));

const bits =
  (kind: number) =>
  (gic: GicCore, n: number, vcpu: number): number =>
    gic.words[gic.bitsIndex(kind, n, vcpu)]!;

/** GICx_ICFGR has two bits per INTID; the upper one is edge-triggered, the lower one reads as zero. */
function readConfiguration(gic: GicCore, n: number, vcpu: number): number {
  const edge = gic.words[gic.bitsIndex(EDGE, n >> 1, vcpu)]! >>> (16 * (n & 1));
  let value = 0;
  for (let i = 0; i < 16; i++) value |= ((edge >>> i) & 1) << (2 * i + 1);
  return value;
}

function writeConfiguration(gic: GicCore, n: number, value: number, vcpu: number): void {
  let edge = 0;
  for (let i = 0; i < 16; i++) edge |= ((value >>> (2 * i + 1)) & 1) << i;
  const shift = 16 * (n & 1);
  gic.changeBits(EDGE, n >> 1, vcpu, edge << shift, true);
  gic.changeBits(EDGE, n >> 1, vcpu, (~edge & 0xffff) << shift, false);
}

/** The registers per interrupt that GICD of both versions and the SGI frame of GICR share, at the same offsets. */
export function interruptRegisters(span: InterruptSpan): readonly Register<GicCore>[] {
  const { prefix, first, count, firstConfigurable, pendable = all } = span;
  return [
    ...bitPair(span, ['ISENABLER', 'ICENABLER'], 0x100, ENABLE, bits(ENABLE), all),
    ...bitPair(span, ['ISPENDR', 'ICPENDR'], 0x200, LATCH, (gic, n, vcpu) => gic.pendingBits(n, vcpu), pendable),
    ...bitPair(span, ['ISACTIVER', 'ICACTIVER'], 0x300, ACTIVE, bits(ACTIVE), all),
    {
      name: `${prefix}_IPRIORITYR`,
      offset: 0x400 + 32 * first,
      count: 32 * count,
      readByte: (gic, i, vcpu) =>
        gic.isImplemented(32 * first + i) ? gic.bytes[gic.priorityIndex(32 * first + i, vcpu)]! : 0,
      writeByte: (gic, i, value, vcpu) => {
        if (gic.isImplemented(32 * first + i)) gic.setPriority(32 * first + i, vcpu, value);
      },
    },
    {
      name: `${prefix}_ICFGR`,
      offset: 0xc00 + 8 * first,
      count: 2 * count,
      read: (gic, i, vcpu) => readConfiguration(gic, 2 * first + i, vcpu),
      write: (gic, i, value, vcpu) => {
        if (2 * first + i >= firstConfigurable) writeConfiguration(gic, 2 * first + i, value, vcpu);
      },
    },
  ];
}
