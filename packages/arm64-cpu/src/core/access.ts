/** The slow ways of a data access: TLB fill, unaligned, across pages, devices, faults. */
import {
  CODE_PAGE_WRITE_MAPPED,
  CODE_PAGES_SHIFT,
  PAGE_FLAGS,
  PAGE_GUARDED,
  PAGE_LOCK_BITS,
  PAGE_LOCKS,
  PCPU_CODE_PAGES,
  RECORD_SHIFT,
  SLOT_READ,
  SLOT_WRITE,
  TLB_GUARD,
  TLB_HOST_SHIFT,
  TLB_INDEX_BITS,
  TLB_TAG_SHIFT,
} from '../layout.ts';
import { OP_WRITES } from '../smp/operations.ts';
import { stateOffset } from '../state.ts';
import {
  add,
  and,
  atomicCode,
  atomicLoad,
  type Expr,
  eq,
  eqz,
  extU,
  gtU,
  i32,
  i64,
  load,
  ne,
  node,
  not,
  or,
  select,
  shl,
  shrU,
  sub,
  wrap,
  xor,
} from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import { DEBUG_WATCHPOINTS } from './debug.ts';
import type { CoreHelper } from './helper.ts';
import {
  ACCESS_ATOMIC,
  ACCESS_EL0,
  ACCESS_EXEC,
  ACCESS_WRITE,
  ATTR_DEVICE,
  ATTR_NO_ENTRY,
  ATTR_READ_EL0,
  ATTR_READ_EL1,
  ATTR_WRITE_EL0,
  ATTR_WRITE_EL1,
  ATTR_WRITE_STAGE2,
  FSC_ALIGNMENT,
  FSC_EXTERNAL,
  FSC_PERMISSION,
  FSC_TRANSLATION,
  field,
  setField,
  WALK_S1PTW,
  WALK_STAGE2,
} from './memory.ts';

import { isShared, vmidOf } from './tlb.ts';

/** What `resolve` gives where the address is a device's: no RAM lies so low. */
export const RESOLVED_DEVICE = 1;

/** What the slow store gives: the store is done, and interrupts or the exit request want a look. */
export const STORED_CHECK = 2;

/** Flags beside the size in the `how` of a slow access. */
export const HOW_UNPRIVILEGED = 0x80;
/** The access must be aligned to its size whatever SCTLR_EL1.A says. */
export const HOW_ALIGNED = 0x100;
/** log2 of the alignment that counts, at bits 12:9: a pair's is that of one element. */
export const HOW_ALIGN_SHIFT = 9;
/** 16 bytes are compared and then written: the page gets guarded. */
export const HOW_GUARDED = 0x2000;

const EC_INSTRUCTION_ABORT = 0x20;
const EC_DATA_ABORT = 0x24;
export const ISS_WNR = 1 << 6;
/** Kind of a fault status code: what is left without the level. */
const FSC_KIND = 0x3c;

export const accessOf = (cpu: Expr, how: Expr): Expr =>
  or(
    select(eqz(field(cpu, 'el', 'i32')), i32(ACCESS_EL0), i32(0)),
    select(and(how, i32(HOW_UNPRIVILEGED)), i32(ACCESS_EL0), i32(0)),
  );

/**
 * ISS.WnR. An atomic reports a write only where a read would have been allowed: where only the write permission is
 * missing, or memory itself refuses.
 */
function wnrOf(cpu: Expr, access: Expr, status: Expr): Expr {
  const right = select(and(access, i32(ACCESS_EL0)), i32(ATTR_READ_EL0), i32(ATTR_READ_EL1));
  const mayRead = ne(and(wrap(field(cpu, 'walkAttributes')), right), i32(0));
  const kind = and(status, i32(FSC_KIND));
  const onlyWrite = or(and(eq(kind, i32(FSC_PERMISSION)), mayRead), eq(kind, i32(FSC_EXTERNAL)));
  const isWrite = and(ne(and(access, i32(ACCESS_WRITE)), i32(0)), or(eqz(and(access, i32(ACCESS_ATOMIC))), onlyWrite));
  return select(isWrite, i32(ISS_WNR), i32(0));
}

