import { expect, it } from 'vitest';
import { assemble, BareMachine, stateOffset } from '../src/index.ts';
import { add, eq, i32, i64, load, ModuleBuilder, type ValType } from '../src/wasm.ts';

const FLAGS = 0x900_0018;
const DATA = 0x900_0000;
const SCRATCH = stateOffset('scratch0');

/** Answers reads at FLAGS, and counts writes of timers in X9 before the host hears of them. */
function frontModule(): WebAssembly.Module {
  const b = new ModuleBuilder();
  b.importSharedMemory('host', 'memory', 1, 65536);
  const types = (count: number): ValType[] => Array.from({ length: count }, () => 'i32');
  const hostMmio = b.importFunction('host', 'mmio', types(5), types(1));
  const hostTimer = b.importFunction('host', 'timerWritten', types(1), []);
  const mmio = b.function('mmio', types(5), types(1), (f) => {
    const [cpu, low, high, size, isWrite] = [f.param(0), f.param(1), f.param(2), f.param(3), f.param(4)];
    f.if(eq(low, i32(FLAGS)), () => {
      f.store('i64', cpu, i64(0x90), SCRATCH);
      f.ret(i32(1));
    });
    f.ret(f.call(hostMmio, cpu, low, high, size, isWrite));
    f.unreachable();
  });
  const timer = b.function('timerWritten', types(1), [], (f) => {
    const x9 = stateOffset('x9');
    f.store('i64', f.param(0), add(load('i64', f.param(0), x9), i64(1)), x9);
    f.callVoid(hostTimer, f.param(0));
  });
  b.export(mmio);
  b.export(timer);
  return new WebAssembly.Module(b.encode());
}

it('a module in front of the host answers what it can, and the host hears of the rest', () => {
  const heard: unknown[] = [];
  const machine = new BareMachine({
    front: frontModule(),
    host: {
      mmio: (_, ipa, size, isWrite) => {
        heard.push([ipa, size, isWrite]);
        return true;
      },
      timerWritten: () => void heard.push('timer'),
    },
  });
  const source = `
    ldr x1, =${FLAGS}
    ldr w0, [x1]
    ldr x1, =${DATA}
    str w0, [x1]
    msr cntv_cval_el0, x0
    hvc #0`;
  machine.write(machine.ramBase, assemble(source, { origin: BigInt(machine.ramBase) }).bytes);
  machine.set('pc', BigInt(machine.ramBase));
  expect(machine.run(1000)).toBe('request');
  expect(machine.get('x0')).toBe(0x90n);
  expect(machine.get('x9')).toBe(1n);
  expect(heard).toEqual([[DATA, 4, true], 'timer']);
});
