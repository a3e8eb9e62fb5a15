/** The system counter, read without the host where it has given its clock (`EngineHost.clock`). */
import { PCPU_CLOCK_EPOCH, PCPU_CLOCK_LATEST, PCPU_CLOCK_LOCK, PCPU_CLOCK_TICKS } from '../layout.ts';
import { atomicCode, type Expr, eq, eqz, fop, i32, load, node } from '../wasm/expr.ts';
import type { CoreHelper } from './helper.ts';
import { field } from './memory.ts';

const FREE = 0;
const HELD = 1;
const AWAITED = 2;

const F64_SUB = 0xa1;
const F64_MUL = 0xa2;
const F64_MAX = 0xa5;
const floor = (a: Expr): Expr => node('f64', [0x9c], a);
const NOTIFY = [0xfe, 0x00, 2, 0];

/**
 * readCounter(cpu): CNTPCT_EL0. What one pCPU has read, none reads less of afterwards: the latest value is under a lock.
 * Where that is not to be had at once the host does it.
 */
const readCounter: CoreHelper = {
  name: 'readCounter',
  params: ['i32'],
  results: ['f64'],
  build(f, m) {
    const cpu = f.param(0);
    const pcpu = f.tmp(field(cpu, 'pcpu', 'i32'));
    const latestAt = f.tmp(load('i32', pcpu, PCPU_CLOCK_LATEST));
    f.if(latestAt, () => {
      const lock = f.tmp(load('i32', pcpu, PCPU_CLOCK_LOCK));
      const ms = fop('f64', F64_SUB, f.call(m.fn('hostTime')), load('f64', pcpu, PCPU_CLOCK_EPOCH));
      const ticks = f.tmp(floor(fop('f64', F64_MUL, ms, load('f64', pcpu, PCPU_CLOCK_TICKS))));
      f.if(eqz(node('i32', atomicCode('cmpxchg', 'i32', 4), lock, i32(FREE), i32(HELD))), () => {
        const latest = f.tmp(fop('f64', F64_MAX, ticks, load('f64', latestAt)));
        f.store('f64', latestAt, latest);
        const was = node('i32', atomicCode('xchg', 'i32', 4), lock, i32(FREE));
        f.if(eq(was, i32(AWAITED)), () => f.drop(node('i32', NOTIFY, lock, i32(1))));
        f.ret(latest);
      });
    });
    f.ret(f.call(m.fn('counter'), cpu));
    f.unreachable();
  },
};

export const helpers: readonly CoreHelper[] = [readCounter];