/** abort(cpu, va, access, status): pends a data or instruction abort with the fault status and gives 0. */
const abort: CoreHelper = {
  name: 'abort',
  params: ['i32', 'i64', 'i32', 'i32'],
  results: ['i32'],
  build(f) {
    const [cpu, va, access, status] = [f.param(0), f.param(1), f.param(2), f.param(3)];
    const isFetch = and(access, i32(ACCESS_EXEC));
    // The class is one higher when the exception does not change the exception level.
    const ec = add(select(isFetch, i32(EC_INSTRUCTION_ABORT), i32(EC_DATA_ABORT)), field(cpu, 'el', 'i32'));
    const iss = or(wnrOf(cpu, access, status), and(status, i32(0xbf)));
    setField(f, cpu, 'faultEsr', or(extU(or(shl(ec, i32(26)), iss)), i64(1n << 25n)));
    setField(f, cpu, 'faultFar', va);
    setField(f, cpu, 'faultKind', i32(1));
    setField(f, cpu, 'faultReturnsNext', i32(0));
    f.ret(i32(0));
    f.unreachable();
  },
};

/** The PAGE_FLAGS of the page of `host`, and setting one of them. */
export const pageFlags = (host: Expr): Expr => atomicLoad('i32', 1, shrU(host, i32(12)), PAGE_FLAGS);
export const setPageFlag = (f: FunctionBuilder, host: Expr, flag: number): void =>
  f.drop(node('i32', atomicCode('or', 'i32', 1, PAGE_FLAGS), shrU(host, i32(12)), i32(flag)));

/** Enters one 8-byte entry for the page of `va`, with the bits of `change` turned over. Gives its address. */
function enter(f: FunctionBuilder, table: Expr, va: Expr, host: Expr, change: Expr = i64(0)): Expr {
  const index = shl(and(wrap(shrU(va, i64(12))), i32(2 ** TLB_INDEX_BITS - 1)), i32(3));
  const tag = and(va, i64(-(2n ** BigInt(TLB_TAG_SHIFT))));
  const hostPage = extU(shrU(and(host, i32(~0xfff)), i32(TLB_HOST_SHIFT)));
  const at = f.tmp(add(table, index));
  f.store('i64', at, xor(or(tag, hostPage), change));
  return at;
}

/**
 * resolve(cpu, va, access): translates a data access and fills the TLB. Gives the memory offset of the byte;
 * RESOLVED_DEVICE with `walkIpa` set where stage 2 has nothing there; 0 with an abort pending.
 */
