/** CRC32 and CRC32C over up to 8 bytes, lowest byte first: Arm ARM C6.2 (CRC32B …), by table. */
import { and, type Expr, i32, i64, load, ne, shl, shrU, sub, wrap, xor } from '../wasm/expr.ts';
import type { CoreHelper } from './helper.ts';

/** The 256 remainders of the reflected polynomial. */
function table(polynomial: number): Uint8Array {
  const words = new Uint32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ polynomial : c >>> 1;
    words[n] = c;
  }
  return new Uint8Array(words.buffer);
}

/** name(accumulator, data, bytes) */
const crc = (name: string, polynomial: number): CoreHelper => ({
  name,
  params: ['i32', 'i64', 'i32'],
  results: ['i32'],
  build(f, m) {
    const at = m.constant(table(polynomial));
    const acc = f.local('i32');
    const data = f.local('i64');
    const left = f.local('i32');
    f.set(acc, f.param(0));
    f.set(data, f.param(1));
    f.set(left, f.param(2));
    f.loop((again) => {
      const index: Expr = and(xor(f.get(acc), wrap(f.get(data))), i32(255));
      f.set(acc, xor(load('i32', shl(index, i32(2)), at), shrU(f.get(acc), i32(8))));
      f.set(data, shrU(f.get(data), i64(8)));
      f.set(left, sub(f.get(left), i32(1)));
      f.brIf(again, ne(f.get(left), i32(0)));
    });
    f.ret(f.get(acc));
    f.unreachable();
  },
});

export const helpers: readonly CoreHelper[] = [crc('crc32', 0xedb88320), crc('crc32c', 0x82f63b78)];
