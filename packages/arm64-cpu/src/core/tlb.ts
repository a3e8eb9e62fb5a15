/** TLB slots of a pCPU: one per address space, chosen by VMID and ASID; TLBI (Arm ARM D5.10). */
import {
  CODE_TLB_BYTES,
  CODE_TLB_INDEX_BITS,
  PCPU_BLOCK_MAP,
  PCPU_BLOCK_MAP_BYTES,
  PCPU_GIANT,
  PCPU_NEXT_SLOT,
  PCPU_NO_CODE,
  PCPU_SLOT_KEYS,
  PCPU_SLOT_VCPUS,
  PCPU_SLOTS,
  SLOT_BYTES,
  SLOT_CODE_EL0,
  SLOT_CODE_EL1,
  SLOT_READ_EL0,
  SLOT_READ_EL1,
  SLOT_WRITE_EL0,
  SLOT_WRITE_EL1,
  SLOTS,
  TLB_BYTES,
  TLB_EMPTY_LOWER,
  TLB_EMPTY_UPPER,
  TLB_INDEX_BITS,
} from '../layout.ts';
import {
  add,
  and,
  type Expr,
  eq,
  eqz,
  i32,
  i64,
  load,
  ltU,
  ne,
  not,
  or,
  select,
  shl,
  shrU,
  wrap,
} from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import { ACTIVE_ALWAYS } from './debug.ts';
import type { CoreHelper } from './helper.ts';
import { field, setField } from './memory.ts';

/** memory.fill */
export const fill = (f: FunctionBuilder, at: Expr, byte: number, length: number): void =>
  f.raw([0xfc, 0x0b, 0x00], at, i32(byte), i32(length));

/** Empties one table of 8-byte entries: see TLB_EMPTY_LOWER. */
function emptyTable(f: FunctionBuilder, table: Expr): void {
  fill(f, table, TLB_EMPTY_LOWER, TLB_BYTES / 2);
  fill(f, add(table, i32(TLB_BYTES / 2)), TLB_EMPTY_UPPER, TLB_BYTES / 2);
}

/** Empties all tables of a slot. */
function emptySlot(f: FunctionBuilder, base: Expr): void {
  for (const table of [SLOT_READ_EL0, SLOT_WRITE_EL0, SLOT_READ_EL1, SLOT_WRITE_EL1]) {
    emptyTable(f, add(base, i32(table)));
  }
  fill(f, add(base, i32(SLOT_CODE_EL0)), TLB_EMPTY_UPPER, 2 * CODE_TLB_BYTES);
}

/** Runs `body` for each slot of the pCPU, with the addresses of its key and its owner, and its base. */
function eachSlot(pcpu: Expr, body: (key: Expr, base: Expr, owner: Expr) => void): void {
  for (let n = 0; n < SLOTS; n++) {
    const at = (table: number): Expr => add(pcpu, i32(table + 4 * n));
    body(at(PCPU_SLOT_KEYS), add(pcpu, i32(PCPU_SLOTS + n * SLOT_BYTES)), at(PCPU_SLOT_VCPUS));
  }
}

/** The ASID in bits 63:48 of a TTBR or a TLBI operand: TCR_EL1.AS says whether 8 or 16 bits of it count. */
function asidOf(cpu: Expr, holder: Expr): Expr {
  const as = wrap(and(shrU(field(cpu, 'TCR_EL1'), i64(36)), i64(1)));
  return and(wrap(shrU(holder, i64(48))), select(as, i32(0xffff), i32(0xff)));
}

/** VMID << 16 | ASID of the vCPU's current address space. TCR_EL1.A1 says which TTBR holds the ASID. */
function contextKey(cpu: Expr): Expr {
  const a1 = wrap(and(shrU(field(cpu, 'TCR_EL1'), i64(22)), i64(1)));
  const asid = asidOf(cpu, select(a1, field(cpu, 'TTBR1_EL1'), field(cpu, 'TTBR0_EL1')));
  const vmid = and(wrap(shrU(field(cpu, 'VTTBR_EL2'), i64(48))), i32(0x7fff));
  return or(shl(vmid, i32(16)), asid);
}

/** The vCPU with SCTLR_EL1.M and A and CPACR_EL1.FPEN in its low bits: see PCPU_SLOT_VCPUS. */
function contextOwner(cpu: Expr): Expr {
  const sctlr = and(wrap(field(cpu, 'SCTLR_EL1')), i32(3));
  const fpen = and(wrap(shrU(field(cpu, 'CPACR_EL1'), i64(18))), i32(12));
  return or(cpu, or(sctlr, fpen));
}

/** selectCode(cpu): the code TLB: the current slot's, or the empty one where every instruction is looked at. */
const selectCode: CoreHelper = {
  name: 'selectCode',
  params: ['i32'],
  results: [],
  build(f) {
    const cpu = f.param(0);
    const own = add(
      field(cpu, 'tlbSlot', 'i32'),
      select(field(cpu, 'el', 'i32'), i32(SLOT_CODE_EL1), i32(SLOT_CODE_EL0)),
    );
    const none = add(field(cpu, 'pcpu', 'i32'), i32(PCPU_NO_CODE));
    setField(f, cpu, 'tlbCode', select(and(field(cpu, 'debugActive', 'i32'), i32(ACTIVE_ALWAYS)), none, own));
  },
};