const resolve: CoreHelper = {
  name: 'resolve',
  params: ['i32', 'i64', 'i32'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va, access] = [f.param(0), f.param(1), f.param(2)];
    f.if(eqz(f.call(m.fn('translate'), cpu, va, access)), () => {
      const status = f.tmp(field(cpu, 'walkFault', 'i32'));
      // Nothing mapped at the final address: a device, or an external abort, which the host decides.
      const unmapped = eq(and(status, i32(WALK_STAGE2 | WALK_S1PTW | 0x3c)), i32(WALK_STAGE2 | FSC_TRANSLATION));
      f.if(unmapped, () => f.ret(i32(RESOLVED_DEVICE)));
      // Stage-2 faults that the host has no answer to reach the guest as external aborts: it has no stage 2 of its own.
      const own = select(and(status, i32(WALK_STAGE2)), i32(FSC_EXTERNAL), status);
      f.ret(f.call(m.fn('abort'), cpu, va, access, own));
    });
    const host = f.tmp(f.call(m.fn('hostOf'), cpu, field(cpu, 'walkPa')));
    f.if(eqz(host), () => f.ret(f.call(m.fn('abort'), cpu, va, access, i32(FSC_EXTERNAL))));
    const attributes = f.tmp(wrap(field(cpu, 'walkAttributes')));
    const isWrite = f.tmp(and(access, i32(ACCESS_WRITE)));
    const el0 = f.tmp(and(access, i32(ACCESS_EL0)));
    const slot = f.tmp(select(el0, field(cpu, 'tlbSlot', 'i32'), field(cpu, 'tlbSlotEl1', 'i32')));
    const pcpu = f.tmp(field(cpu, 'pcpu', 'i32'));
    f.if(and(ne(isWrite, i32(0)), hasRecords(f, pcpu, host)), () => {
      f.callVoid(m.fn('codeWritten'), cpu, host);
      f.ret(host);
    });
    // Where alignment counts (Device memory, SCTLR_EL1.A, MMU off) there is no entry: what hits may be unaligned.
    const sctlr = wrap(field(cpu, 'SCTLR_EL1'));
    // Nor is there one where a watchpoint must see the access.
    f.if(and(field(cpu, 'debugOn', 'i32'), i32(DEBUG_WATCHPOINTS)), () => {
      f.if(f.call(m.fn('watchedPage'), cpu, va), () => f.ret(host));
    });
    f.if(and(eqz(and(attributes, i32(ATTR_DEVICE | ATTR_NO_ENTRY))), eq(and(sctlr, i32(3)), i32(1))), () => {
      f.callVoid(m.fn('notePage'), slot, va, attributes);
      // What is read is mostly written too, and the reverse: one walk for both. Pages with records are not written unseen.
      const mayWrite = and(attributes, select(el0, i32(ATTR_WRITE_EL0), i32(ATTR_WRITE_EL1)));
      const isOpen = and(ne(and(attributes, i32(ATTR_WRITE_STAGE2)), i32(0)), ne(mayWrite, i32(0)));
      f.if(or(isWrite, and(isOpen, eqz(hasRecords(f, pcpu, host)))), () => {
        const guarded = select(and(pageFlags(host), i32(PAGE_GUARDED)), i64(TLB_GUARD), i64(0));
        const entry = enter(f, add(slot, i32(SLOT_WRITE)), va, host, guarded);
        const map = f.tmp(codePageEntry(pcpu, host));
        const before = f.tmp(load('i32', map, PCPU_CODE_PAGES));
        const only = f.tmp(or(sub(entry, pcpu), i32(CODE_PAGE_WRITE_MAPPED)));
        const isOnly = or(eqz(before), eq(before, only));
        f.store('i32', map, select(isOnly, only, i32(CODE_PAGE_WRITE_MAPPED)), PCPU_CODE_PAGES);
      });
      enter(f, add(slot, i32(SLOT_READ)), va, host);
    });
    f.ret(host);
    f.unreachable();
  },
};

/** Where, from PCPU_CODE_PAGES, the first map has its word for the page of `host`. */
const codePageEntry = (pcpu: Expr, host: Expr): Expr => add(pcpu, shl(shrU(host, i32(12)), i32(2)));
/** The word of a page in the first map, or in the second (see PCPU_CODE_PAGES). */
export const codePage = (pcpu: Expr, hostPage: Expr, map: Expr): Expr =>
  load('i32', add(codePageEntry(pcpu, hostPage), shl(map, i32(CODE_PAGES_SHIFT))), PCPU_CODE_PAGES);
/** Whether the word of the first map says that there may be a write entry. */
export const isWriteMapped = (word: Expr): Expr => and(word, i32(CODE_PAGE_WRITE_MAPPED));
/** This pCPU's records of the page at `hostPage`, or 0. */
export function recordsOf(f: FunctionBuilder, pcpu: Expr, hostPage: Expr, map: Expr): Expr {
  const word = f.tmp(codePage(pcpu, hostPage, map));
  return select(isWriteMapped(word), i32(0), word);
}
const hasRecords = (f: FunctionBuilder, pcpu: Expr, host: Expr): Expr =>
  ne(or(recordsOf(f, pcpu, host, i32(0)), codePage(pcpu, host, i32(1))), i32(0));

