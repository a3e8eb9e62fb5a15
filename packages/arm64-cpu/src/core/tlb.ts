/** TLB slots of a pCPU: one per address space, chosen by VMID and ASID; TLBI (Arm ARM D5.10). */
import {
  CODE_PAGE_WRITE_MAPPED,
  CODE_TLB_BYTES,
  CODE_TLB_INDEX_BITS,
  PAGE_TLB_ENTRY,
  PCPU_MARK,
  PCPU_NO_CODE,
  PCPU_SLOT_CLOCK,
  PCPU_SLOT_KEYS,
  PCPU_SLOT_TIMES,
  PCPU_SLOT_VCPUS,
  PCPU_SLOTS,
  PCPU_STAGE2,
  SHARED_LAST_BITS,
  SHARED_PCPU_COUNT,
  SHARED_PRESENT,
  SLOT_BLOCK_MAP,
  SLOT_BLOCK_MAP_BYTES,
  SLOT_BYTES,
  SLOT_CODE,
  SLOT_GIANT,
  SLOT_IS_EL1,
  SLOT_MOST_PAGES,
  SLOT_OWNER_EL1,
  SLOT_PAGES,
  SLOT_READ,
  SLOT_ROOM,
  SLOT_WRITE,
  SLOTS,
  STAGE2_BYTES,
  TLB_BYTES,
  TLB_EMPTY_LOWER,
  TLB_EMPTY_UPPER,
  TLB_ENTRIES_MANY,
  TLB_INDEX_BITS,
} from '../layout.ts';
import { OP_ASID, OP_VA, OP_VMID } from '../smp/operations.ts';
import {
  ATOMIC_FENCE,
  add,
  and,
  atomicLoad,
  type Expr,
  eq,
  eqz,
  geU,
  gtU,
  i32,
  i64,
  load,
  ltU,
  ne,
  node,
  or,
  remU,
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
import { ATTR_NOT_GLOBAL, ATTR_SIZE_SHIFT, field, setField } from './memory.ts';

/** memory.fill */
export const fill = (f: FunctionBuilder, at: Expr, byte: number, length: number): void =>
  f.raw([0xfc, 0x0b, 0x00], at, i32(byte), i32(length));

/** Empties one table of 8-byte entries: see TLB_EMPTY_LOWER. */
function emptyTable(f: FunctionBuilder, table: Expr): void {
  fill(f, table, TLB_EMPTY_LOWER, TLB_BYTES / 2);
  fill(f, add(table, i32(TLB_BYTES / 2)), TLB_EMPTY_UPPER, TLB_BYTES / 2);
}

/** emptyPages(slot): forgets the pages that the slot has a list of. */
const emptyPages: CoreHelper = {
  name: 'emptyPages',
  params: ['i32'],
  results: [],
  build(f, m) {
    const slot = f.param(0);
    const room = f.local('i32');
    f.set(room, load('i32', slot, SLOT_ROOM));
    f.block((done) => {
      f.loop((next) => {
        f.brIf(done, eq(f.get(room), i32(SLOT_MOST_PAGES)));
        f.callVoid(m.fn('emptyPage'), slot, load('i32', add(slot, shl(f.get(room), i32(2))), SLOT_PAGES));
        f.set(room, add(f.get(room), i32(1)));
        f.br(next);
      });
    });
    f.store('i32', slot, i32(SLOT_MOST_PAGES), SLOT_ROOM);
  },
};

/** emptySlot(slot): empties all tables of a slot and forgets where blocks were. */
const emptySlot: CoreHelper = {
  name: 'emptySlot',
  params: ['i32'],
  results: [],
  build(f, m) {
    const base = f.param(0);
    f.if(
      or(load('i32', base, SLOT_IS_EL1), eqz(load('i32', base, SLOT_ROOM))),
      () => {
        for (const table of [SLOT_READ, SLOT_WRITE]) emptyTable(f, add(base, i32(table)));
        fill(f, add(base, i32(SLOT_CODE)), TLB_EMPTY_UPPER, CODE_TLB_BYTES);
        f.store('i32', base, i32(SLOT_MOST_PAGES), SLOT_ROOM);
      },
      () => f.callVoid(m.fn('emptyPages'), base),
    );
    fill(f, add(base, i32(SLOT_BLOCK_MAP)), 0, SLOT_BLOCK_MAP_BYTES);
    f.store('i32', base, i32(0), SLOT_GIANT);
  },
};

/** Runs `body` for each slot of the pCPU: `at` plus PCPU_SLOT_KEYS is where its key is, and so on. */
function eachSlot(f: FunctionBuilder, pcpu: Expr, body: (at: Expr, base: Expr) => void): void {
  const at = f.local('i32');
  const base = f.local('i32');
  const end = f.tmp(add(pcpu, i32(4 * SLOTS)));
  f.set(at, pcpu);
  f.set(base, add(pcpu, i32(PCPU_SLOTS)));
  f.loop((next) => {
    body(f.get(at), f.get(base));
    f.set(base, add(f.get(base), i32(SLOT_BYTES)));
    f.set(at, add(f.get(at), i32(4)));
    f.brIf(next, ne(f.get(at), end));
  });
}

const keyOf = (at: Expr): Expr => load('i32', at, PCPU_SLOT_KEYS);

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
    const own = add(currentSlot(cpu), i32(SLOT_CODE));
    const none = add(field(cpu, 'pcpu', 'i32'), i32(PCPU_NO_CODE));
    setField(f, cpu, 'tlbCode', select(and(field(cpu, 'debugActive', 'i32'), i32(ACTIVE_ALWAYS)), none, own));
  },
};

