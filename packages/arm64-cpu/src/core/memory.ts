/**
 * Address translation in generated code: physical memory, stage 2, stage 1 (Arm ARM D5). The same rules stand in
 * readable TypeScript in @dom0less/arm64-mmu, against which tests hold this walker.
 */
import { BLOCK_SHIFT, BLOCK_TABLE, PA_BITS, PCPU_STAGE2, STAGE2_ENTRY_SHIFT, STAGE2_INDEX_BITS } from '../layout.ts';
import { stateOffset } from '../state.ts';
import {
  add,
  and,
  type Expr,
  eq,
  eqz,
  extU,
  gtU,
  i32,
  i64,
  load,
  ltU,
  ne,
  not,
  or,
  select,
  shl,
  shrS,
  shrU,
  sub,
  wrap,
} from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import type { CoreHelper } from './helper.ts';

/** Attributes of a translation, as `walkAttributes` holds them. */
export const ATTR_READ_EL0 = 1;
export const ATTR_WRITE_EL0 = 2;
export const ATTR_EXEC_EL0 = 4;
export const ATTR_READ_EL1 = 8;
export const ATTR_WRITE_EL1 = 16;
export const ATTR_EXEC_EL1 = 32;
export const ATTR_DEVICE = 64;
/** The page gets no TLB entry: stage 2 lets it be written but not read, which atomics need to know. */
export const ATTR_NO_ENTRY = 128;
/** Level of the stage-1 leaf at bits 9:8; bits 15:10 are log2 of the smallest stage-1 mapping that holds the page. */
export const ATTR_LEVEL_SHIFT = 8;
export const ATTR_SIZE_SHIFT = 10;
/** MAIR_EL1's attribute at bits 23:16, the descriptor's SH at bits 25:24: what AT reports in PAR_EL1. */
export const ATTR_MAIR_SHIFT = 16;
export const ATTR_SH_SHIFT = 24;

/** Stage 2 lets the page be written. */
export const ATTR_WRITE_STAGE2 = 1 << 26;
/** The page is of one address space (nG). */
export const ATTR_NOT_GLOBAL = 1 << 27;

/** Access flags of `translate` and all that call it. */
export const ACCESS_WRITE = 1;
export const ACCESS_EXEC = 2;
export const ACCESS_EL0 = 4;
/** Beside ACCESS_WRITE: the access reads as well, and is reported as a read where that would have faulted. */
export const ACCESS_ATOMIC = 8;

/** Fault status codes (Arm ARM D13.2.37), to which the level is added. */
export const FSC_ADDRESS_SIZE = 0x00;
export const FSC_TRANSLATION = 0x04;
export const FSC_ACCESS_FLAG = 0x08;
export const FSC_PERMISSION = 0x0c;
export const FSC_EXTERNAL = 0x10;
export const FSC_EXTERNAL_WALK = 0x14;
export const FSC_ALIGNMENT = 0x21;
/** Marks in `walkFault` beside the status code: the fault is stage 2's; it was met on a stage-1 walk. */
export const WALK_STAGE2 = 0x100;
export const WALK_S1PTW = 0x80;

/** A field of the vCPU state, read. */
export const field = (cpu: Expr, name: string, t: 'i32' | 'i64' = 'i64'): Expr => load(t, cpu, stateOffset(name));

/** Writes a field of the vCPU state. */
export function setField(f: FunctionBuilder, cpu: Expr, name: string, value: Expr): void {
  f.store(value.t === 'i64' ? 'i64' : 'i32', cpu, value, stateOffset(name));
}

const bit = (e: Expr, n: number): Expr => wrap(and(shrU(e, i64(n)), i64(1)));
const bits = (e: Expr, lsb: number, width: number): Expr => wrap(and(shrU(e, i64(lsb)), i64(2 ** width - 1)));

/** Ends a walk: `walkFault` is the status, the result 0 means that it failed. */
function fail(f: FunctionBuilder, cpu: Expr, status: Expr): void {
  setField(f, cpu, 'walkFault', status);
  f.ret(i32(0));
}

/** hostOf(cpu, pa): memory offset that backs a physical address, or 0 where there is no RAM. */
const hostOf: CoreHelper = {
  name: 'hostOf',
  params: ['i32', 'i64'],
  results: ['i32'],
  build(f, m) {
    const pa = f.param(1);
    const offset = wrap(and(pa, i64(2 ** BLOCK_SHIFT - 1)));
    f.if(ne(shrU(pa, i64(PA_BITS)), i64(0)), () => f.ret(i32(0)));
    const block = f.tmp(load('i32', shl(wrap(shrU(pa, i64(BLOCK_SHIFT))), i32(2)), BLOCK_TABLE));
    f.if(block, () => f.ret(add(block, offset)));
    const backed = f.tmp(f.call(m.fn('backBlock'), f.param(0), wrap(shrU(pa, i64(BLOCK_SHIFT)))));
    f.if(backed, () => f.ret(add(backed, offset)));
    f.ret(i32(0));
    f.unreachable();
  },
};

