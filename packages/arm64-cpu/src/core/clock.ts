/** The system counter, read without the host where it has given its clock (`EngineHost.clock`). */
import { PCPU_CLOCK_EPOCH, PCPU_CLOCK_LATEST, PCPU_CLOCK_LOCK, PCPU_CLOCK_TICKS } from '../layout.ts';
import { type Expr, eqz, fop, load, node } from '../wasm/expr.ts';
import { tryLock, unlock } from '../wasm/lock.ts';
import type { CoreHelper } from './helper.ts';
import { field } from './memory.ts';

const F64_SUB = 0xa1;
const F64_MUL = 0xa2;
const F64_MAX = 0xa5;
const floor = (a: Expr): Expr => node('f64', [0x9c], a);

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
      f.if(eqz(tryLock(lock)), () => {
        const latest = f.tmp(fop('f64', F64_MAX, ticks, load('f64', latestAt)));
        f.store('f64', latestAt, latest);
        unlock(f, lock);
        f.ret(latest);
      });
    });
    f.ret(f.call(m.fn('counter'), cpu));
    f.unreachable();
  },
};

export const helpers: readonly CoreHelper[] = [readCounter];