/** The slot of the current exception level. */
export const currentSlot = (cpu: Expr): Expr =>
  select(field(cpu, 'el', 'i32'), field(cpu, 'tlbSlotEl1', 'i32'), field(cpu, 'tlbSlot', 'i32'));

/** selectTables(cpu): points the table bases at the current slots', for the current exception level. */
const selectTables: CoreHelper = {
  name: 'selectTables',
  params: ['i32'],
  results: [],
  build(f, m) {
    const cpu = f.param(0);
    const slot = f.tmp(currentSlot(cpu));
    const el0 = f.tmp(field(cpu, 'tlbSlot', 'i32'));
    setField(f, cpu, 'tlbRead', add(slot, i32(SLOT_READ)));
    setField(f, cpu, 'tlbWrite', add(slot, i32(SLOT_WRITE)));
    setField(f, cpu, 'tlbReadEl0', add(el0, i32(SLOT_READ)));
    setField(f, cpu, 'tlbWriteEl0', add(el0, i32(SLOT_WRITE)));
    f.callVoid(m.fn('selectCode'), cpu);
  },
};

/**
 * findSlot(pcpu, key, owner): the slot that has this key and owner. One of EL1 may have had another ASID, if little in it
 * is not global: that is forgotten. Else the slot that was chosen longest ago, emptied.
 */
const findSlot: CoreHelper = {
  name: 'findSlot',
  params: ['i32', 'i32', 'i32'],
  results: ['i32'],
  build(f, m) {
    const [pcpu, key, owner] = [f.param(0), f.param(1), f.param(2)];
    const [found, foundBase, other, otherBase, oldest] = Array.from({ length: 5 }, () => f.local('i32'));
    const isEl1 = f.tmp(ne(and(owner, i32(SLOT_OWNER_EL1)), i32(0)));
    f.set(other!, i32(0));
    f.set(oldest!, pcpu);
    f.block((chosen) => {
      eachSlot(f, pcpu, (at, base) => {
        f.if(eq(load('i32', at, PCPU_SLOT_VCPUS), owner), () => {
          f.set(found!, at);
          f.set(foundBase!, base);
          const difference = f.tmp(xor(keyOf(at), key));
          f.brIf(chosen, eqz(difference));
          const ofAll = and(isEl1, ne(load('i32', base, SLOT_ROOM), i32(0)));
          f.if(and(eqz(shrU(difference, i32(16))), ofAll), () => {
            f.set(other!, at);
            f.set(otherBase!, base);
          });
        });
        f.if(ltU(load('i32', at, PCPU_SLOT_TIMES), load('i32', f.get(oldest!), PCPU_SLOT_TIMES)), () =>
          f.set(oldest!, at),
        );
      });
      f.if(f.get(other!), () => {
        f.set(found!, f.get(other!));
        f.set(foundBase!, f.get(otherBase!));
        f.callVoid(m.fn('emptyPages'), f.get(foundBase!));
        f.store('i32', f.get(found!), key, PCPU_SLOT_KEYS);
        f.br(chosen);
      });
      f.set(found!, f.get(oldest!));
      const at = f.get(found!);
      const n = shrU(sub(at, pcpu), i32(2));
      f.set(foundBase!, add(add(pcpu, i32(PCPU_SLOTS)), node('i32', [0x6c], n, i32(SLOT_BYTES))));
      // Where the domain has another slot it is told of changes of its stage 2; else nobody asks for it any more.
      f.if(shrU(xor(keyOf(at), key), i32(16)), () => f.callVoid(m.fn('forgetStage2'), pcpu));
      f.callVoid(m.fn('emptySlot'), f.get(foundBase!));
      f.store('i32', at, key, PCPU_SLOT_KEYS);
      f.store('i32', at, owner, PCPU_SLOT_VCPUS);
      f.store('i32', f.get(foundBase!), isEl1, SLOT_IS_EL1);
    });
    const clock = f.tmp(add(load('i32', pcpu, PCPU_SLOT_CLOCK), i32(1)));
    f.store('i32', pcpu, clock, PCPU_SLOT_CLOCK);
    f.store('i32', f.get(found!), clock, PCPU_SLOT_TIMES);
    f.ret(f.get(foundBase!));
    f.unreachable();
  },
};

