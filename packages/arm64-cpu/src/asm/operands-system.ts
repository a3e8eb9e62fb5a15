/** Operands of system instructions: barriers, prefetches, system registers. */
import { HOST_REGISTERS, STORAGE_REGISTERS } from '../sysregs/registers.ts';
import { type Operand, parseImmediate, put } from './operand.ts';

/** Barrier options by CRm (Arm ARM C6.2, DMB). */
const BARRIERS: Readonly<Record<string, number>> = {
  oshld: 1,
  oshst: 2,
  osh: 3,
  nshld: 5,
  nshst: 6,
  nsh: 7,
  ishld: 9,
  ishst: 10,
  ish: 11,
  ld: 13,
  st: 14,
  sy: 15,
};

/** A field that has names for some of its values; the others are numbers of two hexadecimal digits. */
function named(field: string, names: Readonly<Record<string, number>>, what: string, limit: bigint): Operand {
  const byValue = new Map(Object.entries(names).map(([name, value]) => [value, name]));
  return {
    format: (i) => byValue.get(i.fields[field]!) ?? `#0x${i.fields[field]!.toString(16).padStart(2, '0')}`,
    parse: (s, out, scope) => {
      const name = s.peekName();
      const at = s.at;
      if (names[name] !== undefined) {
        s.at += name.length;
        return put(s, out, { [field]: names[name] }, what, at);
      }
      if (name) s.fail(what);
      const value = parseImmediate(s, scope, what);
      if (value < 0n || value > limit) s.fail(what, at);
      put(s, out, { [field]: Number(value) }, what, at);
    },
  };
}

const PREFETCHES = Object.fromEntries(
  ['pld', 'pli', 'pst'].flatMap((type, t) =>
    [1, 2, 3].flatMap((level) =>
      ['keep', 'strm'].map((policy, p) => [`${type}l${level}${policy}`, t * 8 + (level - 1) * 2 + p] as const),
    ),
  ),
);

/** Bits 19:5 of MRS and MSR: op0 (its lower bit), op1, CRn, CRm and op2. */
const SYSREG_LSB = 5;
const SYSREG_WIDTH = 15;
const packed = ([op0, op1, CRn, CRm, op2]: readonly number[]): number =>
  (op0! & 1) * 2 ** 14 + op1! * 2 ** 11 + CRn! * 2 ** 7 + CRm! * 2 ** 3 + op2!;

/** Identification registers that read as zero, by CRm and op2 (op0 3, op1 0, CRn 0). */
const RESERVED_ID: Readonly<Record<number, readonly string[]>> = {
  1: ['id_pfr0', 'id_pfr1', 'id_dfr0', 'id_afr0', 'id_mmfr0', 'id_mmfr1', 'id_mmfr2', 'id_mmfr3'],
  2: ['id_isar0', 'id_isar1', 'id_isar2', 'id_isar3', 'id_isar4', 'id_isar5', 'id_mmfr4', 'id_isar6'],
  3: ['mvfr0', 'mvfr1', 'mvfr2', '', 'id_pfr2', 'id_dfr1', 'id_mmfr5'],
  4: ['', '', '', '', 'id_aa64zfr0', 'id_aa64smfr0'],
  6: ['', '', 'id_aa64isar2'],
};
const REGISTER_BITS = new Map([
  ...[...STORAGE_REGISTERS, ...HOST_REGISTERS].map((r) => [r.name.toLowerCase(), packed(r.encoding)] as const),
  ...Object.entries(RESERVED_ID).flatMap(([CRm, names]) =>
    names.flatMap((name, op2) => (name ? [[`${name}_el1`, packed([3, 0, 0, Number(CRm), op2])] as const] : [])),
  ),
]);
const REGISTER_NAMES = new Map([...REGISTER_BITS].map(([name, bits]) => [bits, name]));
const GENERIC = /^s([23])_([0-7])_c(\d|1[0-5])_c(\d|1[0-5])_([0-7])$/;

/** A system register by its name or as `s3_0_c1_c0_0`. */
const sysreg: Operand = {
  format: ({ word }) => {
    const bits = (word >>> SYSREG_LSB) & (2 ** SYSREG_WIDTH - 1);
    const part = (lsb: number, width: number): number => (bits >> lsb) & (2 ** width - 1);
    return REGISTER_NAMES.get(bits) ?? `s${2 + part(14, 1)}_${part(11, 3)}_c${part(7, 4)}_c${part(3, 4)}_${part(0, 3)}`;
  },
  parse: (s, out) => {
    const name = s.peekName();
    const generic = GENERIC.exec(name);
    const bits = generic ? packed(generic.slice(1).map(Number)) : REGISTER_BITS.get(name);
    if (bits === undefined || !out.setBits(SYSREG_LSB, SYSREG_WIDTH, bits)) {
      return s.fail('a system register that is implemented');
    }
    s.at += name.length;
  },
};

/** Operands of system instructions by placeholder. */
export const SYSTEM_OPERANDS: Readonly<Record<string, Operand>> = {
  '#barrier': named('immCRm', BARRIERS, `a barrier option (${Object.keys(BARRIERS).join(', ')})`, 15n),
  '#prfop': named('immRt', PREFETCHES, 'a prefetch operation (pldl1keep and its like)', 31n),
  sysreg,
};