/** selectTables(cpu): points the table bases at the current slot's, for the current exception level. */
const selectTables: CoreHelper = {
  name: 'selectTables',
  params: ['i32'],
  results: [],
  build(f, m) {
    const cpu = f.param(0);
    const slot = f.tmp(field(cpu, 'tlbSlot', 'i32'));
    const el = f.tmp(field(cpu, 'el', 'i32'));
    const pick = (el0: number, el1: number): Expr => add(slot, select(el, i32(el1), i32(el0)));
    setField(f, cpu, 'tlbRead', pick(SLOT_READ_EL0, SLOT_READ_EL1));
    setField(f, cpu, 'tlbWrite', pick(SLOT_WRITE_EL0, SLOT_WRITE_EL1));
    setField(f, cpu, 'tlbReadEl0', add(slot, i32(SLOT_READ_EL0)));
    setField(f, cpu, 'tlbWriteEl0', add(slot, i32(SLOT_WRITE_EL0)));
    f.callVoid(m.fn('selectCode'), cpu);
  },
};

/** selectContext(cpu): finds or takes the slot of the current address space. */
const selectContext: CoreHelper = {
  name: 'selectContext',
  params: ['i32'],
  results: [],
  build(f, m) {
    const cpu = f.param(0);
    const pcpu = f.tmp(field(cpu, 'pcpu', 'i32'));
    const key = f.tmp(contextKey(cpu));
    const owner = f.tmp(contextOwner(cpu));
    f.block((found) => {
      eachSlot(pcpu, (at, base, ownerAt) => {
        f.if(and(eq(load('i32', at), key), eq(load('i32', ownerAt), owner)), () => {
          setField(f, cpu, 'tlbSlot', base);
          f.br(found);
        });
      });
      const next = f.tmp(load('i32', pcpu, PCPU_NEXT_SLOT));
      f.store('i32', pcpu, and(add(next, i32(1)), i32(SLOTS - 1)), PCPU_NEXT_SLOT);
      const base = f.tmp(add(pcpu, add(i32(PCPU_SLOTS), node32Mul(next, SLOT_BYTES))));
      emptySlot(f, base);
      f.store('i32', add(pcpu, shl(next, i32(2))), key, PCPU_SLOT_KEYS);
      f.store('i32', add(pcpu, shl(next, i32(2))), owner, PCPU_SLOT_VCPUS);
      setField(f, cpu, 'tlbSlot', base);
    });
    f.callVoid(m.fn('selectTables'), cpu);
  },
};

const node32Mul = (e: Expr, n: number): Expr => ({ t: 'i32', code: [0x6c], args: [e, i32(n)] });

/** flushAll(pcpu): empties every slot and forgets where blocks were. */
const flushAll: CoreHelper = {
  name: 'flushAll',
  params: ['i32'],
  results: [],
  build(f) {
    const pcpu = f.param(0);
    eachSlot(pcpu, (key, base) => {
      f.if(ne(load('i32', key), i32(-1)), () => emptySlot(f, base));
    });
    fill(f, add(pcpu, i32(PCPU_BLOCK_MAP)), 0, PCPU_BLOCK_MAP_BYTES);
    f.store('i32', pcpu, i32(0), PCPU_GIANT);
  },
};

/** flushWrites(pcpu): empties every write table, so that no page that now holds code is written unseen. */
const flushWrites: CoreHelper = {
  name: 'flushWrites',
  params: ['i32'],
  results: [],
  build(f) {
    eachSlot(f.param(0), (key, base) => {
      f.if(ne(load('i32', key), i32(-1)), () => {
        emptyTable(f, add(base, i32(SLOT_WRITE_EL0)));
        emptyTable(f, add(base, i32(SLOT_WRITE_EL1)));
      });
    });
  },
};

/** flushCode(pcpu): empties every code TLB. */
const flushCode: CoreHelper = {
  name: 'flushCode',
  params: ['i32'],
  results: [],
  build(f) {
    eachSlot(f.param(0), (key, base) => {
      f.if(ne(load('i32', key), i32(-1)), () =>
        fill(f, add(base, i32(SLOT_CODE_EL0)), TLB_EMPTY_UPPER, 2 * CODE_TLB_BYTES),
      );
    });
  },
};

/** tlbiAsid(cpu, operand): TLBI ASIDE1, for every vCPU of the domain; the ASID is bits 63:48 of the operand. */
const tlbiAsid: CoreHelper = {
  name: 'tlbiAsid',
  params: ['i32', 'i64'],
  results: [],
  build(f) {
    const cpu = f.param(0);
    const pcpu = f.tmp(field(cpu, 'pcpu', 'i32'));
    const key = f.tmp(or(and(contextKey(cpu), i32(~0xffff)), asidOf(cpu, f.param(1))));
    eachSlot(pcpu, (at, base) => {
      f.if(eq(load('i32', at), key), () => emptySlot(f, base));
    });
  },
};