const TABLE_ADDRESS = 0x0000fffffffff000n;

/** TCR_EL1.TBI0 or TBI1. */
const topByteIgnored = (tcr: Expr, upper: Expr): Expr => select(upper, bit(tcr, 38), bit(tcr, 37));
/** Bit 55 in place of bits 63:56. */
const withoutTopByte = (va: Expr): Expr => shrS(shl(va, i64(8)), i64(8));

/** branchAddress(cpu, va): what the PC becomes by a branch to `va`: no tag gets into it (Arm ARM D4.1.1). */
const branchAddress: CoreHelper = {
  name: 'branchAddress',
  params: ['i32', 'i64'],
  results: ['i64'],
  build(f) {
    const va = f.param(1);
    f.ret(select(topByteIgnored(field(f.param(0), 'TCR_EL1'), bit(va, 55)), withoutTopByte(va), va));
    f.unreachable();
  },
};

/**
 * stage2(cpu, ipa, access): translates an intermediate physical address; granule 4 KiB (Arm ARM D5.2.9). On success
 * `walkPa` is the physical address and the result is 1; else `walkFault` and `walkIpa` say why.
 */
const stage2: CoreHelper = {
  name: 'stage2',
  params: ['i32', 'i64', 'i32'],
  results: ['i32'],
  build(f, m) {
    const [cpu, ipa] = [f.param(0), f.param(1)];
    const vtcr = f.tmp(field(cpu, 'VTCR_EL2'));
    const level = f.local('i32');
    const shift = f.local('i64');
    const table = f.local('i64');
    const desc = f.local('i64');
    const host = f.local('i32');
    setField(f, cpu, 'walkIpa', ipa);
    const inputBits = f.tmp(sub(i64(64), and(vtcr, i64(63))));
    // SL0 counts down from level 2; the first lookup takes all bits above its shift, concatenated tables included.
    f.set(level, sub(i32(2), bits(vtcr, 6, 2)));
    f.if(ne(shrU(ipa, inputBits), i64(0)), () => fail(f, cpu, i32(WALK_STAGE2 | FSC_TRANSLATION)));
    const page = f.tmp(shrU(ipa, i64(12)));
    const vttbr = f.tmp(field(cpu, 'VTTBR_EL2'));
    const index = f.local('i64');
    const known = f.tmp(
      add(
        add(field(cpu, 'pcpu', 'i32'), i32(PCPU_STAGE2)),
        shl(and(wrap(page), i32(2 ** STAGE2_INDEX_BITS - 1)), i32(STAGE2_ENTRY_SHIFT)),
      ),
    );
    f.block((found) => {
      f.if(and(eq(load('i64', known), vttbr), eq(load('i64', known, 8), add(page, i64(1)))), () => {
        f.set(desc, load('i64', known, 16));
        f.set(level, wrap(and(f.get(desc), i64(3))));
        f.br(found);
      });
      f.set(shift, extU(sub(i32(39), mul9(f.get(level)))));
      f.set(table, and(vttbr, i64(TABLE_ADDRESS)));
      f.set(index, shrU(ipa, f.get(shift)));
      f.loop((again) => {
        f.set(host, f.call(m.fn('hostOf'), cpu, add(f.get(table), shl(f.get(index), i64(3)))));
        f.if(eqz(f.get(host)), () => fail(f, cpu, or(i32(WALK_STAGE2 | FSC_EXTERNAL_WALK), f.get(level))));
        f.set(desc, load('i64', f.get(host)));
        const isLeaf = or(eq(f.get(level), i32(3)), eqz(bit(f.get(desc), 1)));
        f.if(eqz(isLeaf), () => {
          f.if(eqz(bit(f.get(desc), 0)), () => fail(f, cpu, or(i32(WALK_STAGE2 | FSC_TRANSLATION), f.get(level))));
          f.set(table, and(f.get(desc), i64(TABLE_ADDRESS)));
          f.set(level, add(f.get(level), i32(1)));
          f.set(shift, sub(f.get(shift), i64(9)));
          f.set(index, and(shrU(ipa, f.get(shift)), i64(511)));
          f.br(again);
        });
      });
      // A leaf: a page at level 3 (bits 1:0 = 3), a block at level 1 or 2 (bits 1:0 = 1).
      const form = wrap(and(f.get(desc), i64(3)));
      const wanted = select(eq(f.get(level), i32(3)), i32(3), i32(1));
      f.if(or(ne(form, wanted), eqz(f.get(level))), () =>
        fail(f, cpu, or(i32(WALK_STAGE2 | FSC_TRANSLATION), f.get(level))),
      );
      f.if(eqz(bit(f.get(desc), 10)), () => fail(f, cpu, or(i32(WALK_STAGE2 | FSC_ACCESS_FLAG), f.get(level))));
      // Kept as a page of 4 KiB, whatever it is part of.
      const inside = f.tmp(sub(shl(i64(1), f.get(shift)), i64(1)));
      const at = or(and(f.get(desc), not(inside)), and(ipa, inside));
      const attributes = and(f.get(desc), i64(~(TABLE_ADDRESS | 3n)));
      f.set(desc, or(or(attributes, and(at, i64(TABLE_ADDRESS))), extU(f.get(level))));
      f.store('i64', known, vttbr);
      f.store('i64', known, add(page, i64(1)), 8);
      f.store('i64', known, f.get(desc), 16);
    });
    const access = f.param(2);
    const mayRead = bit(f.get(desc), 6);
    const mayWrite = and(bit(f.get(desc), 7), or(mayRead, eqz(and(access, i32(ACCESS_ATOMIC)))));
    const dataAllowed = select(and(access, i32(ACCESS_WRITE)), mayWrite, mayRead);
    const allowed = select(and(access, i32(ACCESS_EXEC)), eqz(bit(f.get(desc), 54)), dataAllowed);
    f.if(eqz(allowed), () => fail(f, cpu, or(i32(WALK_STAGE2 | FSC_PERMISSION), f.get(level))));
    setField(f, cpu, 'walkPa', or(and(f.get(desc), i64(TABLE_ADDRESS)), and(ipa, i64(0xfff))));
    // Kept for `translate`: what stage 2 adds to the attributes.
    const added = or(
      select(bits(f.get(desc), 4, 2), i32(0), i32(ATTR_DEVICE)),
      or(select(mayRead, i32(0), i32(ATTR_NO_ENTRY)), select(mayWrite, i32(ATTR_WRITE_STAGE2), i32(0))),
    );
    setField(f, cpu, 'walkFault', added);
    f.ret(i32(1));
    f.unreachable();
  },
};

