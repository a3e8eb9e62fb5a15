import type { Expr } from '../wasm/expr.ts';
import { i32, rotl } from '../wasm/expr.ts';
import type { Feature, Row } from './row.ts';
import type { Sem } from './sem.ts';
import { pick, readV, vAdd, vOr, vShl, vShr, vXor, ZERO } from './simd-lanes.ts';

/** Words `from` to `from + 3` of `low` followed by `high`. */
const slide = (low: Expr, high: Expr, from: number): Expr => pick(2, low, high, (i) => i + from);

const rotateRight = (a: Expr, n: number): Expr => vOr(vShr(2, false, a, i32(n)), vShl(2, a, i32(32 - n)));

/** The schedule's functions of SHA-256: two rotations and a shift. */
const sigma = (a: Expr, rotations: readonly [number, number], shift: number): Expr =>
  vXor(vXor(rotateRight(a, rotations[0]), rotateRight(a, rotations[1])), vShr(2, false, a, i32(shift)));

function sha1Schedule(x: Sem): Expr {
  const t = x.tmp(vXor(x.V('Rd'), slide(x.V('Rn'), ZERO, 1)));
  const rotated = x.tmp(rotateRight(t, 31));
  // The last word depends on the first one that is made here.
  const feedback = pick(2, x.tmp(rotateRight(t, 30)), ZERO, (i) => (i === 3 ? 0 : 4));
  return vXor(rotated, feedback);
}

function sha256Schedule1(x: Sem): Expr {
  const n = readV(x, 'Rn');
  const m = readV(x, 'Rm');
  const sum = x.tmp(vAdd(2, x.V('Rd'), slide(n, m, 1)));
  const half = (source: Expr): Expr => x.tmp(vAdd(2, sum, sigma(source, [17, 19], 10)));
  // The upper two words depend on the lower two of the result.
  const low = half(x.tmp(slide(m, m, 2)));
  const high = half(x.tmp(pick(3, low, low, () => 0)));
  return pick(3, low, high, (i) => (i === 0 ? 0 : 3));
}

type Encoding = [name: string, opcode: string, feature: Feature, operands: string, value: (x: Sem) => Expr];

const rounds1 = (name: string) => (x: Sem) => x.call(name, x.V('Rd'), x.vPart('i32', 'Rn'), x.V('Rm'));

const THREE: readonly Encoding[] = [
  ['SHA1C', '000', 'FEAT_SHA1', '<Qd>, <Sn>, <Vm.4S>', rounds1('sha1c')],
  ['SHA1P', '001', 'FEAT_SHA1', '<Qd>, <Sn>, <Vm.4S>', rounds1('sha1p')],
  ['SHA1M', '010', 'FEAT_SHA1', '<Qd>, <Sn>, <Vm.4S>', rounds1('sha1m')],
  [
    'SHA1SU0',
    '011',
    'FEAT_SHA1',
    '<Vd.4S>, <Vn.4S>, <Vm.4S>',
    (x) => vXor(slide(x.V('Rd'), x.V('Rn'), 2), vXor(x.V('Rd'), x.V('Rm'))),
  ],
  ['SHA256H', '100', 'FEAT_SHA256', '<Qd>, <Qn>, <Vm.4S>', (x) => x.call('sha256h', x.V('Rd'), x.V('Rn'), x.V('Rm'))],
  ['SHA256H2', '101', 'FEAT_SHA256', '<Qd>, <Qn>, <Vm.4S>', (x) => x.call('sha256h2', x.V('Rn'), x.V('Rd'), x.V('Rm'))],
  ['SHA256SU1', '110', 'FEAT_SHA256', '<Vd.4S>, <Vn.4S>, <Vm.4S>', sha256Schedule1],
];

const TWO: readonly Encoding[] = [
  ['SHA1SU1', '00001', 'FEAT_SHA1', '<Vd.4S>, <Vn.4S>', sha1Schedule],
  [
    'SHA256SU0',
    '00010',
    'FEAT_SHA256',
    '<Vd.4S>, <Vn.4S>',
    (x) => vAdd(2, x.V('Rd'), sigma(x.tmp(slide(x.V('Rd'), x.V('Rn'), 1)), [7, 18], 3)),
  ],
];

const row = ([name, , feature, operands, value]: Encoding, pattern: string): Row => ({
  name: `${name}_cryptosha`,
  pattern,
  asm: `${name.toLowerCase()} ${operands}`,
  feature,
  cold: true,
  sem: (x) => x.setV('Rd', value(x)),
});

const TWO_PATTERN = '01011110 00 10100';

/** Cryptographic two- and three-register SHA (Arm ARM C4.1.96). */
export const rows: readonly Row[] = [
  ...THREE.map((e) => row(e, `01011110 000 Rm:5 0 ${e[1]} 00 Rn:5 Rd:5`)),
  ...TWO.map((e) => row(e, `${TWO_PATTERN} ${e[1]} 10 Rn:5 Rd:5`)),
  {
    name: 'SHA1H_cryptosha',
    pattern: `${TWO_PATTERN} 00000 10 Rn:5 Rd:5`,
    asm: 'sha1h <Sd>, <Sn>',
    feature: 'FEAT_SHA1',
    cold: true,
    sem: (x) => x.setVScalar('Rd', x.tmp(rotl(x.vPart('i32', 'Rn'), i32(30)))),
  },
];
