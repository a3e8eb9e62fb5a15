/** TLB slots of a pCPU: one per address space, chosen by VMID and ASID; TLBI (Arm ARM D5.10). */
import {
  CODE_TLB_BYTES,
  CODE_TLB_INDEX_BITS,
  PCPU_NO_CODE,
  PCPU_SLOT_CLOCK,
  PCPU_SLOT_KEYS,
  PCPU_SLOT_TIMES,
  PCPU_SLOT_VCPUS,
  PCPU_SLOTS,
  PCPU_STAGE2,
  SHARED_PCPU_COUNT,
  SLOT_BLOCK_MAP,
  SLOT_BLOCK_MAP_BYTES,
  SLOT_BYTES,
  SLOT_CODE_EL0,
  SLOT_CODE_EL1,
  SLOT_GIANT,
  SLOT_READ_EL0,
  SLOT_READ_EL1,
  SLOT_WRITE_EL0,
  SLOT_WRITE_EL1,
  SLOTS,
  STAGE2_BYTES,
  TLB_BYTES,
  TLB_EMPTY_LOWER,
  TLB_EMPTY_UPPER,
  TLB_INDEX_BITS,
} from '../layout.ts';
import { OP_ASID, OP_VA, OP_VMID } from '../smp/operations.ts';
import {
  add,
  and,
  type Expr,
  eq,
  eqz,
  gtU,
  i32,
  i64,
  load,
  ltU,
  ne,
  node,
  or,
  select,
  shl,
  shrU,
  sub,
  wrap,
  xor,
} from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import { ACTIVE_ALWAYS } from './debug.ts';
import type { CoreHelper, CoreModule } from './helper.ts';
import { field, setField } from './memory.ts';

/** memory.fill */
export const fill = (f: FunctionBuilder, at: Expr, byte: number, length: number): void =>
  f.raw([0xfc, 0x0b, 0x00], at, i32(byte), i32(length));

/** Empties one table of 8-byte entries: see TLB_EMPTY_LOWER. */
function emptyTable(f: FunctionBuilder, table: Expr): void {
  fill(f, table, TLB_EMPTY_LOWER, TLB_BYTES / 2);
  fill(f, add(table, i32(TLB_BYTES / 2)), TLB_EMPTY_UPPER, TLB_BYTES / 2);
}

/** emptySlot(slot): empties all tables of a slot and forgets where blocks were. */
const emptySlot: CoreHelper = {
  name: 'emptySlot',
  params: ['i32'],
  results: [],
  build(f) {
    const base = f.param(0);
    for (const table of [SLOT_READ_EL0, SLOT_WRITE_EL0, SLOT_READ_EL1, SLOT_WRITE_EL1]) {
      emptyTable(f, add(base, i32(table)));
    }
    fill(f, add(base, i32(SLOT_CODE_EL0)), TLB_EMPTY_UPPER, 2 * CODE_TLB_BYTES);
    fill(f, add(base, i32(SLOT_BLOCK_MAP)), 0, SLOT_BLOCK_MAP_BYTES);
    f.store('i32', base, i32(0), SLOT_GIANT);
  },
};

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

/** The VMID in VTTBR_EL2 (15 bits of it count). */
export const vmidOf = (cpu: Expr): Expr => and(wrap(shrU(field(cpu, 'VTTBR_EL2'), i64(48))), i32(0x7fff));