const mul9 = (level: Expr): Expr => add(shl(level, i32(3)), level);

/** Where TCR_EL1 keeps a half's fields: T0SZ or T1SZ, EPD, TBI and the codes of TG0 or TG1. */
function granuleBits(tcr: Expr, upper: Expr): Expr {
  const tg0 = bits(tcr, 14, 2);
  const tg1 = bits(tcr, 30, 2);
  const is16k = select(upper, eq(tg1, i32(1)), eq(tg0, i32(2)));
  const is64k = select(upper, eq(tg1, i32(3)), eq(tg0, i32(1)));
  return select(is64k, i64(16), select(is16k, i64(14), i64(12)));
}

/** Output address sizes by TCR_EL1.IPS, no more than ID_AA64MMFR0_EL1.PARange (44 bits) promises. */
const outputBits = (tcr: Expr): Expr => {
  const ips = bits(tcr, 32, 3);
  const size = select(ltU(ips, i32(2)), add(i32(32), shl(ips, i32(2))), add(i32(36), shl(ips, i32(1))));
  return select(gtU(ips, i32(3)), i64(44), extU(size));
};

/**
 * stage1(cpu, va): walks the stage-1 tables of the EL1&0 regime. On success the IPA is in `walkIpa`, what the
 * descriptors say is in `walkAttributes`, and the result is 1; else `walkFault` is the status with the level.
 */