/** codeWritten(cpu, host): a write goes to a page of which this pCPU has records: those of the written words are void. */
const codeWritten: CoreHelper = {
  name: 'codeWritten',
  params: ['i32', 'i32'],
  results: [],
  build(f, m) {
    const [cpu, host] = [f.param(0), f.param(1)];
    const pcpu = f.tmp(field(cpu, 'pcpu', 'i32'));
    const records = f.local('i32');
    const at = f.local('i32');
    const left = f.local('i32');
    for (const map of [0, 1]) {
      f.set(records, recordsOf(f, pcpu, host, i32(map)));
      f.if(f.get(records), () => {
        const end = f.tmp(add(f.get(records), i32(1024 << RECORD_SHIFT)));
        f.set(at, add(f.get(records), shl(shrU(and(host, i32(0xfff)), i32(2)), i32(RECORD_SHIFT))));
        // The largest single write is 64 bytes (DC ZVA).
        f.set(left, i32(17));
        f.loop((again) => {
          f.store('i32_16', f.get(at), i32(0));
          f.set(at, add(f.get(at), i32(1 << RECORD_SHIFT)));
          f.set(left, sub(f.get(left), i32(1)));
          f.brIf(again, and(ne(f.get(left), i32(0)), ne(f.get(at), end)));
        });
      });
    }
    f.callVoid(m.fn('codePageWritten'), cpu, host);
  },
};

const isMisaligned = (va: Expr, how: Expr): Expr => {
  const mask = sub(shl(i32(1), and(shrU(how, i32(HOW_ALIGN_SHIFT)), i32(15))), i32(1));
  return ne(and(wrap(va), mask), i32(0));
};

/** Whether a misaligned access faults: required alignment, SCTLR_EL1.A, or the MMU off (Device memory, Arm ARM B2.5). */
const mustAlign = (cpu: Expr, how: Expr): Expr => {
  const sctlr = wrap(field(cpu, 'SCTLR_EL1'));
  return or(or(and(how, i32(HOW_ALIGNED)), and(sctlr, i32(2))), eqz(and(sctlr, i32(1))));
};

const bytesOf = (how: Expr): Expr => and(how, i32(0x7f));
const crossesPage = (va: Expr, how: Expr): Expr => gtU(add(and(wrap(va), i32(0xfff)), bytesOf(how)), i32(0x1000));

/** Copies one byte at a time between two host addresses, of which one may be the scratch area. */
function copyBytes(f: FunctionBuilder, to: Expr, from: Expr, count: Expr): void {
  const n = f.local('i32');
  f.set(n, i32(0));
  f.block((done) => {
    f.loop((again) => {
      f.brIf(done, eq(f.get(n), count));
      f.store('i32_8', add(to, f.get(n)), load('i32_8u', add(from, f.get(n))));
      f.set(n, add(f.get(n), i32(1)));
      f.br(again);
    });
  });
}

const scratch = (cpu: Expr): Expr => add(cpu, i32(stateOffset('scratch0')));

/** Checks common to loads and stores; aborts with an alignment fault. `deviceToo`: the page turned out to be Device memory. */
function alignmentCheck(f: FunctionBuilder, abortRef: Expr, cpu: Expr, va: Expr, how: Expr): void {
  f.if(and(isMisaligned(va, how), ne(mustAlign(cpu, how), i32(0))), () => f.ret(abortRef));
}

/** The entry as it would be if its page were not guarded: see TLB_GUARD. */
const withoutGuard = (entry: Expr): Expr =>
  xor(entry, select(eq(and(wrap(entry), i32(15)), i32(TLB_GUARD & 15)), i64(TLB_GUARD), i64(0)));

/**
 * Looks an access up in the TLB whatever its alignment; `found` gets the host address. Where alignment faults are in
 * force the TLB is empty (see `resolve`).
 */
export function probe(
  f: FunctionBuilder,
  cpu: Expr,
  va: Expr,
  how: Expr,
  tables: readonly [string, string],
  found: (host: Expr) => void,
): void {
  const unprivileged = and(how, i32(HOW_UNPRIVILEGED));
  const table = select(unprivileged, field(cpu, tables[1], 'i32'), field(cpu, tables[0], 'i32'));
  const index = shl(and(wrap(shrU(va, i64(12))), i32(2 ** TLB_INDEX_BITS - 1)), i32(3));
  const entry = f.tmp(withoutGuard(f.tmp(load('i64', add(table, index)))));
  const matches = eqz(shrU(xor(va, entry), i64(TLB_TAG_SHIFT)));
  const required = and(how, i32(HOW_ALIGNED));
  f.if(and(and(matches, eqz(required)), eqz(crossesPage(va, how))), () =>
    found(f.tmp(or(shl(wrap(entry), i32(TLB_HOST_SHIFT)), and(wrap(va), i32(0xfff))))),
  );
}

