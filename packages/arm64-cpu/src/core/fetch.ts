/** The slow way of an instruction fetch: the code TLB, and records of the page. */
import { HANDLER_PAGE_END, HANDLER_UNDECODED } from '../interpreter/record.ts';
import {
  CODE_TLB_INDEX_BITS,
  PAGE_FIRST_COUNT,
  PAGE_HAS_CODE,
  PAGE_HOST,
  PAGE_TLB_ENTRY,
  PAGE_TRAPS_FP,
  PCPU_ALONE,
  RECORD_BYTES,
  RECORD_SHIFT,
  TLB_ENTRIES_MANY,
} from '../layout.ts';
import {
  add,
  and,
  type Expr,
  eq,
  eqz,
  i32,
  i64,
  leU,
  load,
  ltU,
  ne,
  not,
  or,
  select,
  shl,
  shrU,
  sub,
  wrap,
} from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import { accessOf, codePage, isWriteMapped, recordsOf, setPageFlag } from './access.ts';
import { DEBUG_STEP, LOOK_FAULT, LOOK_ON } from './debug.ts';
import type { CoreHelper } from './helper.ts';
import { ACCESS_EXEC, FSC_EXTERNAL, field, setField, WALK_STAGE2 } from './memory.ts';
import { currentSlot } from './tlb.ts';

/** 1 where CPACR_EL1.FPEN traps floating point at the current exception level: 1 traps EL0, 3 nothing, 0 and 2 all. */
function fpTraps(cpu: Expr): Expr {
  const fpen = and(wrap(shrU(field(cpu, 'CPACR_EL1'), i64(20))), i32(3));
  return select(eq(fpen, i32(1)), eqz(field(cpu, 'el', 'i32')), ne(fpen, i32(3)));
}

const FSC_PC_ALIGNMENT_EC = 0x22;
const HOST_PAGE_BYTES = 0x1000;

const recordAt = (records: Expr, va: Expr): Expr => add(records, shl(and(wrap(va), i32(0xffc)), i32(RECORD_SHIFT - 2)));

/**
 * Writes where the first records of a page will be: fresh memory that is read before it is written costs the host two page
 * faults, and for the second one every core that runs the board is interrupted.
 */
function touch(f: FunctionBuilder, records: Expr, va: Expr): void {
  const at = f.tmp(recordAt(records, va));
  // Operands, which are not there yet: a region may begin at the record.
  const operands = RECORD_BYTES / 2;
  f.store('i32', at, i32(0), operands);
  const last = (1024 << RECORD_SHIFT) - HOST_PAGE_BYTES;
  f.if(ltU(sub(at, records), i32(last)), () => f.store('i32', at, i32(0), operands + HOST_PAGE_BYTES));
}

/**
 * fetchAlone(cpu, va, host): the record of the instruction, on the page from which one runs at a time; 0 with an
 * exception pending.
 */
const fetchAlone: CoreHelper = {
  name: 'fetchAlone',
  params: ['i32', 'i64', 'i32'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va, host] = [f.param(0), f.param(1), f.param(2)];
    const kind = f.tmp(f.call(m.fn('decodeAlone'), cpu, host, fpTraps(cpu)));
    f.if(eqz(f.call(m.fn('startAlone'), cpu, kind)), () => f.ret(i32(0)));
    const records = f.tmp(add(field(cpu, 'pcpu', 'i32'), i32(PCPU_ALONE)));
    setField(f, cpu, 'pageVa', and(va, not(i64(0xfff))));
    setField(f, cpu, 'pageRecords', records);
    f.ret(add(records, shl(and(wrap(va), i32(0xffc)), i32(RECORD_SHIFT - 2))));
    f.unreachable();
  },
};

/**
 * fetch(cpu, va): the record of the instruction at `va`, with `pc` set to it and `pageVa` and `pageRecords` to its
 * page's; 0 with an abort pending.
 */
