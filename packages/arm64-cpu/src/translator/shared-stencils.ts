/** Stencils of a region that are no instruction's: of its flags, and of windows. */
import { FLAG_KINDS, numberOf } from '../core/flags.ts';
import { field, setField } from '../core/memory.ts';
import { CODE_TLB_INDEX_BITS, PAGE_NEXT } from '../layout.ts';
import { add, and, type Expr, emitExpr, eq, geU, i32, i64, load, select, shl, shrU, wrap } from '../wasm/expr.ts';
import { CALLABLE_REFS } from './callable.ts';
import { DataTlb } from './data-tlb.ts';
import { endedBy } from './ends.ts';
import { LazyFlags } from './flags.ts';
import { HOLE_IMMEDIATE, HOLE_LEAVE, HOLE_REGISTER } from './holes.ts';
import { FLAG_KIND, fixed, LEFT, NEXT_RECORDS, SITE, TARGET } from './locals.ts';
import { PAGE_BYTES } from './region.ts';
import { FP_STATE, Usage } from './sem.ts';
import { hole, mayLeave, type Stencil, StencilFunction } from './stencil.ts';

interface Parts {
  readonly f: StencilFunction;
  readonly flags?: LazyFlags;
  /** Registers are to be in the state before. */
  readonly settles?: boolean;
}

const made = ({ f, flags, settles = false }: Parts): Stencil => ({
  code: Uint16Array.from(f.body),
  operands: [],
  written: 0,
  fresh: 0,
  immediates: [],
  usage: new Usage(),
  ending: undefined,
  conditional: false,
  asksFlags: false,
  flagsBehind: flags && flags.writes > 0 ? numberOf(flags.kind!) : undefined,
  flagKinds: flags?.kinds ?? 0,
  states: f.states,
  usesPageVa: false,
  settles: settles || mayLeave(f.body),
});

function once<K>(make: (key: K) => Stencil): (key: K) => Stencil {
  const known = new Map<K, Stencil>();
  return (key) => {
    let found = known.get(key);
    if (!found) {
      found = make(key);
      known.set(key, found);
    }
    return found;
  };
}

/** Makes flags of a kind packed ones: all ways that meet agree on that. */
export const packFlags = once((kind: number): Stencil => {
  const f = new StencilFunction();
  const flags = new LazyFlags(f, f.param(0), FLAG_KINDS[kind]);
  flags.normalize();
  return made({ f, flags });
});

/** Where the vCPU state has the flags: what they are made of becomes what they are (see core/flags.ts). */
export const settleFlags = once((_: 0): Stencil => {
  const f = new StencilFunction();
  const cpu = f.param(0);
  f.if(field(cpu, 'flagKind', 'i32'), () => f.callVoid(CALLABLE_REFS.get('settleFlags')!, cpu));
  return made({ f });
});

/** Puts the flags into the vCPU state, where they are of one of `kinds`. */
export const storeFlags = once((kinds: number): Stencil => {
  const f = new StencilFunction();
  new LazyFlags(f, f.param(0), undefined).store(kinds);
  return made({ f });
});

const lookups = once((key: number): Stencil => {
  const f = new StencilFunction();
  const tlb = new DataTlb(f, false, (cond) => f.brIfHole(HOLE_LEAVE, cond));
  const low: Expr = { t: 'i64', code: [0x42, HOLE_IMMEDIATE], args: [] };
  const address = add(f.get(hole('i64', HOLE_REGISTER)), low);
  emitExpr(f.body, tlb.host((key & 1) !== 0 ? 'tlbWrite' : 'tlbRead', address, key >> 6, (key >> 1) & 31));
  return made({ f });
});

/**
 * Leaves the host address of a window on the stack: `bytes` bytes from operand 0 plus immediate 0 on, aligned to `align`
 * (at most 16).
 */
export const windowLookup = (store: boolean, bytes: number, align: number): Stencil =>
  lookups((bytes << 6) | (align << 1) | (store ? 1 : 0));

/** Looks at the beginning of a region whether it may go on to the next page, and where the records of that are. */
export const lookAhead = once((_: 0): Stencil => {
  const f = new StencilFunction();
  const cpu = f.param(0);
  const va = f.tmp(add(field(cpu, 'pageVa'), i64(PAGE_BYTES)));
  const index = shl(and(wrap(shrU(va, i64(12))), i32(2 ** CODE_TLB_INDEX_BITS - 1)), i32(4));
  const entry = f.tmp(add(field(cpu, 'tlbCode', 'i32'), index));
  const records = f.tmp(load('i32', field(cpu, 'pageRecords', 'i32'), PAGE_NEXT));
  const follows = and(eq(load('i64', entry), va), eq(load('i32', entry, 8), records));
  f.set(fixed('i32', NEXT_RECORDS), select(follows, records, i32(0)));
  return made({ f });
});

/** Calls what TARGET says; fields of the state that floating point may change are loaded anew if `usesFp`. */
export const callRegions = once((usesFp: boolean): Stencil => {
  const f = new StencilFunction();
  const [left, target] = [fixed('i32', LEFT), fixed('i64', TARGET)];
  f.callTo([left, target], CALLABLE_REFS.get('callRegions')!, f.param(0), f.get(left), f.get(target));
  f.set(fixed('i32', FLAG_KIND), i32(numberOf('memory')));
  if (usesFp) for (const name of FP_STATE) f.renew(name, field(f.param(0), name, 'i32'));
  return made({ f, settles: true });
});

/** Says how the region ends, where that is not by a jump: what is left of the budget is up to date. */
export const endBy = once((how: number): Stencil => {
  const f = new StencilFunction();
  const left = fixed('i32', LEFT);
  f.set(left, endedBy(f.get(left), how));
  return made({ f });
});

/** Where an instruction of the next page is left to the interpreter: that page becomes the current one. */
export const turnPage = once((siteShift: number): Stencil => {
  const f = new StencilFunction();
  const cpu = f.param(0);
  f.if(geU(shrU(f.get(fixed('i32', SITE)), i32(siteShift)), i32(PAGE_BYTES)), () => {
    setField(f, cpu, 'pageRecords', f.get(fixed('i32', NEXT_RECORDS)));
    setField(f, cpu, 'pageVa', add(field(cpu, 'pageVa'), i64(PAGE_BYTES)));
  });
  return made({ f });
});
