import { type GicCoreV3, GROUP } from './gic-core-v3.ts';
import { interruptRegisters } from './interrupt-registers.ts';
import { constant, RegisterTable, type WordRegister } from './register-frame.ts';

/** GICD_IIDR and GICR_IIDR, as Xen gives them. */
export const IIDR = 0x0000034c;
/** GICD_PIDR2 and GICR_PIDR2: ArchRev 3, GICv3. */
export const PIDR2 = 0x30;

/** EnableGrp0 and EnableGrp1; there is one Security state (DS) and affinity routing only (ARE). RWP is always 0. */
const GICD_CTLR_WRITABLE = 0x3;
const GICD_CTLR_ARE = 1 << 4;
const GICD_CTLR_DS = 1 << 6;

/** 10 bits of INTID (IDbits 9); no message-based SPIs, no LPIs, no Aff3, no ESPIs. CPUNumber is 0: ARE is always 1. */
const GICD_TYPER_FIXED = 9 << 19;

/** GICx_IGROUPR for `count` words of INTIDs from word `first`. */
export const groupRegister = (prefix: 'GICD' | 'GICR', first: number, count: number): WordRegister<GicCoreV3> => ({
  name: `${prefix}_IGROUPR`,
  offset: 0x080 + 4 * first,
  count,
  read: (gic, i, vcpu) => gic.words[gic.bitsIndex(GROUP, first + i, vcpu)]!,
  write: (gic, i, value, vcpu) => gic.setGroups(first + i, vcpu, value),
});

/** GICD_IROUTER32 and up, two words each; the upper one has Aff3 only. */
const routers: WordRegister<GicCoreV3> = {
  name: 'GICD_IROUTER',
  offset: 0x6000 + 8 * 32,
  count: 2 * 988,
  doubleword: true,
  read: (gic, i) => (i % 2 === 0 ? gic.router(32 + (i >> 1)) : 0),
  write: (gic, i, value) => {
    const intid = 32 + (i >> 1);
    if (i % 2 === 0 && gic.isImplemented(intid)) gic.setRouter(intid, value);
  },
};

/**
 * IHI 0069, GICD_*: the distributor, 64 KiB. INTIDs 0 to 31 belong to the redistributors. GICD_STATUSR, GICD_NSACR,
 * GICD_IGRPMODR and GICD_TYPER2 read as zero here, and as affinity routing is on so do GICD_ITARGETSR, GICD_SGIR,
 * GICD_CPENDSGIR and GICD_SPENDSGIR.
 */
export const DISTRIBUTOR_V3 = new RegisterTable<GicCoreV3>(0x10000, [
  {
    name: 'GICD_CTLR',
    offset: 0x0000,
    count: 1,
    read: (gic) => gic.groupsEnabled | GICD_CTLR_ARE | GICD_CTLR_DS,
    write: (gic, _n, value) => {
      gic.groupsEnabled = value & GICD_CTLR_WRITABLE;
    },
  },
  { name: 'GICD_TYPER', offset: 0x0004, count: 1, read: (gic) => (gic.lines - 1) | GICD_TYPER_FIXED },
  constant('GICD_IIDR', 0x0008, IIDR),
  groupRegister('GICD', 1, 31),
  ...interruptRegisters({ prefix: 'GICD', first: 1, count: 31, firstConfigurable: 2 }),
  routers,
  constant('GICD_PIDR2', 0xffe8, PIDR2),
]);