/** VMID << 16 | ASID of the vCPU's current address space. TCR_EL1.A1 says which TTBR holds the ASID. */
function contextKey(cpu: Expr): Expr {
  const a1 = wrap(and(shrU(field(cpu, 'TCR_EL1'), i64(22)), i64(1)));
  const asid = asidOf(cpu, select(a1, field(cpu, 'TTBR1_EL1'), field(cpu, 'TTBR0_EL1')));
  return or(shl(vmidOf(cpu), i32(16)), asid);
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
      const oldest = f.local('i32');
      f.set(oldest, pcpu);
      for (let n = 1; n < SLOTS; n++) {
        const at = f.tmp(add(pcpu, i32(4 * n)));
        f.if(ltU(load('i32', at, PCPU_SLOT_TIMES), load('i32', f.get(oldest), PCPU_SLOT_TIMES)), () =>
          f.set(oldest, at),
        );
      }
      const at = f.get(oldest);
      const n = shrU(sub(at, pcpu), i32(2));
      const base = f.tmp(add(pcpu, add(i32(PCPU_SLOTS), node32Mul(n, SLOT_BYTES))));
      // Where the domain has another slot it is told of changes of its stage 2; else nobody asks for it any more.
      const other = ne(shrU(xor(load('i32', at, PCPU_SLOT_KEYS), key), i32(16)), i32(0));
      f.if(other, () => f.callVoid(m.fn('forgetStage2'), pcpu));
      f.callVoid(m.fn('emptySlot'), base);
      f.store('i32', at, key, PCPU_SLOT_KEYS);
      f.store('i32', at, owner, PCPU_SLOT_VCPUS);
      setField(f, cpu, 'tlbSlot', base);
    });
    const clock = f.tmp(add(load('i32', pcpu, PCPU_SLOT_CLOCK), i32(1)));
    f.store('i32', pcpu, clock, PCPU_SLOT_CLOCK);
    const chosen = div32(sub(field(cpu, 'tlbSlot', 'i32'), add(pcpu, i32(PCPU_SLOTS))), SLOT_BYTES);
    f.store('i32', add(pcpu, shl(chosen, i32(2))), clock, PCPU_SLOT_TIMES);
    f.callVoid(m.fn('selectTables'), cpu);
  },
};

const div32 = (e: Expr, n: number): Expr => node('i32', [0x6e], e, i32(n));
const node32Mul = (e: Expr, n: number): Expr => ({ t: 'i32', code: [0x6c], args: [e, i32(n)] });

const inUse = (key: Expr): Expr => ne(load('i32', key), i32(-1));
/** Whether the slot belongs to the domain. A free slot's key is no domain's. */
const isOfVmid = (key: Expr, vmid: Expr): Expr => eq(shrU(load('i32', key), i32(16)), vmid);

/** forgetStage2(pcpu): forgets the translations of stage 2 that walks found. */
const forgetStage2: CoreHelper = {
  name: 'forgetStage2',
  params: ['i32'],
  results: [],
  build: (f) => fill(f, add(f.param(0), i32(PCPU_STAGE2)), 0, STAGE2_BYTES),
};

/** flushAll(pcpu): empties every slot. */
const flushAll: CoreHelper = {
  name: 'flushAll',
  params: ['i32'],
  results: [],
  build(f, m) {
    f.callVoid(m.fn('forgetStage2'), f.param(0));
    eachSlot(f.param(0), (key, base) => {
      f.if(inUse(key), () => f.callVoid(m.fn('emptySlot'), base));
    });
  },
};

/** emptyWrites(slot) */
const emptyWrites: CoreHelper = {
  name: 'emptyWrites',
  params: ['i32'],
  results: [],
  build(f) {
    emptyTable(f, add(f.param(0), i32(SLOT_WRITE_EL0)));
    emptyTable(f, add(f.param(0), i32(SLOT_WRITE_EL1)));
  },
};

/** flushWrites(pcpu): empties every write table, so that no page that now holds code is written unseen. */
const flushWrites: CoreHelper = {
  name: 'flushWrites',
  params: ['i32'],
  results: [],
  build(f, m) {
    eachSlot(f.param(0), (key, base) => {
      f.if(inUse(key), () => f.callVoid(m.fn('emptyWrites'), base));
    });
  },
};