/** lockPage(cpu, host): takes the lock of a guarded page; it is held for one access. */
const lockPage: CoreHelper = {
  name: 'lockPage',
  params: ['i32', 'i32'],
  results: [],
  build(f) {
    const page = and(shrU(f.param(1), i32(12)), i32(2 ** PAGE_LOCK_BITS - 1));
    const lock = f.tmp(add(shl(page, i32(2)), i32(PAGE_LOCKS)));
    f.loop((again) => f.brIf(again, node('i32', atomicCode('cmpxchg', 'i32', 4), lock, i32(0), i32(1))));
    setField(f, f.param(0), 'pageLock', lock);
  },
};

const isGuarded = (host: Expr): Expr => and(pageFlags(host), i32(PAGE_GUARDED));

/** unlockPage(cpu): gives the page's lock back, if one is held. */
const unlockPage: CoreHelper = {
  name: 'unlockPage',
  params: ['i32'],
  results: [],
  build(f) {
    const cpu = f.param(0);
    const lock = f.tmp(field(cpu, 'pageLock', 'i32'));
    f.if(lock, () => {
      setField(f, cpu, 'pageLock', i32(0));
      f.raw(atomicCode('store', 'i32', 4), lock, i32(0));
    });
  },
};

/** storeBytes(cpu, host, how, low, high): stores 1, 2, 4, 8 or 16 bytes, on a guarded page under its lock. */
const storeBytes: CoreHelper = {
  name: 'storeBytes',
  params: ['i32', 'i32', 'i32', 'i64', 'i64'],
  results: [],
  build(f, m) {
    const [cpu, host, how] = [f.param(0), f.param(1), f.param(2)];
    f.if(
      isGuarded(host),
      () => {
        f.callVoid(m.fn('lockPage'), cpu, host);
        f.callVoid(m.fn('storeUnlocked'), host, how, f.param(3), f.param(4));
        f.callVoid(m.fn('unlockPage'), cpu);
      },
      () => f.callVoid(m.fn('storeUnlocked'), host, how, f.param(3), f.param(4)),
    );
  },
};

/** storeUnlocked(host, how, low, high) */
const storeUnlocked: CoreHelper = {
  name: 'storeUnlocked',
  params: ['i32', 'i32', 'i64', 'i64'],
  results: [],
  build: (f) => storeKinds(f, f.param(0), f.param(1)),
};

function storeKinds(f: FunctionBuilder, host: Expr, how: Expr): void {
  const kinds = [
    [8, 'i64'],
    [4, 'i64_32'],
    [1, 'i64_8'],
    [2, 'i64_16'],
  ] as const;
  for (const [size, kind] of kinds) {
    f.if(eq(bytesOf(how), i32(size)), () => {
      f.store(kind, host, f.param(2));
      f.ret();
    });
  }
  f.store('i64', host, f.param(2));
  f.store('i64', host, f.param(3), 8);
}

/** Where the two parts of an access across a page boundary begin. */
const firstPart = (va: Expr): Expr => sub(i32(0x1000), and(wrap(va), i32(0xfff)));

/**
 * loadSlow(cpu, va, how): the address from which the load may read: in RAM, or the scratch area with a copy of what
 * lies across a page boundary or what a device gave; 0 with an abort pending. `how`: size, flags, alignment.
 */