/** selectContext(cpu): finds or takes the slots of the current address space. */
const selectContext: CoreHelper = {
  name: 'selectContext',
  params: ['i32'],
  results: [],
  build(f, m) {
    const cpu = f.param(0);
    const pcpu = f.tmp(field(cpu, 'pcpu', 'i32'));
    const key = f.tmp(contextKey(cpu));
    const owner = f.tmp(contextOwner(cpu));
    setField(f, cpu, 'tlbSlot', f.call(m.fn('findSlot'), pcpu, key, owner));
    setField(f, cpu, 'tlbSlotEl1', f.call(m.fn('findSlot'), pcpu, key, or(owner, i32(SLOT_OWNER_EL1))));
    f.callVoid(m.fn('selectTables'), cpu);
  },
};

const inUse = (at: Expr): Expr => ne(keyOf(at), i32(-1));
/** Whether the slot belongs to the domain. A free slot's key is no domain's. */
const isOfVmid = (at: Expr, vmid: Expr): Expr => eq(shrU(keyOf(at), i32(16)), vmid);

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
    eachSlot(f, f.param(0), (at, base) => {
      f.if(inUse(at), () => f.callVoid(m.fn('emptySlot'), base));
    });
  },
};

const empty = (byte: number): Expr => i64(BigInt(byte) * 0x0101010101010101n);

/** emptyWrites(slot) */
const emptyWrites: CoreHelper = {
  name: 'emptyWrites',
  params: ['i32'],
  results: [],
  build(f) {
    emptyTable(f, add(f.param(0), i32(SLOT_WRITE)));
  },
};

const emptyEntry = (isUpper: Expr): Expr => select(isUpper, empty(TLB_EMPTY_UPPER), empty(TLB_EMPTY_LOWER));

/**
 * forgetWrites(pcpu, word): no write entry is left of a page that now holds code, of which the word of PCPU_CODE_PAGES is
 * given, so that it is not written unseen.
 */
const forgetWrites: CoreHelper = {
  name: 'forgetWrites',
  params: ['i32', 'i32'],
  results: [],
  build(f, m) {
    const pcpu = f.param(0);
    const entry = f.tmp(and(f.param(1), i32(~CODE_PAGE_WRITE_MAPPED)));
    f.if(entry, () => {
      const inSlot = remU(sub(entry, i32(PCPU_SLOTS)), i32(SLOT_BYTES));
      const isUpper = geU(sub(inSlot, i32(SLOT_WRITE)), i32(TLB_BYTES / 2));
      f.store('i64', add(pcpu, entry), emptyEntry(isUpper));
      f.ret();
    });
    eachSlot(f, pcpu, (at, base) => {
      f.if(inUse(at), () => f.callVoid(m.fn('emptyWrites'), base));
    });
  },
};

/** flushWritesOf(pcpu, vmid): the same for one domain. */
const flushWritesOf: CoreHelper = {
  name: 'flushWritesOf',
  params: ['i32', 'i32'],
  results: [],
  build(f, m) {
    eachSlot(f, f.param(0), (at, base) => {
      f.if(isOfVmid(at, f.param(1)), () => f.callVoid(m.fn('emptyWrites'), base));
    });
  },
};

/** forgetCode(pcpu, records): no entry of a code TLB is left that leads to a page of records. */
const forgetCode: CoreHelper = {
  name: 'forgetCode',
  params: ['i32', 'i32'],
  results: [],
  build(f) {
    const entry = f.tmp(load('i32', f.param(1), PAGE_TLB_ENTRY));
    f.if(eqz(entry), () => f.ret());
    f.if(ne(entry, i32(TLB_ENTRIES_MANY)), () => {
      f.store('i64', entry, empty(TLB_EMPTY_UPPER));
      f.ret();
    });
    eachSlot(f, f.param(0), (at, base) => {
      f.if(inUse(at), () => fill(f, add(base, i32(SLOT_CODE)), TLB_EMPTY_UPPER, CODE_TLB_BYTES));
    });
  },
};

