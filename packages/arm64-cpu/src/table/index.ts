/** The instruction table: every row of every encoding group. */
import { rows as branches } from './branches.ts';
import { rows as cryptoAes } from './crypto-aes.ts';
import { rows as cryptoSha } from './crypto-sha.ts';
import { rows as dpImmediate } from './dp-immediate.ts';
import { rows as dpRegister } from './dp-register.ts';
import { rows as exclusive } from './exclusive.ts';
import { rows as fpConvert } from './fp-convert.ts';
import { rows as fpScalar } from './fp-scalar.ts';
import { rows as loadStore } from './load-store.ts';
import type { Row } from './row.ts';
import { rows as simdAcrossLanes } from './simd-across-lanes.ts';
import { rows as simdByElement } from './simd-by-element.ts';
import { rows as simdCopy } from './simd-copy.ts';
import { rows as simdExtract } from './simd-extract.ts';
import { rows as simdFpByElement } from './simd-fp-by-element.ts';
import { rows as simdFpConvert } from './simd-fp-convert.ts';
import { rows as simdFpThreeSame } from './simd-fp-three-same.ts';
import { rows as simdFpTwoRegMisc } from './simd-fp-two-reg-misc.ts';
import { rows as simdLoadStore } from './simd-load-store.ts';
import { rows as simdLoads } from './simd-loads.ts';
import { rows as simdModifiedImm } from './simd-modified-imm.ts';
import { rows as simdPermute } from './simd-permute.ts';
import { rows as simdScalarShiftImm } from './simd-scalar-shift-imm.ts';
import { rows as simdScalarThreeDifferent } from './simd-scalar-three-different.ts';
import { rows as simdScalarThreeSame } from './simd-scalar-three-same.ts';
import { rows as simdScalarTwoRegMisc } from './simd-scalar-two-reg-misc.ts';
import { rows as simdShiftImm } from './simd-shift-imm.ts';
import { rows as simdTableLookup } from './simd-table-lookup.ts';
import { rows as simdThreeDifferent } from './simd-three-different.ts';
import { rows as simdThreeSame } from './simd-three-same.ts';
import { rows as simdTwoRegMisc } from './simd-two-reg-misc.ts';
import { rows as system } from './system.ts';

export const ROWS: readonly Row[] = [
  ...dpImmediate,
  ...branches,
  ...system,
  ...loadStore,
  ...exclusive,
  ...dpRegister,
  ...fpScalar,
  ...fpConvert,
  ...simdFpThreeSame,
  ...simdFpByElement,
  ...simdFpTwoRegMisc,
  ...simdFpConvert,
  ...cryptoAes,
  ...cryptoSha,
  ...simdAcrossLanes,
  ...simdByElement,
  ...simdCopy,
  ...simdExtract,
  ...simdLoadStore,
  ...simdLoads,
  ...simdModifiedImm,
  ...simdPermute,
  ...simdScalarShiftImm,
  ...simdScalarThreeDifferent,
  ...simdScalarThreeSame,
  ...simdScalarTwoRegMisc,
  ...simdShiftImm,
  ...simdTableLookup,
  ...simdThreeDifferent,
  ...simdThreeSame,
  ...simdTwoRegMisc,
];
