/** System instructions on addresses: DC and IC by address, DC ZVA, AT. */

import { PAGE_GUARDED, PAGE_HAS_CODE } from '../layout.ts';
import { OP_CODE, OP_CODE_LINES } from '../smp/operations.ts';
import {
  ATOMIC_FENCE,
  and,
  type Expr,
  eq,
  eqz,
  extU,
  i32,
  i64,
  ne,
  or,
  select,
  shl,
  shrU,
  wrap,
} from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import { accessOf, ISS_WNR, pageFlags, probe, RESOLVED_DEVICE } from './access.ts';
import type { CoreHelper } from './helper.ts';
import {
  ACCESS_WRITE,
  ATTR_DEVICE,
  ATTR_MAIR_SHIFT,
  ATTR_SH_SHIFT,
  FSC_ALIGNMENT,
  FSC_EXTERNAL,
  field,
  setField,
  WALK_S1PTW,
  WALK_STAGE2,
} from './memory.ts';
import { isShared } from './tlb.ts';

const ISS_CM = 1 << 8;
const ZVA_BYTES = 64;

/** zeroBlock(cpu, va): DC ZVA: zeroes the block of 64 bytes around `va`. Gives 0 with an abort pending, else 1. */
const zeroBlock: CoreHelper = {
  name: 'zeroBlock',
  params: ['i32', 'i64'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va] = [f.param(0), f.param(1)];
    const zero = (host: Expr): void => {
      f.if(and(pageFlags(host), i32(PAGE_GUARDED)), () => f.callVoid(m.fn('lockPage'), cpu, host));
      for (let at = 0; at < ZVA_BYTES; at += 8) f.store('i64', host, i64(0), at);
      f.callVoid(m.fn('unlockPage'), cpu);
      f.ret(i32(1));
    };
    const block = f.tmp(and(va, i64(-ZVA_BYTES)));
    probe(f, cpu, block, i32(1), ['tlbWrite', 'tlbWriteEl0'], zero);
    const access = f.tmp(or(accessOf(cpu, i32(0)), i32(ACCESS_WRITE)));
    const failure = (status: number) => f.call(m.fn('abort'), cpu, va, access, i32(status));
    const isMmuOff = eqz(and(wrap(field(cpu, 'SCTLR_EL1')), i32(1)));
    const host = f.tmp(f.call(m.fn('resolve'), cpu, block, access));
    f.if(eqz(host), () => {
      setField(f, cpu, 'faultFar', va);
      f.ret(i32(0));
    });
    const isDevice = ne(and(wrap(field(cpu, 'walkAttributes')), i32(ATTR_DEVICE)), i32(0));
    f.if(or(isMmuOff, isDevice), () => f.ret(failure(FSC_ALIGNMENT)));
    f.if(eqz(f.call(m.fn('watch'), cpu, block, i32(ZVA_BYTES), access)), () => {
      setField(f, cpu, 'faultFar', va);
      f.ret(i32(0));
    });
    f.if(eq(host, i32(RESOLVED_DEVICE)), () => f.ret(failure(FSC_EXTERNAL)));
    zero(host);
    f.unreachable();
  },
};

/**
 * maintain(cpu, va, access): cache maintenance by address. Memory is coherent here, so only its faults are left: gives 0
 * with an abort pending (ISS.CM and ISS.WnR set, Arm ARM D13.2.37), else 1.
 */
const maintain: CoreHelper = {
  name: 'maintain',
  params: ['i32', 'i64', 'i32'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va] = [f.param(0), f.param(1)];
    f.if(eqz(f.param(2)), () => probe(f, cpu, va, i32(1), ['tlbRead', 'tlbReadEl0'], () => f.ret(i32(1))));
    const access = f.tmp(or(accessOf(cpu, i32(0)), f.param(2)));
    f.if(f.call(m.fn('translate'), cpu, va, access), () => {
      // DC IVAC is a store to watchpoints, of the whole line; the others are nothing to them.
      const line = and(va, i64(-ZVA_BYTES));
      f.if(and(access, i32(ACCESS_WRITE)), () => {
        f.if(eqz(f.call(m.fn('watch'), cpu, line, i32(ZVA_BYTES), access)), () => {
          setField(f, cpu, 'faultEsr', or(field(cpu, 'faultEsr'), i64(ISS_CM)));
          setField(f, cpu, 'faultFar', va);
          f.ret(i32(0));
        });
      });
      f.ret(i32(1));
    });
    const status = f.tmp(field(cpu, 'walkFault', 'i32'));
    // Where stage 2 refuses there is nothing to maintain, unless the walk itself came to an end there.
    f.if(eq(and(status, i32(WALK_STAGE2 | WALK_S1PTW)), i32(WALK_STAGE2)), () => f.ret(i32(1)));
    const own = select(and(status, i32(WALK_STAGE2)), i32(FSC_EXTERNAL), status);
    f.drop(f.call(m.fn('abort'), cpu, va, access, own));
    setField(f, cpu, 'faultEsr', or(field(cpu, 'faultEsr'), i64(ISS_CM | ISS_WNR)));
    f.ret(i32(0));
    f.unreachable();
  },
};

