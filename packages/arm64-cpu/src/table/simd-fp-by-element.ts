/** AdvSIMD vector x indexed element on floats, and its scalar forms (Arm ARM C4.1.96). */
import { element, type Lanes, register, scalarLanes, vectorLanes } from './fp-lanes.ts';
import * as op from './fp-ops.ts';
import type { Fields, Row } from './row.ts';

const TABLE = [
  { name: 'FMLA', U: 0, opcode: '0001', op: op.fmla(false) },
  { name: 'FMLS', U: 0, opcode: '0101', op: op.fmla(true) },
  { name: 'FMUL', U: 0, opcode: '1001', op: op.fmul },
  { name: 'FMULX', U: 1, opcode: '1001', op: op.fmulx },
] as const;

/** Encodings of the element: two index bits for single precision, one for double. */
const ELEMENTS = [
  {
    letter: 'S',
    arrangement: 'TS',
    bits: '10 immL Rm:5',
    index: 'immH:immL',
    offset: (f: Fields) => f.immH! * 8 + f.immL! * 4,
  },
  { letter: 'D', arrangement: '2D', bits: '11 0 Rm:5', index: 'immH', offset: (f: Fields) => f.immH! * 8 },
] as const;

export const rows: readonly Row[] = TABLE.flatMap((i) =>
  ELEMENTS.flatMap((e, double): Row[] => {
    const run = (l: Lanes) => i.op(l, register(l, 'Rn'), element(l, 'Rm', l.x.imm32(e.offset)));
    const mnemonic = i.name.toLowerCase();
    const source = `<Vm.${e.letter}[${e.index}]>`;
    return [
      {
        name: `${i.name}_asimdelem_${e.letter.toLowerCase()}`,
        pattern: `0 ${double ? '1' : 'Q'} ${i.U} 01111 ${e.bits} ${i.opcode} immH 0 Rn:5 Rd:5`,
        asm: `${mnemonic} <Vd.${e.arrangement}>, <Vn.${e.arrangement}>, ${source}`,
        cold: true,
        sem: (x, f) => run(vectorLanes(x, f, double)),
      },
      {
        name: `${i.name}_asisdelem_${e.letter.toLowerCase()}`,
        pattern: `01 ${i.U} 11111 ${e.bits} ${i.opcode} immH 0 Rn:5 Rd:5`,
        asm: `${mnemonic} <${e.letter}d>, <${e.letter}n>, ${source}`,
        cold: true,
        sem: (x) => run(scalarLanes(x, double)),
      },
    ];
  }),
);
