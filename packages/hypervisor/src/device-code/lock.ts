/** Locks of the board's memory (`Lock`), taken in WebAssembly where they are free. */
import { atomicCode, type Expr, eq, type FunctionBuilder, i32, node } from '@dom0less/arm64-cpu/wasm';
import { AWAITED, FREE, HELD } from '../memory/lock.ts';

const NOTIFY = [0xfe, 0x00, 2, 0];

/** Takes the lock at `address` if that is free: gives 0 then. */
export const tryLock = (address: Expr): Expr =>
  node('i32', atomicCode('cmpxchg', 'i32', 4), address, i32(FREE), i32(HELD));

export function unlock(f: FunctionBuilder, address: Expr): void {
  const was = node('i32', atomicCode('xchg', 'i32', 4), address, i32(FREE));
  f.if(eq(was, i32(AWAITED)), () => f.drop(node('i32', NOTIFY, address, i32(1))));
}
