/** Locks of one word, as `EngineClock.lock` tells of them: 0 free, 1 held, 2 held while somebody waits. */
import { atomicCode, type Expr, eq, i32, node } from './expr.ts';
import type { FunctionBuilder } from './function-builder.ts';

const FREE = 0;
const HELD = 1;
const AWAITED = 2;
const NOTIFY = [0xfe, 0x00, 2, 0];

/** Takes the lock at `address` if that is free: gives 0 then. */
export const tryLock = (address: Expr): Expr =>
  node('i32', atomicCode('cmpxchg', 'i32', 4), address, i32(FREE), i32(HELD));

/** Gives the lock at `address` back, and wakes one that waits. */
export function unlock(f: FunctionBuilder, address: Expr): void {
  const was = node('i32', atomicCode('xchg', 'i32', 4), address, i32(FREE));
  f.if(eq(was, i32(AWAITED)), () => f.drop(node('i32', NOTIFY, address, i32(1))));
}
