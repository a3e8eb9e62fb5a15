/** System registers and system instructions: Arm ARM C5. */

import { ACCESS_WRITE } from '../core/memory.ts';
import { FEATURE_GIC, stateOffset } from '../state.ts';
import { CACHE_SIZES, ID_REGISTERS } from '../sysregs/id-registers.ts';
import {
  type Encoding5,
  FIXED_REGISTERS,
  HOST_REGISTERS,
  STORAGE_REGISTERS,
  type StorageRegister,
} from '../sysregs/registers.ts';
import {
  add,
  and,
  type Expr,
  eq,
  eqz,
  extU,
  fc,
  geU,
  i32,
  i64,
  load,
  ne,
  not,
  or,
  select,
  shl,
  shrU,
  sub,
  wrap,
} from '../wasm/expr.ts';
import type { Row } from './row.ts';
import type { Sem } from './sem.ts';
import { debugRows, debugWritten } from './system-debug.ts';
import { el1Only, pattern, read, trapFromEl0, write } from './system-register.ts';

/** The first two rows serve every storage register without effects: the record holds its place in the state. */
const place = (f: Readonly<Record<string, number>>): number => stateOffset(plainRegister(f)!.name);
const encodingOf = (f: Readonly<Record<string, number>>): string => [2 + f.o0!, f.op1!, f.CRn!, f.CRm!, f.op2!].join();
const PLAIN = new Map(STORAGE_REGISTERS.filter((r) => !r.effect).map((r) => [r.encoding.join(), r]));
const READABLE = new Map(STORAGE_REGISTERS.map((r) => [r.encoding.join(), r]));
const plainRegister = (f: Readonly<Record<string, number>>): StorageRegister | undefined => READABLE.get(encodingOf(f));
const FIELDS = 'o0 op1:3 CRn:4 CRm:4 op2:3 Rt:5';
const FIELD_NAMES = ['o0', 'op1', 'CRn', 'CRm', 'op2'];

const genericRows: readonly Row[] = [
  {
    name: 'MRS_storage_EL0',
    pattern: `1101010100 1 1 ${FIELDS}`,
    asm: 'mrs <Xt>, <sysreg>',
    dynamic: FIELD_NAMES,
    check: (f) => READABLE.get(encodingOf(f))?.el0 !== undefined,
    sem: (x) => x.setX('Rt', load('i64', add(x.cpu(), x.imm32(place)))),
  },
  {
    name: 'MRS_storage_EL1',
    pattern: `1101010100 1 1 ${FIELDS}`,
    asm: 'mrs <Xt>, <sysreg>',
    dynamic: FIELD_NAMES,
    check: (f) => READABLE.has(encodingOf(f)),
    sem: (x) => {
      el1Only(x);
      x.setX('Rt', load('i64', add(x.cpu(), x.imm32(place))));
    },
  },
  {
    name: 'MSR_storage',
    pattern: `1101010100 0 1 ${FIELDS}`,
    asm: 'msr <sysreg>, <Xt>',
    dynamic: FIELD_NAMES,
    check: (f) => {
      const r = PLAIN.get(encodingOf(f));
      return r !== undefined && r.writable === undefined && r.el0 === undefined;
    },
    sem: (x) => {
      el1Only(x);
      x.hostStore(8, add(x.cpu(), x.imm32(place)), x.X('Rt'));
    },
  },
  // Identification registers that are not allocated read as zero: op0 3, op1 0, CRn 0, CRm 1 … 7.
  {
    name: 'MRS_reserved_id',
    pattern: '1101010100 1 1 1 000 0000 0 CRm:3 op2:3 Rt:5',
    asm: 'mrs <Xt>, <sysreg>',
    dynamic: ['CRm', 'op2'],
    check: (f) => f.CRm! > 0,
    cold: true,
    sem: (x) => {
      el1Only(x);
      x.setX('Rt', i64(0));
    },
  },
];

const HOST = new Map(HOST_REGISTERS.map((r) => [r.encoding.join(), r]));

/** Bits [20:5] of the instruction. */
const encodingBits = (f: Readonly<Record<string, number>>): number =>
  ((2 + f.o0!) << 14) | (f.op1! << 11) | (f.CRn! << 7) | (f.CRm! << 3) | f.op2!;

