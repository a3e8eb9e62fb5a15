/** Debug registers beyond plain storage: Arm ARM D13.3. There is no external debugger: nobody empties the DCC. */
import { BREAKPOINTS, WATCHPOINTS } from '../state.ts';
import type { Encoding5 } from '../sysregs/registers.ts';
import { and, eqz, extU, i32, i64, ne, not, or, select, shl, shrU, wrap } from '../wasm/expr.ts';
import type { Row } from './row.ts';
import type { Sem } from './sem.ts';
import { el1Only, read, trapFromEl0, write } from './system-register.ts';

const MDSCR: Encoding5 = [2, 0, 0, 2, 2];
const OSLAR: Encoding5 = [2, 0, 1, 0, 4];
const OSLSR: Encoding5 = [2, 0, 1, 1, 4];
const MDCCSR: Encoding5 = [2, 3, 0, 1, 0];
const DBGDTR: Encoding5 = [2, 3, 0, 4, 0];
const DBGDTR32: Encoding5 = [2, 3, 0, 5, 0];
const DBGCLAIMSET: Encoding5 = [2, 0, 7, 8, 6];
const DBGCLAIMCLR: Encoding5 = [2, 0, 7, 9, 6];

/** MDSCR_EL1: SS, TDCC, KDE and MDE. */
const MDSCR_WRITABLE = 1n | (1n << 12n) | (1n << 13n) | (1n << 15n);
/** While the OS Lock holds also ERR, HDE, TDA, INTdis, TXU, RXO, TXfull and RXfull: what an external debugger owns. */
const MDSCR_LOCKED = MDSCR_WRITABLE | (1n << 6n) | (1n << 14n) | (7n << 21n) | (3n << 26n) | (3n << 29n);
const MDSCR_TDCC = 1 << 12;
const TXFULL = 1n << 29n;
const RXFULL = 1n << 30n;
const OSLSR_OSLK = 2n;
/** Claim tags: 8 of them. */
const CLAIM_TAGS = 0xffn;

/** What stands behind every write that counts for debug. */
export function debugWritten(x: Sem): void {
  x.callVoid('debugChanged', x.cpu(), i32(1));
  x.end('check');
}

/** The DCC is EL0's unless MDSCR_EL1.TDCC. */
function dccAccess(x: Sem, encoding: Encoding5, isRead: boolean): void {
  const trapped = ne(and(x.state('MDSCR_EL1', 'i64'), i64(MDSCR_TDCC)), i64(0));
  x.if(and(trapped, eqz(x.state('el', 'i32'))), () => trapFromEl0(x, encoding, isRead));
}

const setMdscr = (x: Sem, set: bigint, clear: bigint): void =>
  x.setState('MDSCR_EL1', or(and(x.state('MDSCR_EL1', 'i64'), i64(~clear)), i64(set)));

/** Break- and watchpoints that the architecture has room for and this core has not: UNDEFINED, but with a name. */
const absentRows: readonly Row[] = (
  [
    ['DBGB', BREAKPOINTS, 4],
    ['DBGW', WATCHPOINTS, 6],
  ] as const
).flatMap(([kind, count, op2]) =>
  Array.from({ length: 16 - count }, (_, i) => count + i).flatMap((n) =>
    (['VR', 'CR'] as const).flatMap((half, i) => {
      const encoding: Encoding5 = [2, 0, 0, n, op2 + i];
      const name = `${kind}${half}${n}_EL1`;
      return [read(name, encoding, (x) => x.undefined()), write(name, encoding, (x) => x.undefined())];
    }),
  ),
);

export const debugRows: readonly Row[] = [
  ...absentRows,
  // One can only be written, the other only read.
  read('OSLAR_EL1', OSLAR, (x) => x.undefined()),
  write('OSLSR_EL1', OSLSR, (x) => x.undefined()),
  read('MDSCR_EL1', MDSCR, (x) => {
    el1Only(x);
    x.setX('Rt', x.state('MDSCR_EL1', 'i64'));
  }),
  write('MDSCR_EL1', MDSCR, (x) => {
    el1Only(x);
    const isLocked = wrap(and(x.state('OSLSR_EL1', 'i64'), i64(OSLSR_OSLK)));
    const mask = x.tmp(select(isLocked, i64(MDSCR_LOCKED), i64(MDSCR_WRITABLE)));
    x.setState('MDSCR_EL1', or(and(x.X('Rt'), mask), and(x.state('MDSCR_EL1', 'i64'), not(mask))));
    debugWritten(x);
  }),
  write('OSLAR_EL1', OSLAR, (x) => {
    el1Only(x);
    const lock = shl(and(x.X('Rt'), i64(1)), i64(1));
    x.setState('OSLSR_EL1', or(and(x.state('OSLSR_EL1', 'i64'), i64(~OSLSR_OSLK)), lock));
    debugWritten(x);
  }),
  read('OSLSR_EL1', OSLSR, (x) => {
    el1Only(x);
    x.setX('Rt', x.state('OSLSR_EL1', 'i64'));
  }),
  // The tags that are set are read by DBGCLAIMCLR_EL1; DBGCLAIMSET_EL1 tells which there are.
  read('DBGCLAIMSET_EL1', DBGCLAIMSET, (x) => {
    el1Only(x);
    x.setX('Rt', i64(CLAIM_TAGS));
  }),
  write('DBGCLAIMSET_EL1', DBGCLAIMSET, (x) => {
    el1Only(x);
    x.setState('DBGCLAIMCLR_EL1', or(x.state('DBGCLAIMCLR_EL1', 'i64'), and(x.X('Rt'), i64(CLAIM_TAGS))));
  }),
  read('DBGCLAIMCLR_EL1', DBGCLAIMCLR, (x) => {
    el1Only(x);
    x.setX('Rt', x.state('DBGCLAIMCLR_EL1', 'i64'));
  }),
  write('DBGCLAIMCLR_EL1', DBGCLAIMCLR, (x) => {
    el1Only(x);
    x.setState('DBGCLAIMCLR_EL1', and(x.state('DBGCLAIMCLR_EL1', 'i64'), not(x.X('Rt'))));
  }),
  read('MDCCSR_EL0', MDCCSR, (x) => {
    dccAccess(x, MDCCSR, true);
    x.setX('Rt', and(x.state('MDSCR_EL1', 'i64'), i64(TXFULL | RXFULL)));
  }),
  read('DBGDTRRX_EL0', DBGDTR32, (x) => {
    dccAccess(x, DBGDTR32, true);
    setMdscr(x, 0n, RXFULL);
    x.setX('Rt', wrap(x.state('OSDTRRX_EL1', 'i64')));
  }),
  write('DBGDTRTX_EL0', DBGDTR32, (x) => {
    dccAccess(x, DBGDTR32, false);
    setMdscr(x, TXFULL, 0n);
    x.setState('OSDTRTX_EL1', extU(x.X('Rt', 32)));
  }),
  read('DBGDTR_EL0', DBGDTR, (x) => {
    dccAccess(x, DBGDTR, true);
    setMdscr(x, 0n, RXFULL);
    x.setX('Rt', or(shl(x.state('OSDTRTX_EL1', 'i64'), i64(32)), x.state('OSDTRRX_EL1', 'i64')));
  }),
  write('DBGDTR_EL0', DBGDTR, (x) => {
    dccAccess(x, DBGDTR, false);
    setMdscr(x, TXFULL, 0n);
    x.setState('OSDTRTX_EL1', extU(x.X('Rt', 32)));
    x.setState('OSDTRRX_EL1', shrU(x.X('Rt'), i64(32)));
  }),
];