/** flushWritesOf(pcpu, vmid): the same for one domain. */
const flushWritesOf: CoreHelper = {
  name: 'flushWritesOf',
  params: ['i32', 'i32'],
  results: [],
  build(f, m) {
    eachSlot(f.param(0), (key, base) => {
      f.if(isOfVmid(key, f.param(1)), () => f.callVoid(m.fn('emptyWrites'), base));
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
      f.if(inUse(key), () => fill(f, add(base, i32(SLOT_CODE_EL0)), TLB_EMPTY_UPPER, 2 * CODE_TLB_BYTES));
    });
  },
};

/** flushAsid(pcpu, key): empties the slots of VMID << 16 | ASID, whatever vCPU's. */
const flushAsid: CoreHelper = {
  name: 'flushAsid',
  params: ['i32', 'i32'],
  results: [],
  build(f, m) {
    eachSlot(f.param(0), (key, base) => {
      f.if(eq(load('i32', key), f.param(1)), () => f.callVoid(m.fn('emptySlot'), base));
    });
  },
};

/** flushVmid(pcpu, vmid): empties every slot of the domain. */
const flushVmid: CoreHelper = {
  name: 'flushVmid',
  params: ['i32', 'i32'],
  results: [],
  build(f, m) {
    f.callVoid(m.fn('forgetStage2'), f.param(0));
    eachSlot(f.param(0), (key, base) => {
      f.if(isOfVmid(key, f.param(1)), () => f.callVoid(m.fn('emptySlot'), base));
    });
  },
};

const empty = (byte: number): Expr => i64(BigInt(byte) * 0x0101010101010101n);

/** emptyPage(slot, page): forgets one 4 KiB page; `page` is the low bits of VA[55:12]. */
const emptyPage: CoreHelper = {
  name: 'emptyPage',
  params: ['i32', 'i32'],
  results: [],
  build(f) {
    const [base, page] = [f.param(0), f.param(1)];
    const data = f.tmp(add(base, shl(and(page, i32(2 ** TLB_INDEX_BITS - 1)), i32(3))));
    const code = f.tmp(add(base, shl(and(page, i32(2 ** CODE_TLB_INDEX_BITS - 1)), i32(4))));
    const isUpper = and(page, i32(2 ** (TLB_INDEX_BITS - 1)));
    const nothing = f.tmp(select(isUpper, empty(TLB_EMPTY_UPPER), empty(TLB_EMPTY_LOWER)));
    for (const table of [SLOT_READ_EL0, SLOT_WRITE_EL0, SLOT_READ_EL1, SLOT_WRITE_EL1]) {
      f.store('i64', data, nothing, table);
    }
    // Entries of other pages with the same index stay: code is looked up anew at some cost.
    for (const table of [SLOT_CODE_EL0, SLOT_CODE_EL1]) {
      f.if(eq(wrap(shrU(load('i64', code, table), i64(12))), page), () =>
        f.store('i64', code, empty(TLB_EMPTY_UPPER), table),
      );
    }
  },
};

/** Byte of the block map and the bit in it for VA[32:21], from the page number VA[55:12]. */
const blockMapByte = (slot: Expr, page: Expr): Expr =>
  add(slot, and(shrU(page, i32(12)), i32(SLOT_BLOCK_MAP_BYTES - 1)));
const blockMapBit = (page: Expr): Expr => shl(i32(1), and(shrU(page, i32(9)), i32(7)));

/** noteBlock(slot, va, size): remembers that a mapping of 2^size bytes was entered for the address. */
const noteBlock: CoreHelper = {
  name: 'noteBlock',
  params: ['i32', 'i64', 'i32'],
  results: [],
  build(f) {
    const slot = f.param(0);
    const page = f.tmp(wrap(shrU(f.param(1), i64(12))));
    f.if(ltU(i32(21), f.param(2)), () => f.store('i32', slot, i32(1), SLOT_GIANT));
    const at = f.tmp(blockMapByte(slot, page));
    f.store('i32_8', at, or(load('i32_8u', at, SLOT_BLOCK_MAP), blockMapBit(page)), SLOT_BLOCK_MAP);
  },
};