/** The host's registers go through a scratch word; an access may change interrupt lines. */
const hostRows: readonly Row[] = [true, false].map(
  (isRead): Row => ({
    name: isRead ? 'MRS_host' : 'MSR_host',
    pattern: `1101010100 ${isRead ? 1 : 0} 1 ${FIELDS}`,
    asm: isRead ? 'mrs <Xt>, <sysreg>' : 'msr <sysreg>, <Xt>',
    dynamic: FIELD_NAMES,
    check: (f) => HOST.get(encodingOf(f))?.access.includes(isRead ? 'r' : 'w') ?? false,
    cold: true,
    sem: (x) => {
      el1Only(x);
      if (!isRead) x.setState('scratch0', x.X('Rt'));
      const known = x.call('systemRegister', x.cpu(), x.imm32(encodingBits), i32(isRead ? 0 : 1));
      x.if(eqz(known), () => x.undefined());
      if (isRead) {
        x.setX('Rt', x.state('scratch0', 'i64'));
        x.if(x.state('interruptLines', 'i32'), () => x.end('check'));
      } else x.end('check');
    },
  }),
);

const EFFECTS: Record<string, (x: Sem) => void> = {
  context: (x) => x.callVoid('selectContext', x.cpu()),
  flush: (x) => {
    x.callVoid('tlbiAll', x.cpu(), i64(0), i32(0));
    x.callVoid('selectContext', x.cpu());
    // SCTLR_EL1.SA and SA0 may be other ones.
    x.callVoid('debugMode', x.cpu());
  },
  debug: debugWritten,
  fp: (x) => x.callVoid('fpRecompute', x.cpu()),
};

/** Registers whose write has an effect, a mask, or is allowed at EL0. */
const storageWrites: readonly Row[] = STORAGE_REGISTERS.filter(
  (r) => r.effect || r.writable !== undefined || r.el0 !== undefined,
).map(
  (r): Row => ({
    name: `MSR_${r.name}`,
    pattern: pattern(r.encoding, false),
    asm: `msr ${r.name.toLowerCase()}, <Xt>`,
    cold: r.name !== 'TPIDR_EL0',
    sem: (x) => {
      if (r.el0 !== 'rw') el1Only(x);
      const mask = r.writable ?? -1n;
      const old = x.state(r.name, 'i64');
      const value = mask === -1n ? x.X('Rt') : or(and(x.X('Rt'), i64(mask)), and(old, i64(~mask)));
      x.setState(r.name, value);
      if (!r.effect) return;
      EFFECTS[r.effect]!(x);
      if (r.effect === 'context' || r.effect === 'flush') x.end('check');
    },
  }),
);

/** Whether DC ZVA traps: at EL0, unless SCTLR_EL1.DZE. DCZID_EL0.DZP says so. */
const zvaTraps = (x: Sem): Expr => {
  const dze = wrap(and(x.state('SCTLR_EL1', 'i64'), i64(1 << 14)));
  return eqz(or(x.state('el', 'i32'), dze));
};

/** Fields of identification registers that depend on the vCPU or on PSTATE. */
const VARIABLE_FIELDS: Readonly<Record<string, (x: Sem) => Expr>> = {
  DCZID_EL0: (x) => extU(shl(zvaTraps(x), i32(4))),
  ID_AA64PFR0_EL1: (x) => extU(shl(and(x.state('features', 'i32'), i32(FEATURE_GIC)), i32(24))),
};

const constantRows: readonly Row[] = [
  ...ID_REGISTERS.map(
    (r): Row => ({
      name: `MRS_${r.name}`,
      pattern: pattern(r.encoding, true),
      asm: `mrs <Xt>, ${r.name.toLowerCase()}`,
      cold: true,
      sem: (x) => {
        // CTR_EL0 is EL0's if SCTLR_EL1.UCT says so, DCZID_EL0 always.
        if (r.name === 'CTR_EL0') {
          const uct = wrap(and(x.state('SCTLR_EL1', 'i64'), i64(1 << 15)));
          x.if(eqz(or(x.state('el', 'i32'), uct)), () => trapFromEl0(x, r.encoding, true));
        } else if (r.name !== 'DCZID_EL0') el1Only(x);
        const field = VARIABLE_FIELDS[r.name];
        x.setX('Rt', field === undefined ? i64(r.value) : or(i64(r.value), field(x)));
      },
    }),
  ),
  ...FIXED_REGISTERS.flatMap((r): Row[] =>
    [true, false].map((read) => ({
      name: `${read ? 'MRS' : 'MSR'}_${r.name}`,
      pattern: pattern(r.encoding, read),
      asm: read ? `mrs <Xt>, ${r.name.toLowerCase()}` : `msr ${r.name.toLowerCase()}, <Xt>`,
      cold: true,
      sem: (x: Sem) => {
        el1Only(x);
        if (read) x.setX('Rt', i64(r.value));
      },
    })),
  ),
];