const empty = (byte: number): Expr => i64(BigInt(byte) * 0x0101010101010101n);

/** tlbiPage(cpu, page): forgets one 4 KiB page (VA[55:12]) in every slot, whatever its ASID. */
const tlbiPage: CoreHelper = {
  name: 'tlbiPage',
  params: ['i32', 'i64'],
  results: [],
  build(f) {
    const cpu = f.param(0);
    const pcpu = f.tmp(field(cpu, 'pcpu', 'i32'));
    const page = f.tmp(wrap(f.param(1)));
    const data = f.tmp(shl(and(page, i32(2 ** TLB_INDEX_BITS - 1)), i32(3)));
    const code = f.tmp(shl(and(page, i32(2 ** CODE_TLB_INDEX_BITS - 1)), i32(4)));
    const isUpper = and(page, i32(2 ** (TLB_INDEX_BITS - 1)));
    const nothing = f.tmp(select(isUpper, empty(TLB_EMPTY_UPPER), empty(TLB_EMPTY_LOWER)));
    eachSlot(pcpu, (key, base) => {
      f.if(ne(load('i32', key), i32(-1)), () => {
        for (const table of [SLOT_READ_EL0, SLOT_WRITE_EL0, SLOT_READ_EL1, SLOT_WRITE_EL1]) {
          f.store('i64', add(base, data), nothing, table);
        }
        for (const table of [SLOT_CODE_EL0, SLOT_CODE_EL1]) {
          f.store('i64', add(base, code), empty(TLB_EMPTY_UPPER), table);
        }
      });
    });
  },
};

/** Byte of the block map and the bit in it for VA[32:21], from the page number VA[55:12]. */
const blockMapByte = (pcpu: Expr, page: Expr): Expr =>
  add(pcpu, and(shrU(page, i32(12)), i32(PCPU_BLOCK_MAP_BYTES - 1)));
const blockMapBit = (page: Expr): Expr => shl(i32(1), and(shrU(page, i32(9)), i32(7)));

/** noteBlock(pcpu, va, size): remembers that a mapping of 2^size bytes was entered for the address. */
const noteBlock: CoreHelper = {
  name: 'noteBlock',
  params: ['i32', 'i64', 'i32'],
  results: [],
  build(f) {
    const pcpu = f.param(0);
    const page = f.tmp(wrap(shrU(f.param(1), i64(12))));
    f.if(ltU(i32(21), f.param(2)), () => f.store('i32', pcpu, i32(1), PCPU_GIANT));
    const at = f.tmp(blockMapByte(pcpu, page));
    f.store('i32_8', at, or(load('i32_8u', at, PCPU_BLOCK_MAP), blockMapBit(page)), PCPU_BLOCK_MAP);
  },
};

/**
 * tlbiVa(cpu, operand): TLBI VAE1, VAAE1, VALE1, VAALE1; VA[55:12] is bits 43:0 of the operand. Entries are of 4 KiB:
 * where a larger mapping was entered, all that it may have left goes.
 */
const tlbiVa: CoreHelper = {
  name: 'tlbiVa',
  params: ['i32', 'i64'],
  results: [],
  build(f, m) {
    const cpu = f.param(0);
    const pcpu = f.tmp(field(cpu, 'pcpu', 'i32'));
    const page = f.tmp(wrap(f.param(1)));
    f.if(load('i32', pcpu, PCPU_GIANT), () => {
      f.callVoid(m.fn('flushAll'), pcpu);
      f.ret();
    });
    const inBlock = and(load('i32_8u', blockMapByte(pcpu, page), PCPU_BLOCK_MAP), blockMapBit(page));
    f.if(eqz(inBlock), () => {
      f.callVoid(m.fn('tlbiPage'), cpu, f.param(1));
      f.ret();
    });
    const at = f.local('i64');
    f.set(at, and(f.param(1), not(i64(511))));
    f.loop((again) => {
      f.callVoid(m.fn('tlbiPage'), cpu, f.get(at));
      f.set(at, add(f.get(at), i64(1)));
      f.brIf(again, ne(and(f.get(at), i64(511)), i64(0)));
    });
  },
};

/** tlbiAll(cpu): TLBI VMALLE1. */
const tlbiAll: CoreHelper = {
  name: 'tlbiAll',
  params: ['i32'],
  results: [],
  build: (f, m) => f.callVoid(m.fn('flushAll'), field(f.param(0), 'pcpu', 'i32')),
};

export const helpers: readonly CoreHelper[] = [
  selectCode,
  selectTables,
  selectContext,
  flushAll,
  flushWrites,
  flushCode,
  tlbiAsid,
  tlbiPage,
  noteBlock,
  tlbiVa,
  tlbiAll,
];
