/** Load-acquire, store-release, exclusives and the atomics of FEAT_LSE: Arm ARM C4.1.88, B2.9 and B2.10. */
import {
  and,
  atomicLoad,
  type Expr,
  eq,
  extU,
  gtS,
  gtU,
  i32,
  i64,
  load,
  ltS,
  ltU,
  ne,
  not,
  or,
  select,
  shl,
  shrU,
  signExtend,
  wrap,
} from '../wasm/expr.ts';
import type { Row } from './row.ts';
import type { Sem } from './sem.ts';

/** Access sizes: encoding, suffix of the mnemonic, register, and the value type that holds them. */
const SIZES = [
  { size: 0, bytes: 1, suffix: 'b', rt: 'W', t: 'i32', kind: 'i32_8u' },
  { size: 1, bytes: 2, suffix: 'h', rt: 'W', t: 'i32', kind: 'i32_16u' },
  { size: 2, bytes: 4, suffix: '', rt: 'W', t: 'i32', kind: 'i32' },
  { size: 3, bytes: 8, suffix: '', rt: 'X', t: 'i64', kind: 'i64' },
] as const;
type Size = (typeof SIZES)[number];

const binary = (value: number, bits: number): string => value.toString(2).padStart(bits, '0');
const bits = (s: Size): number => (s.t === 'i64' ? 64 : 32);
const rowName = (mnemonic: string, s: Size): string => `${mnemonic.toUpperCase()}_${s.bytes * 8}`;

/** The value as the memory holds it: narrow values without what is above them. */
const narrow = (s: Size, e: Expr): Expr => (s.bytes < 4 ? and(e, i32(2 ** (8 * s.bytes) - 1)) : e);

/** Opens the exclusive monitor's claim on `bytes` bytes at a host address, with what was loaded. */
function claim(x: Sem, host: Expr, bytes: number, low: Expr, high: Expr): void {
  x.setState('exclusiveAddress', host);
  x.setState('exclusiveBytes', i32(bytes));
  x.setState('exclusiveLow', low.t === 'i32' ? extU(low) : low);
  x.setState('exclusiveHigh', high);
}

/** Runs `attempt` (status 0 or 1) if the monitor holds this address; gives the status and closes the monitor. */
function tryStore(x: Sem, host: Expr, bytes: number, attempt: () => Expr): Expr {
  const status = x.variable(i32(1));
  x.if(and(eq(x.state('exclusiveAddress', 'i32'), host), eq(x.state('exclusiveBytes', 'i32'), i32(bytes))), () =>
    status.set(attempt()),
  );
  x.setState('exclusiveAddress', i32(-1));
  return status.get();
}

const exclusiveRows = SIZES.flatMap((s): Row[] =>
  [0, 1].flatMap((o0): Row[] => {
    const ldxr = `ld${o0 ? 'a' : ''}xr${s.suffix}`;
    const stxr = `st${o0 ? 'l' : ''}xr${s.suffix}`;
    return [
      {
        name: rowName(ldxr, s),
        pattern: `${binary(s.size, 2)} 001000 0 1 0 xxxxx ${o0} xxxxx Rn:5 Rt:5`,
        asm: `${ldxr} <${s.rt}t>, [<Xn|SP>]`,
        sem: (x) => {
          const host = x.host(s.bytes, x.SP('Rn'), 'read');
          const value = x.tmp(atomicLoad(s.t, s.bytes, host));
          claim(x, host, s.bytes, value, i64(0));
          x.setX('Rt', value);
        },
      },
      {
        name: rowName(stxr, s),
        pattern: `${binary(s.size, 2)} 001000 0 0 0 Rs:5 ${o0} xxxxx Rn:5 Rt:5`,
        asm: `${stxr} <Ws>, <${s.rt}t>, [<Xn|SP>]`,
        sem: (x) => {
          const host = x.host(s.bytes, x.SP('Rn'), 'write');
          const expected = () => x.state('exclusiveLow', s.t);
          const status = tryStore(x, host, s.bytes, () =>
            ne(x.atomicCas(s.bytes, host, expected(), narrow(s, x.X('Rt', bits(s)))), expected()),
          );
          x.release();
          x.setX('Rs', status);
        },
      },
    ];
  }),
);