const MPIDR: Encoding5 = [3, 0, 0, 0, 5];
const CCSIDR: Encoding5 = [3, 1, 0, 0, 0];
const NZCV: Encoding5 = [3, 3, 4, 2, 0];
const DAIF: Encoding5 = [3, 3, 4, 2, 1];
const SPSEL: Encoding5 = [3, 0, 4, 2, 0];
const CURRENT_EL: Encoding5 = [3, 0, 4, 2, 2];
const SP_EL0: Encoding5 = [3, 0, 4, 1, 0];
const SCXTNUM_EL0: Encoding5 = [3, 3, 13, 0, 7];
const ISR_EL1: Encoding5 = [3, 0, 12, 1, 0];

/** PSTATE.DAIF is EL0's to write only if SCTLR_EL1.UMA says so. */
function daifAccess(x: Sem, encoding: Encoding5, read: boolean): void {
  const uma = wrap(and(x.state('SCTLR_EL1', 'i64'), i64(1 << 9)));
  x.if(eqz(or(x.state('el', 'i32'), uma)), () => trapFromEl0(x, encoding, read));
}

/** SCXTNUM_EL0 is EL0's unless SCTLR_EL1.TSCXT traps it. */
function scxtnumAccess(x: Sem, isRead: boolean): void {
  const tscxt = wrap(and(x.state('SCTLR_EL1', 'i64'), i64(1 << 20)));
  x.if(and(eqz(x.state('el', 'i32')), ne(tscxt, i32(0))), () => trapFromEl0(x, SCXTNUM_EL0, isRead));
}

/** Interrupt masks from the 4-bit immediate of MSR DAIFSet and DAIFClr. */
const daifImmediate = (x: Sem): Expr => x.imm32((f) => f.immCRm! << 6);

/** Behind a change of PSTATE.DAIF: interrupts, and debug exceptions, may come now. */
function daifChanged(x: Sem): void {
  x.callVoid('debugMode', x.cpu());
  x.end('check');
}

/** MSR DAIFSet or DAIFClr; `matters`: what has to be looked at behind it, if it is not zero. */
const daifRow = (
  name: string,
  op2: number,
  change: (daif: Expr, bits: Expr) => Expr,
  matters: (x: Sem) => Expr,
): Row => ({
  name: `MSR_DAIF${name}`,
  pattern: `1101010100 0 00 011 0100 immCRm:4 11${op2 & 1} 11111`,
  asm: `msr daif${name.toLowerCase()}, <#immCRm>`,
  sem: (x) => {
    daifAccess(x, [0, 3, 4, 0, op2], false);
    x.setState('daif', change(x.state('daif', 'i32'), daifImmediate(x)));
    x.if(matters(x), () => daifChanged(x));
  },
});

/** MSR SPSel: the SP that it brings may be one to look at. */
function selectSp(x: Sem, spsel: Expr): void {
  x.callVoid('setMode', x.cpu(), i32(1), spsel);
  x.if(x.state('debugActive', 'i32'), () => x.end('check'));
}