/**
 * maintainCode(cpu, va): IC IVAU: `maintain`, and other pCPUs forget their records of the line by the next DSB. Gives 0
 * with an abort pending, else 1.
 */
const maintainCode: CoreHelper = {
  name: 'maintainCode',
  params: ['i32', 'i64'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va] = [f.param(0), f.param(1)];
    const done = i32(1);
    f.if(eqz(f.call(m.fn('maintain'), cpu, va, i32(0))), () => f.ret(i32(0)));
    f.if(eqz(isShared()), () => f.ret(done));
    f.if(eqz(f.call(m.fn('translate'), cpu, va, accessOf(cpu, i32(0)))), () => f.ret(done));
    const host = f.tmp(f.call(m.fn('hostOf'), cpu, field(cpu, 'walkPa')));
    f.if(eqz(host), () => f.ret(done));
    f.raw(ATOMIC_FENCE);
    f.if(eqz(and(pageFlags(host), i32(PAGE_HAS_CODE))), () => f.ret(done));
    const page = f.tmp(shrU(host, i32(12)));
    const lines = f.tmp(field(cpu, 'icLines'));
    f.if(and(ne(lines, i64(0)), ne(page, field(cpu, 'icPage', 'i32'))), () =>
      f.callVoid(m.fn('broadcast'), cpu, i32(OP_CODE_LINES), i32(0), i32(1)),
    );
    const line = shl(i64(1), extU(and(shrU(host, i32(6)), i32(63))));
    setField(f, cpu, 'icPage', page);
    setField(f, cpu, 'icLines', or(field(cpu, 'icLines'), line));
    setField(f, cpu, 'maintenanceDue', done);
    f.ret(done);
    f.unreachable();
  },
};

/** maintainAllCode(cpu): IC IALLU and IC IALLUIS. */
const maintainAllCode: CoreHelper = {
  name: 'maintainAllCode',
  params: ['i32'],
  results: [],
  build: (f, m) => f.if(isShared(), () => f.callVoid(m.fn('broadcast'), f.param(0), i32(OP_CODE), i32(0), i32(1))),
};

const PAR_RES1 = 1n << 11n;
const PAR_NS = 1n << 9n;
const PAR_S = 1 << 9;
const PAR_PTW = 1 << 8;
const SH_OUTER = 2;
const ATTR_NON_CACHEABLE = 0x44;

/** PAR_EL1.ATTR and SH of what `stage1` left in `walkAttributes`, at their places. */
function parAttributes(f: FunctionBuilder, cpu: Expr): Expr {
  const all = f.tmp(wrap(field(cpu, 'walkAttributes')));
  const sctlr = wrap(field(cpu, 'SCTLR_EL1'));
  const mair = and(shrU(all, i32(ATTR_MAIR_SHIFT)), i32(0xff));
  // MMU off: Device-nGnRnE. SCTLR_EL1.C clear: no data access is cached.
  const isDevice = or(and(all, i32(ATTR_DEVICE)), eqz(and(sctlr, i32(1))));
  const normal = select(
    and(sctlr, i32(4)),
    select(and(mair, i32(0xf)), mair, or(mair, i32(ATTR_NON_CACHEABLE & 0xf))),
    i32(ATTR_NON_CACHEABLE),
  );
  const attr = f.tmp(select(isDevice, and(mair, i32(0xc)), normal));
  const sh = f.tmp(and(shrU(all, i32(ATTR_SH_SHIFT)), i32(3)));
  // Device memory and Non-cacheable memory are Outer Shareable, and so is what the reserved value 1 means.
  const isOuter = or(or(isDevice, eq(attr, i32(ATTR_NON_CACHEABLE))), eq(sh, i32(1)));
  return or(shl(extU(attr), i64(56)), shl(extU(select(isOuter, i32(SH_OUTER), sh)), i64(7)));
}

/** addressTranslate(cpu, va, access): AT: PAR_EL1 gets the address, or the fault status (Arm ARM D13.2.96). */
const addressTranslate: CoreHelper = {
  name: 'addressTranslate',
  params: ['i32', 'i64', 'i32'],
  results: [],
  build(f, m) {
    const cpu = f.param(0);
    f.if(
      f.call(m.fn('stage1For'), cpu, f.param(1), f.param(2)),
      () => {
        const address = and(field(cpu, 'walkIpa'), i64(0x0000fffffffff000n));
        setField(f, cpu, 'PAR_EL1', or(or(address, parAttributes(f, cpu)), i64(PAR_NS | PAR_RES1)));
      },
      () => {
        const fault = f.tmp(field(cpu, 'walkFault', 'i32'));
        const marks = or(
          select(and(fault, i32(WALK_STAGE2)), i32(PAR_S), i32(0)),
          select(and(fault, i32(WALK_S1PTW)), i32(PAR_PTW), i32(0)),
        );
        const status = or(shl(and(fault, i32(0x3f)), i32(1)), marks);
        setField(f, cpu, 'PAR_EL1', or(extU(status), i64(PAR_RES1 | 1n)));
      },
    );
  },
};

export const helpers: readonly CoreHelper[] = [zeroBlock, maintain, maintainCode, maintainAllCode, addressTranslate];
