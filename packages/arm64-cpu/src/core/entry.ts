/** Entries of code that have become hot: most are those of no translation, which is found out without leaving Wasm. */
import {
  FILTER_BITS,
  FILTER_HASH,
  PAGE_HOST,
  PAGE_LATER,
  PAGE_LOOKED,
  PAGE_RECORDS_BYTES,
  PAGE_TRAPS_FP,
  PCPU_FILTER,
  PCPU_RECORDS,
  RECORD_COUNT,
  RECORD_SHIFT,
} from '../layout.ts';
import { add, and, divU, eqz, geU, i32, load, mul, node, or, shl, shrU, sub } from '../wasm/expr.ts';
import type { CoreHelper } from './helper.ts';
import { field } from './memory.ts';

/**
 * entryReached(cpu, rec): the count of the instruction of `rec` has reached ENTRY_HOT: the host is told, unless all there
 * is to do is to look early for a translation (`TranslationOptions.early`), and PCPU_FILTER says that there is none.
 */
const entryReached: CoreHelper = {
  name: 'entryReached',
  params: ['i32', 'i32'],
  results: [],
  build(f, m) {
    const [cpu, rec] = [f.param(0), f.param(1)];
    const pcpu = f.tmp(field(cpu, 'pcpu', 'i32'));
    const first = f.tmp(add(pcpu, i32(PCPU_RECORDS)));
    f.block((host) => {
      f.brIf(host, eqz(geU(rec, first)));
      const index = divU(sub(rec, first), i32(PAGE_RECORDS_BYTES));
      const records = f.tmp(add(first, mul(index, i32(PAGE_RECORDS_BYTES))));
      const later = f.tmp(load('i32', records, PAGE_LATER));
      f.brIf(host, eqz(later));
      const n = f.tmp(shrU(sub(rec, records), i32(RECORD_SHIFT)));
      const lookedAt = f.tmp(add(records, and(shrU(n, i32(3)), i32(~3))));
      const looked = f.tmp(load('i32', lookedAt, PAGE_LOOKED));
      const bit = f.tmp(shl(i32(1), and(n, i32(31))));
      f.brIf(host, and(looked, bit));
      const word = load('i32', add(load('i32', records, PAGE_HOST), shl(n, i32(2))));
      const key = or(shl(n, i32(2)), shl(load('i32', records, PAGE_TRAPS_FP), i32(12)));
      const mixed = node('i32', [0x73], mul(key, i32(FILTER_HASH.key)), mul(word, i32(FILTER_HASH.word)));
      const hash = f.tmp(shrU(mixed, i32(32 - FILTER_BITS)));
      const place = add(pcpu, shl(shrU(hash, i32(5)), i32(2)));
      f.brIf(host, and(load('i32', place, PCPU_FILTER), shl(i32(1), and(hash, i32(31)))));
      f.store('i32', lookedAt, or(looked, bit), PAGE_LOOKED);
      f.store('i32_16', rec, later, RECORD_COUNT);
      f.ret();
    });
    f.callVoid(m.fn('hotEntry'), cpu, rec);
  },
};

export const helpers: readonly CoreHelper[] = [entryReached];