const pstateRows: readonly Row[] = [
  read('NZCV', NZCV, (x) => x.setX('Rt', shl(x.nzcv(), i32(28)))),
  write('NZCV', NZCV, (x) => x.setNzcv(wrap(shrU(and(x.X('Rt'), i64(0xffffffffn)), i64(28))))),
  read(
    'DAIF',
    DAIF,
    (x) => {
      daifAccess(x, DAIF, true);
      x.setX('Rt', x.state('daif', 'i32'));
    },
    false,
  ),
  write(
    'DAIF',
    DAIF,
    (x) => {
      daifAccess(x, DAIF, false);
      x.setState('daif', wrap(and(x.X('Rt'), i64(0x3c0))));
      x.if(or(x.state('interruptLines', 'i32'), x.state('debugOn', 'i32')), () => daifChanged(x));
    },
    false,
  ),
  daifRow('Set', 6, or, (x) => x.state('debugOn', 'i32')),
  daifRow(
    'Clr',
    7,
    (daif, bits) => and(daif, not(bits)),
    (x) => or(x.state('interruptLines', 'i32'), x.state('debugOn', 'i32')),
  ),
  read('SCXTNUM_EL0', SCXTNUM_EL0, (x) => {
    scxtnumAccess(x, true);
    x.setX('Rt', x.state('SCXTNUM_EL0', 'i64'));
  }),
  write('SCXTNUM_EL0', SCXTNUM_EL0, (x) => {
    scxtnumAccess(x, false);
    x.setState('SCXTNUM_EL0', x.X('Rt'));
  }),
  read('CurrentEL', CURRENT_EL, (x) => {
    el1Only(x);
    x.setX('Rt', shl(x.state('el', 'i32'), i32(2)));
  }),
  read('SPSel', SPSEL, (x) => {
    el1Only(x);
    x.setX('Rt', x.state('spsel', 'i32'));
  }),
  write('SPSel', SPSEL, (x) => {
    el1Only(x);
    selectSp(x, wrap(and(x.X('Rt'), i64(1))));
  }),
  {
    name: 'MSR_SPSel_imm',
    pattern: '1101010100 0 00 000 0100 immCRm:4 101 11111',
    asm: 'msr spsel, <#immCRm>',
    cold: true,
    sem: (x) => {
      el1Only(x);
      selectSp(
        x,
        x.imm32((f) => f.immCRm! & 1),
      );
    },
  },
  // SP_EL0 can be named only where it is not the SP in use.
  read(
    'SP_EL0',
    SP_EL0,
    (x) => {
      x.if(eqz(x.state('spsel', 'i32')), () => x.undefined());
      x.setX('Rt', x.state('SP_EL0', 'i64'));
    },
    false,
  ),
  write(
    'SP_EL0',
    SP_EL0,
    (x) => {
      x.if(eqz(x.state('spsel', 'i32')), () => x.undefined());
      x.setState('SP_EL0', x.X('Rt'));
    },
    false,
  ),
  read('MPIDR_EL1', MPIDR, (x) => {
    el1Only(x);
    x.setX('Rt', x.state('MPIDR_EL1', 'i64'));
  }),
  read('CCSIDR_EL1', CCSIDR, (x) => {
    el1Only(x);
    const level = x.tmp(x.state('CSSELR_EL1', 'i64'));
    x.setX(
      'Rt',
      CACHE_SIZES.reduce<Expr>((rest, size, n) => select(eq(level, i64(n)), i64(size), rest), i64(0)),
    );
  }),
  read('ISR_EL1', ISR_EL1, (x) => {
    el1Only(x);
    // IRQ, FIQ and SError pending are bits 7, 6 and 8.
    const lines = x.tmp(x.state('interruptLines', 'i32'));
    const line = (bit: number, to: number): Expr => shl(and(shrU(lines, i32(bit)), i32(1)), i32(to));
    x.setX('Rt', or(line(0, 7), or(line(1, 6), line(2, 8))));
  }),
];

/** The counter as it is now, less the virtual offset where `virtual`. */
function counter(x: Sem, virtual: boolean): Expr {
  const physical = fc('i64', 0x07, x.call('readCounter', x.cpu()));
  return x.tmp(virtual ? sub(physical, x.state('CNTVOFF_EL2', 'i64')) : physical);
}

/** CNTKCTL_EL1 bits that let EL0 at: physical counter, virtual counter, virtual timer, physical timer. */
const EL0PCTEN = 1;
const EL0VCTEN = 2;
const EL0VTEN = 1 << 8;
const EL0PTEN = 1 << 9;

function timerAccess(x: Sem, encoding: Encoding5, isRead: boolean, bit: number): void {
  const allowed = wrap(and(x.state('CNTKCTL_EL1', 'i64'), i64(bit)));
  x.if(eqz(or(x.state('el', 'i32'), allowed)), () => trapFromEl0(x, encoding, isRead));
}

const TIMER_ISTATUS = 4;