const orderedRows = SIZES.flatMap((s): Row[] => [
  {
    name: rowName(`ldar${s.suffix}`, s),
    pattern: `${binary(s.size, 2)} 001000 1 1 0 xxxxx 1 xxxxx Rn:5 Rt:5`,
    asm: `ldar${s.suffix} <${s.rt}t>, [<Xn|SP>]`,
    sem: (x) => x.setX('Rt', x.load(s.kind, x.SP('Rn'), { ordered: true })),
  },
  {
    name: rowName(`stlr${s.suffix}`, s),
    pattern: `${binary(s.size, 2)} 001000 1 0 0 xxxxx 1 xxxxx Rn:5 Rt:5`,
    asm: `stlr${s.suffix} <${s.rt}t>, [<Xn|SP>]`,
    sem: (x) => x.store(s.bytes, x.SP('Rn'), x.X('Rt', bits(s)), { ordered: true }),
  },
]);

const joined = (low: Expr, high: Expr): Expr => or(extU(low), shl(extU(high), i64(32)));

const pairRows = [0, 1].flatMap((sz): Row[] =>
  [0, 1].flatMap((o0): Row[] => {
    const rt = sz ? 'X' : 'W';
    const bytes = sz ? 16 : 8;
    const ldxp = `ld${o0 ? 'a' : ''}xp`;
    const stxp = `st${o0 ? 'l' : ''}xp`;
    return [
      {
        name: `${ldxp.toUpperCase()}_${bytes * 4}`,
        pattern: `1 ${sz} 001000 0 1 1 xxxxx ${o0} Rt2:5 Rn:5 Rt:5`,
        asm: `${ldxp} <${rt}t>, <${rt}t2>, [<Xn|SP>]`,
        cold: true,
        sem: (x) => {
          const host = x.host(bytes, x.SP('Rn'), 'read');
          const low = x.tmp(atomicLoad('i64', 8, host));
          const high = x.tmp(sz ? atomicLoad('i64', 8, host, 8) : i64(0));
          claim(x, host, bytes, low, high);
          x.setX('Rt', sz ? low : wrap(low));
          x.setX('Rt2', sz ? high : shrU(low, i64(32)));
        },
      },
      {
        name: `${stxp.toUpperCase()}_${bytes * 4}`,
        pattern: `1 ${sz} 001000 0 0 1 Rs:5 ${o0} Rt2:5 Rn:5 Rt:5`,
        asm: `${stxp} <Ws>, <${rt}t>, <${rt}t2>, [<Xn|SP>]`,
        cold: true,
        sem: (x) => {
          const host = sz ? x.hostPair(x.SP('Rn'), 'write') : x.host(bytes, x.SP('Rn'), 'write');
          const low = () => x.state('exclusiveLow', 'i64');
          const status = tryStore(x, host, bytes, () => {
            if (!sz) return ne(x.atomicCas(8, host, low(), joined(x.X('Rt', 32), x.X('Rt2', 32))), low());
            const failed = x.tmp(
              or(ne(load('i64', host), low()), ne(load('i64', host, 8), x.state('exclusiveHigh', 'i64'))),
            );
            x.if(eq(failed, i32(0)), () => x.hostStorePair(host, x.X('Rt'), x.X('Rt2')));
            return failed;
          });
          x.release();
          x.setX('Rs', status);
        },
      },
    ];
  }),
);

/** What an atomic leaves in memory, from the old value and the register; or the Wasm operation that does it. */
const ATOMICS: readonly {
  name: string;
  opc: number;
  o3: number;
  rmw?: 'add' | 'and' | 'or' | 'xor' | 'xchg';
  keepOld?: (a: Expr, b: Expr) => Expr;
  signed?: boolean;
}[] = [
  { name: 'ldadd', o3: 0, opc: 0, rmw: 'add' },
  { name: 'ldclr', o3: 0, opc: 1, rmw: 'and' },
  { name: 'ldeor', o3: 0, opc: 2, rmw: 'xor' },
  { name: 'ldset', o3: 0, opc: 3, rmw: 'or' },
  { name: 'ldsmax', o3: 0, opc: 4, keepOld: gtS, signed: true },
  { name: 'ldsmin', o3: 0, opc: 5, keepOld: ltS, signed: true },
  { name: 'ldumax', o3: 0, opc: 6, keepOld: gtU },
  { name: 'ldumin', o3: 0, opc: 7, keepOld: ltU },
  { name: 'swp', o3: 1, opc: 0, rmw: 'xchg' },
];

const comparable = (s: Size, e: Expr, signed: boolean): Expr =>
  signed && s.bytes < 4 ? signExtend(e, (s.bytes * 8) as 8 | 16) : e;