const fetch: CoreHelper = {
  name: 'fetch',
  params: ['i32', 'i64'],
  results: ['i32'],
  build(f, m) {
    const cpu = f.param(0);
    const va = f.tmp(f.call(m.fn('branchAddress'), cpu, f.param(1)));
    setField(f, cpu, 'pc', va);
    f.if(and(field(cpu, 'debugActive', 'i32'), i32(DEBUG_STEP)), () => {
      f.if(f.call(m.fn('stepDue'), cpu), () => f.ret(i32(0)));
    });
    f.if(and(wrap(va), i32(3)), () => {
      setField(f, cpu, 'faultEsr', i64(FSC_PC_ALIGNMENT_EC * 2 ** 26 + 2 ** 25));
      setField(f, cpu, 'faultFar', va);
      setField(f, cpu, 'faultKind', i32(1));
      setField(f, cpu, 'faultReturnsNext', i32(0));
      f.ret(i32(0));
    });
    const access = f.tmp(or(accessOf(cpu, i32(0)), i32(ACCESS_EXEC)));
    f.if(eqz(f.call(m.fn('translate'), cpu, va, access)), () => {
      const status = f.tmp(field(cpu, 'walkFault', 'i32'));
      const own = select(and(status, i32(WALK_STAGE2)), i32(FSC_EXTERNAL), status);
      f.ret(f.call(m.fn('abort'), cpu, va, access, own));
    });
    const host = f.tmp(f.call(m.fn('hostOf'), cpu, field(cpu, 'walkPa')));
    f.if(eqz(host), () => f.ret(f.call(m.fn('abort'), cpu, va, access, i32(FSC_EXTERNAL))));
    const look = f.local('i32');
    f.set(look, i32(LOOK_ON));
    f.if(field(cpu, 'debugActive', 'i32'), () => {
      f.set(look, f.call(m.fn('lookAt'), cpu, va));
      f.if(eq(f.get(look), i32(LOOK_FAULT)), () => f.ret(i32(0)));
      f.if(f.get(look), () => f.ret(f.call(m.fn('fetchAlone'), cpu, va, host)));
    });
    f.callVoid(m.fn('notePage'), currentSlot(cpu), va, wrap(field(cpu, 'walkAttributes')));
    const hostPage = f.tmp(and(host, i32(~0xfff)));
    const pcpu = f.tmp(field(cpu, 'pcpu', 'i32'));
    const records = f.local('i32');
    const map = f.tmp(fpTraps(cpu));
    f.set(records, recordsOf(f, pcpu, hostPage, map));
    f.if(eqz(f.get(records)), () => {
      // Before a word is read: whoever writes one and then finds the flag clear has been seen.
      setPageFlag(f, hostPage, PAGE_HAS_CODE);
      const word = f.tmp(codePage(pcpu, hostPage, i32(0)));
      f.if(isWriteMapped(word), () => f.callVoid(m.fn('forgetWrites'), pcpu, word));
      f.set(records, f.call(m.fn('newCodePage'), cpu, hostPage, map));
      touch(f, f.get(records), va);
    });
    const page = f.tmp(and(va, not(i64(0xfff))));
    const entry = f.tmp(
      add(field(cpu, 'tlbCode', 'i32'), shl(and(wrap(shrU(va, i64(12))), i32(2 ** CODE_TLB_INDEX_BITS - 1)), i32(4))),
    );
    f.store('i64', entry, page);
    f.store('i32', entry, f.get(records), 8);
    const only = f.tmp(load('i32', f.get(records), PAGE_TLB_ENTRY));
    f.if(ne(only, entry), () =>
      f.store('i32', f.get(records), select(only, i32(TLB_ENTRIES_MANY), entry), PAGE_TLB_ENTRY),
    );
    setField(f, cpu, 'pageVa', page);
    setField(f, cpu, 'pageRecords', f.get(records));
    f.ret(recordAt(f.get(records), va));
    f.unreachable();
  },
};

/**
 * clearRecords(records, hostPage, trapsFp, count, used): an empty page of records for the words at memory offset
 * `hostPage`; taken branches are counted from `count`. Without `used` it is zero already.
 */
const clearRecords: CoreHelper = {
  name: 'clearRecords',
  params: ['i32', 'i32', 'i32', 'i32', 'i32'],
  results: [],
  build(f) {
    const [records, hostPage, trapsFp, count] = [f.param(0), f.param(1), f.param(2), f.param(3)];
    // memory.fill: HANDLER_UNDECODED is 0.
    f.if(f.param(4), () => f.raw([0xfc, 0x0b, 0x00], records, i32(0), i32(PAGE_HOST)));
    f.store('i32_16', records, i32(HANDLER_PAGE_END), 1024 << RECORD_SHIFT);
    f.store('i32', records, hostPage, PAGE_HOST);
    f.store('i32', records, trapsFp, PAGE_TRAPS_FP);
    f.store('i32', records, count, PAGE_FIRST_COUNT);
    f.store('i32', records, i32(0), PAGE_TLB_ENTRY);
  },
};

/** voidRecords(records, first, last): the records of words `first` to `last` of a page are to be made anew. */
const voidRecords: CoreHelper = {
  name: 'voidRecords',
  params: ['i32', 'i32', 'i32'],
  results: [],
  build(f) {
    const at = f.local('i32');
    const end = f.tmp(add(f.param(0), shl(f.param(2), i32(RECORD_SHIFT))));
    f.set(at, add(f.param(0), shl(f.param(1), i32(RECORD_SHIFT))));
    f.loop((next) => {
      f.store('i32_16', f.get(at), i32(HANDLER_UNDECODED));
      f.set(at, add(f.get(at), i32(RECORD_BYTES)));
      f.brIf(next, leU(f.get(at), end));
    });
  },
};

export const helpers: readonly CoreHelper[] = [fetchAlone, fetch, clearRecords, voidRecords];