const stage1: CoreHelper = {
  name: 'stage1',
  params: ['i32', 'i64'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va] = [f.param(0), f.param(1)];
    const tcr = f.tmp(field(cpu, 'TCR_EL1'));
    const sctlr = f.tmp(field(cpu, 'SCTLR_EL1'));
    const upper = f.tmp(bit(va, 55));
    const tbi = f.tmp(topByteIgnored(tcr, upper));
    f.if(eqz(bit(sctlr, 0)), () => {
      const flat = f.tmp(and(va, select(tbi, i64(2n ** 56n - 1n), i64(-1))));
      f.if(ne(shrU(flat, i64(44)), i64(0)), () => fail(f, cpu, i32(FSC_ADDRESS_SIZE)));
      setField(f, cpu, 'walkIpa', flat);
      setField(f, cpu, 'walkAttributes', i64(0x3f | (3 << ATTR_LEVEL_SHIFT) | (12 << ATTR_SIZE_SHIFT)));
      f.ret(i32(1));
    });
    const tsz = f.tmp(and(select(upper, shrU(tcr, i64(16)), tcr), i64(63)));
    f.if(or(ltU(tsz, i64(16)), gtU(tsz, i64(39))), () => fail(f, cpu, i32(FSC_TRANSLATION)));
    const inputBits = f.tmp(sub(i64(64), tsz));
    const address = f.tmp(select(tbi, withoutTopByte(va), va));
    const expected = select(upper, i64(-1), i64(0));
    const epd = select(upper, bit(tcr, 23), bit(tcr, 7));
    f.if(or(epd, ne(shrS(address, inputBits), expected)), () => fail(f, cpu, i32(FSC_TRANSLATION)));

    const granule = f.tmp(granuleBits(tcr, upper));
    const stride = f.tmp(sub(granule, i64(3)));
    const shift = f.local('i64');
    const level = f.local('i32');
    // From the last level up, until one lookup takes what is left of the input address.
    f.set(shift, granule);
    f.set(level, i32(3));
    f.loop((again) => {
      f.if(ltU(add(f.get(shift), stride), inputBits), () => {
        f.set(shift, add(f.get(shift), stride));
        f.set(level, sub(f.get(level), i32(1)));
        f.br(again);
      });
    });
    const table = f.local('i64');
    const desc = f.local('i64');
    const tableFlags = f.local('i64');
    const host = f.local('i32');
    const index = f.local('i64');
    const outMask = f.tmp(shl(i64(-1), outputBits(tcr)));
    f.set(tableFlags, i64(0));
    f.set(table, and(select(upper, field(cpu, 'TTBR1_EL1'), field(cpu, 'TTBR0_EL1')), i64(0x0000fffffffffffen)));
    f.set(index, and(shrU(va, f.get(shift)), sub(shl(i64(1), sub(inputBits, f.get(shift))), i64(1))));
    f.if(ne(and(and(f.get(table), outMask), i64(0x0000ffffffffffffn)), i64(0)), () =>
      fail(f, cpu, i32(FSC_ADDRESS_SIZE)),
    );
    // The first table is aligned to its size: the bits below are RES0.
    f.set(table, and(f.get(table), shl(i64(-8), sub(inputBits, f.get(shift)))));
    f.loop((again) => {
      const entry = f.tmp(add(f.get(table), shl(f.get(index), i64(3))));
      f.if(eqz(f.call(m.fn('stage2'), cpu, entry, i32(0))), () =>
        fail(f, cpu, or(field(cpu, 'walkFault', 'i32'), i32(WALK_S1PTW))),
      );
      f.set(host, f.call(m.fn('hostOf'), cpu, field(cpu, 'walkPa')));
      f.if(eqz(f.get(host)), () => fail(f, cpu, add(i32(FSC_EXTERNAL_WALK), f.get(level))));
      f.set(desc, load('i64', f.get(host)));
      f.if(eqz(bit(f.get(desc), 0)), () => fail(f, cpu, add(i32(FSC_TRANSLATION), f.get(level))));
      // Only table descriptors and pages have bit 1 where blocks are not; 16 and 64 KiB granules have none at level 1.
      const isPage = eq(f.get(level), i32(3));
      const lowestBlock = select(eq(granule, i64(12)), i32(1), i32(2));
      f.if(and(eqz(bit(f.get(desc), 1)), or(isPage, ltU(f.get(level), lowestBlock))), () =>
        fail(f, cpu, add(i32(FSC_TRANSLATION), f.get(level))),
      );
      f.if(ne(and(and(f.get(desc), outMask), i64(TABLE_ADDRESS)), i64(0)), () =>
        fail(f, cpu, add(i32(FSC_ADDRESS_SIZE), f.get(level))),
      );
      f.if(and(ne(f.get(level), i32(3)), bit(f.get(desc), 1)), () => {
        f.set(table, and(f.get(desc), and(i64(TABLE_ADDRESS), shl(i64(-1), granule))));
        f.set(tableFlags, or(f.get(tableFlags), f.get(desc)));
        f.set(level, add(f.get(level), i32(1)));
        f.set(shift, sub(f.get(shift), stride));
        f.set(index, and(shrU(va, f.get(shift)), sub(shl(i64(1), stride), i64(1))));
        f.br(again);
      });
    });
    f.if(eqz(bit(f.get(desc), 10)), () => fail(f, cpu, add(i32(FSC_ACCESS_FLAG), f.get(level))));
    const inside = f.tmp(sub(shl(i64(1), f.get(shift)), i64(1)));
    setField(f, cpu, 'walkIpa', or(and(and(f.get(desc), i64(TABLE_ADDRESS)), not(inside)), and(va, inside)));

    const d = f.get(desc);
    const t = f.get(tableFlags);
    const one = i32(1);
    const readOnly = f.tmp(or(bit(d, 7), bit(t, 62)));
    const el0 = f.tmp(and(bit(d, 6), eqz(bit(t, 61))));
    const writeEl0 = f.tmp(and(el0, eqz(readOnly)));
    const writeEl1 = f.tmp(eqz(readOnly));
    const wxn = f.tmp(bit(sctlr, 19));
    const execEl0 = and(eqz(or(bit(d, 54), bit(t, 60))), eqz(and(wxn, writeEl0)));
    const execEl1 = and(eqz(or(or(bit(d, 53), bit(t, 59)), writeEl0)), eqz(and(wxn, writeEl1)));
    const attribute = shrU(field(cpu, 'MAIR_EL1'), shl(extU(bits(d, 2, 3)), i64(3)));
    const device = eqz(wrap(and(attribute, i64(0xf0))));
    const place = (e: Expr, n: number): Expr => shl(e, i32(n));
    const rights = or(
      or(or(el0, place(writeEl0, 1)), or(place(execEl0, 2), place(one, 3))),
      or(place(writeEl1, 4), or(place(execEl1, 5), place(device, 6))),
    );
    const reported = or(
      shl(extU(wrap(and(attribute, i64(0xff)))), i64(ATTR_MAIR_SHIFT)),
      extU(or(place(bits(d, 8, 2), ATTR_SH_SHIFT), select(bit(d, 11), i32(ATTR_NOT_GLOBAL), i32(0)))),
    );
    const geometry = or(place(f.get(level), ATTR_LEVEL_SHIFT), place(wrap(f.get(shift)), ATTR_SIZE_SHIFT));
    setField(f, cpu, 'walkAttributes', or(extU(or(rights, geometry)), reported));
    f.ret(i32(1));
    f.unreachable();
  },
};