const loadSlow: CoreHelper = {
  name: 'loadSlow',
  params: ['i32', 'i64', 'i32'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va, how] = [f.param(0), f.param(1), f.param(2)];
    probe(f, cpu, va, how, ['tlbRead', 'tlbReadEl0'], (host) => f.ret(host));
    const access = f.tmp(accessOf(cpu, how));
    const failure = f.call(m.fn('abort'), cpu, va, access, i32(FSC_ALIGNMENT));
    alignmentCheck(f, failure, cpu, va, how);
    const host = f.tmp(f.call(m.fn('resolve'), cpu, va, access));
    f.if(eqz(host), () => f.ret(i32(0)));
    const isDevice = and(wrap(field(cpu, 'walkAttributes')), i32(ATTR_DEVICE));
    f.if(and(isMisaligned(va, how), ne(isDevice, i32(0))), () => f.ret(failure));
    const watched = eqz(f.call(m.fn('watch'), cpu, va, bytesOf(how), access));
    f.if(crossesPage(va, how), () => {
      const first = f.tmp(firstPart(va));
      const vaSecond = f.tmp(add(va, extU(first)));
      const second = f.tmp(f.call(m.fn('resolve'), cpu, vaSecond, access));
      f.if(eqz(second), () => f.ret(i32(0)));
      f.if(and(isMisaligned(va, how), ne(isDevice, i32(0))), () => f.ret(failure));
      f.if(or(eq(host, i32(RESOLVED_DEVICE)), eq(second, i32(RESOLVED_DEVICE))), () => f.ret(failure));
      f.if(watched, () => f.ret(i32(0)));
      copyBytes(f, scratch(cpu), host, first);
      copyBytes(f, add(scratch(cpu), first), second, sub(bytesOf(how), first));
      f.ret(scratch(cpu));
    });
    f.if(watched, () => f.ret(i32(0)));
    f.if(ne(host, i32(RESOLVED_DEVICE)), () => f.ret(host));
    const ipa = field(cpu, 'walkIpa');
    const answer = f.call(m.fn('mmio'), cpu, wrap(ipa), wrap(shrU(ipa, i64(32))), bytesOf(how), i32(0));
    f.if(answer, () => f.ret(scratch(cpu)));
    f.ret(f.call(m.fn('abort'), cpu, va, access, i32(FSC_EXTERNAL)));
    f.unreachable();
  },
};

/**
 * storeSlow(cpu, va, how, low, high): does the whole store. Gives 0 with an abort pending, 1, or STORED_CHECK. Across a
 * page boundary both pages are resolved before a byte is written.
 */
const storeSlow: CoreHelper = {
  name: 'storeSlow',
  params: ['i32', 'i64', 'i32', 'i64', 'i64'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va, how] = [f.param(0), f.param(1), f.param(2)];
    const store = (host: Expr): void => {
      f.callVoid(m.fn('storeBytes'), cpu, host, how, f.param(3), f.param(4));
      f.ret(i32(1));
    };
    probe(f, cpu, va, how, ['tlbWrite', 'tlbWriteEl0'], store);
    const access = f.tmp(or(accessOf(cpu, how), i32(ACCESS_WRITE)));
    const failure = f.call(m.fn('abort'), cpu, va, access, i32(FSC_ALIGNMENT));
    alignmentCheck(f, failure, cpu, va, how);
    const host = f.tmp(f.call(m.fn('resolve'), cpu, va, access));
    f.if(eqz(host), () => f.ret(i32(0)));
    const isDevice = and(wrap(field(cpu, 'walkAttributes')), i32(ATTR_DEVICE));
    f.if(and(isMisaligned(va, how), ne(isDevice, i32(0))), () => f.ret(failure));
    const watched = eqz(f.call(m.fn('watch'), cpu, va, bytesOf(how), access));
    f.store('i64', scratch(cpu), f.param(3));
    f.store('i64', scratch(cpu), f.param(4), 8);
    f.if(crossesPage(va, how), () => {
      const first = f.tmp(firstPart(va));
      const second = f.tmp(f.call(m.fn('resolve'), cpu, add(va, extU(first)), access));
      f.if(eqz(second), () => f.ret(i32(0)));
      f.if(and(isMisaligned(va, how), ne(isDevice, i32(0))), () => f.ret(failure));
      f.if(or(eq(host, i32(RESOLVED_DEVICE)), eq(second, i32(RESOLVED_DEVICE))), () => f.ret(failure));
      f.if(watched, () => f.ret(i32(0)));
      f.if(isGuarded(host), () => f.callVoid(m.fn('lockPage'), cpu, host));
      copyBytes(f, host, scratch(cpu), first);
      f.callVoid(m.fn('unlockPage'), cpu);
      f.if(isGuarded(second), () => f.callVoid(m.fn('lockPage'), cpu, second));
      copyBytes(f, second, add(scratch(cpu), first), sub(bytesOf(how), first));
      f.callVoid(m.fn('unlockPage'), cpu);
      f.ret(i32(1));
    });
    f.if(watched, () => f.ret(i32(0)));
    f.if(eq(host, i32(RESOLVED_DEVICE)), () => {
      const ipa = field(cpu, 'walkIpa');
      const answer = f.tmp(f.call(m.fn('mmio'), cpu, wrap(ipa), wrap(shrU(ipa, i64(32))), bytesOf(how), i32(1)));
      f.if(answer, () => f.ret(i32(STORED_CHECK)));
      f.ret(f.call(m.fn('abort'), cpu, va, access, i32(FSC_EXTERNAL)));
    });
    store(host);
    f.unreachable();
  },
};