/** Minimum and maximum: Wasm has no such operation, so compare and exchange until nobody came between. */
function minMax(
  x: Sem,
  s: Size,
  host: Expr,
  operand: Expr,
  keepOld: (a: Expr, b: Expr) => Expr,
  signed: boolean,
): Expr {
  const old = x.variable(s.t === 'i64' ? i64(0) : i32(0));
  x.loop((again) => {
    old.set(atomicLoad(s.t, s.bytes, host));
    const value = select(keepOld(comparable(s, old.get(), signed), comparable(s, operand, signed)), old.get(), operand);
    const seen = x.atomicCas(s.bytes, host, old.get(), narrow(s, value));
    again(ne(seen, old.get()));
  });
  return old.get();
}

const lseRows = SIZES.flatMap((s): Row[] =>
  ATOMICS.map(
    (a): Row => ({
      name: rowName(`${a.name}${s.suffix}`, s),
      pattern: `${binary(s.size, 2)} 111 0 00 A R 1 Rs:5 ${a.o3} ${binary(a.opc, 3)} 00 Rn:5 Rt:5`,
      asm: `${a.name}<ar>${s.suffix} <${s.rt}s>, <${s.rt}t>, [<Xn|SP>]`,
      feature: 'FEAT_LSE',
      dynamic: ['A', 'R'],
      sem: (x) => {
        const operand = x.tmp(narrow(s, x.X('Rs', bits(s))));
        const host = x.host(s.bytes, x.SP('Rn'), 'atomic');
        const old = a.rmw
          ? x.atomicRmw(a.rmw, s.bytes, host, a.name === 'ldclr' ? narrow(s, not(operand)) : operand)
          : minMax(x, s, host, operand, a.keepOld!, a.signed === true);
        x.release();
        x.setX('Rt', old);
      },
    }),
  ),
);

const casRows = SIZES.map(
  (s): Row => ({
    name: rowName(`cas${s.suffix}`, s),
    pattern: `${binary(s.size, 2)} 0010001 A 1 Rs:5 R 11111 Rn:5 Rt:5`,
    asm: `cas<ar>${s.suffix} <${s.rt}s>, <${s.rt}t>, [<Xn|SP>]`,
    feature: 'FEAT_LSE',
    dynamic: ['A', 'R'],
    sem: (x) => {
      const host = x.host(s.bytes, x.SP('Rn'), 'atomic');
      const old = x.atomicCas(s.bytes, host, narrow(s, x.X('Rs', bits(s))), narrow(s, x.X('Rt', bits(s))));
      x.release();
      x.setX('Rs', old);
    },
  }),
);

const caspRows = [0, 1].map((sz): Row => {
  const r = sz ? 'X' : 'W';
  return {
    name: `CASP_${sz ? 64 : 32}`,
    pattern: `0 ${sz} 0010000 A 1 Rs:5 R 11111 Rn:5 Rt:5`,
    asm: `casp<ar> <${r}s>, <${r}s+1>, <${r}t>, <${r}t+1>, [<Xn|SP>]`,
    feature: 'FEAT_LSE',
    dynamic: ['A', 'R'],
    check: (f) => (f.Rs! & 1) === 0 && (f.Rt! & 1) === 0,
    even: ['Rs', 'Rt'],
    cold: true,
    sem: (x) => {
      const host = sz ? x.hostPair(x.SP('Rn'), 'atomic') : x.host(8, x.SP('Rn'), 'atomic');
      if (!sz) {
        const old = x.atomicCas(
          8,
          host,
          joined(x.X('Rs', 32), x.X('Rs+1', 32)),
          joined(x.X('Rt', 32), x.X('Rt+1', 32)),
        );
        x.release();
        x.setX('Rs', wrap(old));
        x.setX('Rs+1', shrU(old, i64(32)));
        return;
      }
      const low = x.tmp(load('i64', host));
      const high = x.tmp(load('i64', host, 8));
      x.if(and(eq(low, x.X('Rs')), eq(high, x.X('Rs+1'))), () => x.hostStorePair(host, x.X('Rt'), x.X('Rt+1')));
      x.release();
      x.setX('Rs', low);
      x.setX('Rs+1', high);
    },
  };
});

export const rows: readonly Row[] = [
  ...exclusiveRows,
  ...orderedRows,
  ...pairRows,
  ...lseRows,
  ...casRows,
  ...caspRows,
];