/** flushAsid(pcpu, key): forgets what is not global of VMID << 16 | ASID, whatever vCPU's. */
const flushAsid: CoreHelper = {
  name: 'flushAsid',
  params: ['i32', 'i32'],
  results: [],
  build(f, m) {
    eachSlot(f, f.param(0), (at, base) => {
      f.if(eq(keyOf(at), f.param(1)), () => {
        f.if(
          and(load('i32', base, SLOT_IS_EL1), ne(load('i32', base, SLOT_ROOM), i32(0))),
          () => f.callVoid(m.fn('emptyPages'), base),
          () => f.callVoid(m.fn('emptySlot'), base),
        );
      });
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
    eachSlot(f, f.param(0), (at, base) => {
      f.if(isOfVmid(at, f.param(1)), () => f.callVoid(m.fn('emptySlot'), base));
    });
  },
};

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
    const nothing = f.tmp(emptyEntry(isUpper));
    for (const table of [SLOT_READ, SLOT_WRITE]) f.store('i64', data, nothing, table);
    // An entry of another page with the same index stays: code is looked up anew at some cost.
    f.if(eq(wrap(shrU(load('i64', code, SLOT_CODE), i64(12))), page), () =>
      f.store('i64', code, empty(TLB_EMPTY_UPPER), SLOT_CODE),
    );
  },
};

/** Byte of the block map and the bit in it for VA[32:21], from the page number VA[55:12]. */
const blockMapByte = (slot: Expr, page: Expr): Expr =>
  add(slot, and(shrU(page, i32(12)), i32(SLOT_BLOCK_MAP_BYTES - 1)));
const blockMapBit = (page: Expr): Expr => shl(i32(1), and(shrU(page, i32(9)), i32(7)));

/** notePage(slot, va, attributes): remembers what is needed to forget a page that was entered. */
const notePage: CoreHelper = {
  name: 'notePage',
  params: ['i32', 'i64', 'i32'],
  results: [],
  build(f) {
    const [slot, va, attributes] = [f.param(0), f.param(1), f.param(2)];
    const page = f.tmp(wrap(shrU(va, i64(12))));
    const size = f.tmp(and(shrU(attributes, i32(ATTR_SIZE_SHIFT)), i32(63)));
    f.if(gtU(size, i32(12)), () => {
      f.if(ltU(i32(21), size), () => f.store('i32', slot, i32(1), SLOT_GIANT));
      const at = f.tmp(blockMapByte(slot, page));
      f.store('i32_8', at, or(load('i32_8u', at, SLOT_BLOCK_MAP), blockMapBit(page)), SLOT_BLOCK_MAP);
    });
    const room = f.tmp(load('i32', slot, SLOT_ROOM));
    f.if(load('i32', slot, SLOT_IS_EL1), () => {
      f.if(eqz(and(attributes, i32(ATTR_NOT_GLOBAL))), () => f.ret());
      // A kernel whose own pages are not global: each ASID gets a slot.
      f.if(wrap(and(shrU(va, i64(55)), i64(1))), () => {
        f.store('i32', slot, i32(0), SLOT_ROOM);
        f.ret();
      });
    });
    f.if(room, () => {
      const at = f.tmp(add(slot, shl(room, i32(2))));
      f.if(and(ne(room, i32(SLOT_MOST_PAGES)), eq(load('i32', at, SLOT_PAGES), page)), () => f.ret());
      f.store('i32', at, page, SLOT_PAGES - 4);
      f.store('i32', slot, sub(room, i32(1)), SLOT_ROOM);
    });
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
    eachSlot(f, f.param(0), (at, base) => {
      f.if(isOfVmid(at, f.param(1)), () => f.callVoid(m.fn('emptyVa'), base, f.param(2)));
    });
  },
};

/**
 * A TLBI on this pCPU, told to the others if they may have entries that are kept; `waits`: the next DSB waits until none of
 * them uses what it forgets.
 */
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
      f.if(isShared(), () => {
        // What the vCPU has written to its tables is seen before others are looked for: see Broadcast#join.
        f.raw(ATOMIC_FENCE);
        const mark = load('i32', field(cpu, 'pcpu', 'i32'), PCPU_MARK);
        f.if(ne(presentOf(cpu), mark), () => f.callVoid(m.fn('broadcast'), cpu, i32(op), what, f.param(2)));
      });
    },
  };
}

/** The word of SHARED_PRESENT for the vCPU's domain. */
export const presentOf = (cpu: Expr): Expr =>
  atomicLoad('i32', 4, shl(and(vmidOf(cpu), i32(2 ** SHARED_LAST_BITS - 1)), i32(2)), SHARED_PRESENT);

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
  emptyPages,
  emptySlot,
  emptyWrites,
  emptyPage,
  emptyVa,
  selectTables,
  findSlot,
  selectContext,
  forgetStage2,
  flushAll,
  forgetWrites,
  flushWritesOf,
  forgetCode,
  flushAsid,
  flushVmid,
  flushVa,
  notePage,
  tlbiAsid,
  tlbiVa,
  tlbiAll,
];