/** probeWrite(cpu, va, bytes): 1 if all of it may be written; 0 with an abort pending. For stores of more than 16 bytes. */
const probeWrite: CoreHelper = {
  name: 'probeWrite',
  params: ['i32', 'i64', 'i32'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va, bytes] = [f.param(0), f.param(1), f.param(2)];
    const access = f.tmp(or(accessOf(cpu, i32(0)), i32(ACCESS_WRITE)));
    f.if(eqz(f.call(m.fn('resolve'), cpu, va, access)), () => f.ret(i32(0)));
    const last = f.tmp(add(va, extU(sub(bytes, i32(1)))));
    const second = and(last, not(i64(0xfff)));
    f.if(ne(shrU(last, i64(12)), shrU(va, i64(12))), () => {
      f.if(eqz(f.call(m.fn('resolve'), cpu, second, access)), () => f.ret(i32(0)));
    });
    f.ret(f.call(m.fn('watch'), cpu, va, bytes, access));
    f.unreachable();
  },
};

/** hostSlow(cpu, va, how, access): host address of an aligned access to RAM, for atomics; 0 with an abort pending. */
const hostSlow: CoreHelper = {
  name: 'hostSlow',
  params: ['i32', 'i64', 'i32', 'i32'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va, how] = [f.param(0), f.param(1), f.param(2)];
    const access = f.tmp(or(accessOf(cpu, how), f.param(3)));
    const failure = (status: number) => f.call(m.fn('abort'), cpu, va, access, i32(status));
    const finish = (host: Expr): void => {
      const wantsGuard = and(ne(and(how, i32(HOW_GUARDED)), i32(0)), isShared());
      f.if(and(wantsGuard, eqz(or(field(cpu, 'soleVcpu', 'i32'), isGuarded(host)))), () => {
        // Others may have write entries. While they are waited for the translation may change: begin again.
        setPageFlag(f, host, PAGE_GUARDED);
        f.callVoid(m.fn('flushWritesOf'), field(cpu, 'pcpu', 'i32'), vmidOf(cpu));
        f.callVoid(m.fn('broadcast'), cpu, i32(OP_WRITES), i32(0), i32(1));
        f.callVoid(m.fn('synchronize'), cpu);
        f.ret(f.call(m.fn('hostSlow'), cpu, va, how, f.param(3)));
      });
      f.if(isGuarded(host), () => f.callVoid(m.fn('lockPage'), cpu, host));
      f.ret(host);
    };
    f.if(isMisaligned(va, how), () => f.ret(failure(FSC_ALIGNMENT)));
    const isWrite = and(f.param(3), i32(ACCESS_WRITE));
    f.if(isWrite, () => probe(f, cpu, va, how, ['tlbWrite', 'tlbWriteEl0'], finish));
    const host = f.tmp(f.call(m.fn('resolve'), cpu, va, access));
    f.if(eqz(host), () => f.ret(i32(0)));
    f.if(eqz(f.call(m.fn('watch'), cpu, va, bytesOf(how), access)), () => f.ret(i32(0)));
    // Atomics on a device: there is no one who could do them.
    f.if(eq(host, i32(RESOLVED_DEVICE)), () => f.ret(failure(FSC_EXTERNAL)));
    f.if(isWrite, () => finish(host));
    f.ret(host);
    f.unreachable();
  },
};

export const helpers: readonly CoreHelper[] = [
  lockPage,
  unlockPage,
  storeUnlocked,
  storeBytes,
  abort,
  resolve,
  codeWritten,
  loadSlow,
  storeSlow,
  probeWrite,
  hostSlow,
];