/** emptyVa(slot, page): forgets what was entered by the mapping of a page: where that may be a larger one, all of it. */
const emptyVa: CoreHelper = {
  name: 'emptyVa',
  params: ['i32', 'i32'],
  results: [],
  build(f, m) {
    const [slot, page] = [f.param(0), f.param(1)];
    f.if(load('i32', slot, SLOT_GIANT), () => {
      f.callVoid(m.fn('emptySlot'), slot);
      f.ret();
    });
    const inBlock = and(load('i32_8u', blockMapByte(slot, page), SLOT_BLOCK_MAP), blockMapBit(page));
    f.if(eqz(inBlock), () => {
      f.callVoid(m.fn('emptyPage'), slot, page);
      f.ret();
    });
    const at = f.local('i32');
    f.set(at, and(page, i32(~511)));
    f.loop((again) => {
      f.callVoid(m.fn('emptyPage'), slot, f.get(at));
      f.set(at, add(f.get(at), i32(1)));
      f.brIf(again, and(f.get(at), i32(511)));
    });
  },
};

/** flushVa(pcpu, vmid, page): forgets an address in every slot of the domain, whatever its ASID. */
const flushVa: CoreHelper = {
  name: 'flushVa',
  params: ['i32', 'i32', 'i32'],
  results: [],
  build(f, m) {
    eachSlot(f.param(0), (key, base) => {
      f.if(isOfVmid(key, f.param(1)), () => f.callVoid(m.fn('emptyVa'), base, f.param(2)));
    });
  },
};

/** A TLBI on this pCPU, told to the others; `waits`: the next DSB waits until none of them uses what it forgets. */
function tlbi(
  name: string,
  op: number,
  operand: (cpu: Expr, x: Expr) => Expr,
  flush: (f: FunctionBuilder, m: CoreModule, pcpu: Expr, vmid: Expr, operand: Expr) => void,
): CoreHelper {
  return {
    name,
    params: ['i32', 'i64', 'i32'],
    results: [],
    build(f, m) {
      const cpu = f.param(0);
      const what = f.tmp(operand(cpu, f.param(1)));
      flush(f, m, field(cpu, 'pcpu', 'i32'), vmidOf(cpu), what);
      f.if(isShared(), () => f.callVoid(m.fn('broadcast'), cpu, i32(op), what, f.param(2)));
    },
  };
}

/** Whether there is more than one pCPU. */
export const isShared = (): Expr => gtU(load('i32', i32(SHARED_PCPU_COUNT)), i32(1));

/** tlbiAsid(cpu, operand, waits): TLBI ASIDE1; the ASID is bits 63:48 of the operand. */
const tlbiAsid = tlbi(
  'tlbiAsid',
  OP_ASID,
  (cpu, x) => or(shl(vmidOf(cpu), i32(16)), asidOf(cpu, x)),
  (f, m, pcpu, _, key) => f.callVoid(m.fn('flushAsid'), pcpu, key),
);

/** tlbiVa(cpu, operand, waits): TLBI VAE1, VAAE1, VALE1, VAALE1; VA[55:12] is bits 43:0 of the operand. */
const tlbiVa = tlbi(
  'tlbiVa',
  OP_VA,
  (_, x) => wrap(x),
  (f, m, pcpu, vmid, page) => f.callVoid(m.fn('flushVa'), pcpu, vmid, page),
);

/** tlbiAll(cpu, 0, waits): TLBI VMALLE1. */
const tlbiAll = tlbi(
  'tlbiAll',
  OP_VMID,
  () => i32(0),
  (f, m, pcpu, vmid) => f.callVoid(m.fn('flushVmid'), pcpu, vmid),
);

export const helpers: readonly CoreHelper[] = [
  selectCode,
  emptySlot,
  emptyWrites,
  emptyPage,
  emptyVa,
  selectTables,
  selectContext,
  forgetStage2,
  flushAll,
  flushWrites,
  flushWritesOf,
  flushCode,
  flushAsid,
  flushVmid,
  flushVa,
  noteBlock,
  tlbiAsid,
  tlbiVa,
  tlbiAll,
];