/** The virtual (CNTV) and the physical (CNTP) timer: TVAL, CTL and CVAL. */
const timerRows: readonly Row[] = (
  [
    ['CNTP', 2, false, EL0PTEN],
    ['CNTV', 3, true, EL0VTEN],
  ] as const
).flatMap(([timer, CRm, virtual, bit]): Row[] => {
  const [tval, ctl, cval]: Encoding5[] = [0, 1, 2].map((op2) => [3, 3, 14, CRm, op2]) as never;
  const CTL = `${timer}_CTL_EL0`;
  const CVAL = `${timer}_CVAL_EL0`;
  const wrote = (x: Sem): void => {
    x.callVoid('timerWritten', x.cpu());
    x.end('check');
  };
  return [
    read(CTL, ctl!, (x) => {
      timerAccess(x, ctl!, true, bit);
      const now = counter(x, virtual);
      const fired = extU(geU(now, x.state(CVAL, 'i64')));
      const enabled = and(x.state(CTL, 'i64'), i64(1));
      x.setX('Rt', or(x.state(CTL, 'i64'), shl(and(fired, enabled), i64(Math.log2(TIMER_ISTATUS)))));
    }),
    write(CTL, ctl!, (x) => {
      timerAccess(x, ctl!, false, bit);
      x.setState(CTL, and(x.X('Rt'), i64(3)));
      wrote(x);
    }),
    read(CVAL, cval!, (x) => {
      timerAccess(x, cval!, true, bit);
      x.setX('Rt', x.state(CVAL, 'i64'));
    }),
    write(CVAL, cval!, (x) => {
      timerAccess(x, cval!, false, bit);
      x.setState(CVAL, x.X('Rt'));
      wrote(x);
    }),
    read(`${timer}_TVAL_EL0`, tval!, (x) => {
      timerAccess(x, tval!, true, bit);
      x.setX('Rt', wrap(sub(x.state(CVAL, 'i64'), counter(x, virtual))));
    }),
    write(`${timer}_TVAL_EL0`, tval!, (x) => {
      timerAccess(x, tval!, false, bit);
      x.setState(CVAL, add(counter(x, virtual), { t: 'i64', code: [0xac], args: [x.X('Rt', 32)] }));
      wrote(x);
    }),
  ];
});

const CNTFRQ: Encoding5 = [3, 3, 14, 0, 0];
const CNTPCT: Encoding5 = [3, 3, 14, 0, 1];
const CNTVCT: Encoding5 = [3, 3, 14, 0, 2];

const counterRows: readonly Row[] = [
  read('CNTFRQ_EL0', CNTFRQ, (x) => {
    timerAccess(x, CNTFRQ, true, EL0PCTEN | EL0VCTEN);
    x.setX('Rt', x.state('CNTFRQ_EL0', 'i64'));
  }),
  read('CNTPCT_EL0', CNTPCT, (x) => {
    timerAccess(x, CNTPCT, true, EL0PCTEN);
    x.setX('Rt', counter(x, false));
  }),
  read('CNTVCT_EL0', CNTVCT, (x) => {
    timerAccess(x, CNTVCT, true, EL0VCTEN);
    x.setX('Rt', counter(x, true));
  }),
];

/**
 * TLBI operations of EL1 by CRm and op2. CRm 3: for all vCPUs of the domain, and a DSB waits for them. CRm 7: for this
 * vCPU, which may have left entries on other pCPUs: they forget them before they run it again.
 */
const TLBI: readonly { name: string; op2: number; helper: string; operand: boolean }[] = [
  { name: 'vmalle1', op2: 0, helper: 'tlbiAll', operand: false },
  { name: 'vae1', op2: 1, helper: 'tlbiVa', operand: true },
  { name: 'aside1', op2: 2, helper: 'tlbiAsid', operand: true },
  { name: 'vaae1', op2: 3, helper: 'tlbiVa', operand: true },
  { name: 'vale1', op2: 5, helper: 'tlbiVa', operand: true },
  { name: 'vaale1', op2: 7, helper: 'tlbiVa', operand: true },
];