/** stage1For(cpu, va, access): stage 1 and its permissions; `walkIpa` is the result. */
const stage1For: CoreHelper = {
  name: 'stage1For',
  params: ['i32', 'i64', 'i32'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va, access] = [f.param(0), f.param(1), f.param(2)];
    f.if(eqz(f.call(m.fn('stage1'), cpu, va)), () => f.ret(i32(0)));
    const attributes = f.tmp(wrap(field(cpu, 'walkAttributes')));
    const el0 = f.tmp(shrU(and(access, i32(ACCESS_EL0)), i32(2)));
    // The right that the access needs: bit 0 read, 1 write, 2 execute; three higher for EL1.
    const right = select(
      and(access, i32(ACCESS_EXEC)),
      i32(ATTR_EXEC_EL0),
      select(and(access, i32(ACCESS_WRITE)), i32(ATTR_WRITE_EL0), i32(ATTR_READ_EL0)),
    );
    const needed = shl(right, select(el0, i32(0), i32(3)));
    f.if(eqz(and(attributes, needed)), () =>
      fail(f, cpu, or(i32(FSC_PERMISSION), and(shrU(attributes, i32(ATTR_LEVEL_SHIFT)), i32(3)))),
    );
    f.ret(i32(1));
    f.unreachable();
  },
};

/**
 * translate(cpu, va, access): both stages and the permissions. Gives 1 with the address in `walkPa`; 0 with
 * `walkFault` set. A stage-2 fault on the final address has WALK_STAGE2 without WALK_S1PTW: its IPA is in `walkIpa`.
 */
const translate: CoreHelper = {
  name: 'translate',
  params: ['i32', 'i64', 'i32'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va, access] = [f.param(0), f.param(1), f.param(2)];
    f.if(eqz(f.call(m.fn('stage1For'), cpu, va, access)), () => f.ret(i32(0)));
    f.if(eqz(f.call(m.fn('stage2'), cpu, field(cpu, 'walkIpa'), access)), () => f.ret(i32(0)));
    setField(f, cpu, 'walkAttributes', or(field(cpu, 'walkAttributes'), extU(field(cpu, 'walkFault', 'i32'))));
    f.ret(i32(1));
    f.unreachable();
  },
};

export const helpers: readonly CoreHelper[] = [branchAddress, hostOf, stage2, stage1, stage1For, translate];