const tlbiRows: readonly Row[] = TLBI.flatMap((t) =>
  [3, 7].map(
    (CRm): Row => ({
      name: `TLBI_${t.name.toUpperCase()}${CRm === 3 ? 'IS' : ''}`,
      pattern: pattern([1, 0, 8, CRm, t.op2], false),
      asm: `tlbi ${t.name}${CRm === 3 ? 'is' : ''}${t.operand ? ', <Xt>' : '<,Xt>'}`,
      cold: true,
      sem: (x) => {
        el1Only(x);
        x.callVoid(t.helper, x.cpu(), t.operand ? x.X('Rt') : i64(0), i32(CRm === 3 ? 1 : 0));
      },
    }),
  ),
);

/**
 * Cache maintenance: memory is coherent here, and records follow every write of the pCPU that has them. So what is left
 * is that IC reaches the records of the others. What goes by address faults as a read does, DC IVAC as a write.
 */
const CACHE_OPS: readonly { name: string; op1: number; CRm: number; op2: number; el0: boolean }[] = [
  { name: 'ic ialluis', op1: 0, CRm: 1, op2: 0, el0: false },
  { name: 'ic iallu', op1: 0, CRm: 5, op2: 0, el0: false },
  { name: 'dc ivac', op1: 0, CRm: 6, op2: 1, el0: false },
  { name: 'dc isw', op1: 0, CRm: 6, op2: 2, el0: false },
  { name: 'dc csw', op1: 0, CRm: 10, op2: 2, el0: false },
  { name: 'dc cisw', op1: 0, CRm: 14, op2: 2, el0: false },
  { name: 'ic ivau', op1: 3, CRm: 5, op2: 1, el0: true },
  { name: 'dc cvac', op1: 3, CRm: 10, op2: 1, el0: true },
  { name: 'dc cvau', op1: 3, CRm: 11, op2: 1, el0: true },
  { name: 'dc civac', op1: 3, CRm: 14, op2: 1, el0: true },
];

const cacheRows: readonly Row[] = CACHE_OPS.map(
  (c): Row => ({
    name: c.name.toUpperCase().replace(' ', '_'),
    pattern: pattern([1, c.op1, 7, c.CRm, c.op2], false),
    asm: c.name.startsWith('ic iallu') ? `${c.name}<,Xt>` : `${c.name}, <Xt>`,
    sem: (x) => {
      if (!c.el0) el1Only(x);
      if (c.name.startsWith('ic iallu')) x.callVoid('maintainAllCode', x.cpu());
      if (!c.el0 && c.name !== 'dc ivac') return;
      if (c.el0) {
        // SCTLR_EL1.UCI lets EL0 maintain caches by address.
        const uci = wrap(and(x.state('SCTLR_EL1', 'i64'), i64(1 << 26)));
        x.if(eqz(or(x.state('el', 'i32'), uci)), () => trapFromEl0(x, [1, c.op1, 7, c.CRm, c.op2], false));
      }
      const done =
        c.name === 'ic ivau'
          ? x.call('maintainCode', x.cpu(), x.X('Rt'))
          : x.call('maintain', x.cpu(), x.X('Rt'), i32(c.name === 'dc ivac' ? ACCESS_WRITE : 0));
      x.if(eqz(done), () => x.exception(x.state('faultEsr', 'i64')));
    },
  }),
);

/** AT S1E1R … S1E0W: PAR_EL1 tells the result. */
const atRows: readonly Row[] = ['S1E1R', 'S1E1W', 'S1E0R', 'S1E0W'].map(
  (name, op2): Row => ({
    name: `AT_${name}`,
    pattern: pattern([1, 0, 7, 8, op2], false),
    asm: `at ${name.toLowerCase()}, <Xt>`,
    cold: true,
    sem: (x) => {
      el1Only(x);
      x.callVoid('addressTranslate', x.cpu(), x.X('Rt'), i32((op2 & 1) | (op2 & 2 ? 4 : 0)));
    },
  }),
);

export const rows: readonly Row[] = [
  ...genericRows,
  ...hostRows,
  ...storageWrites,
  ...debugRows,
  ...constantRows,
  ...pstateRows,
  ...timerRows,
  ...counterRows,
  ...tlbiRows,
  ...cacheRows,
  ...atRows,
  {
    name: 'DC_ZVA',
    pattern: pattern([1, 3, 7, 4, 1], false),
    asm: 'dc zva, <Xt>',
    cold: true,
    sem: (x) => {
      x.if(zvaTraps(x), () => trapFromEl0(x, [1, 3, 7, 4, 1], false));
      x.zeroBlock(x.X('Rt'));
    },
  },
];
