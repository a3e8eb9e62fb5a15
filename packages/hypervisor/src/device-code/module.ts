/**
 * Device code: a module of WebAssembly that an engine asks in place of its host (`EngineOptions.front`). What guests do most
 * often with their devices is done there, over the same state and under the same locks as by `@dom0less/vgic`,
 * `@dom0less/vuart` and `VcpuTimers`; all else, and whatever concerns other vCPUs, is passed on to the host. So either may do
 * what comes next. `updateTimers` and `idle` are for the pCPU itself.
 */

import type { FuncRef, ValType } from '@dom0less/arm64-cpu/wasm';
import { and, eq, i32, leU, ModuleBuilder, ne, or, shl, shrU } from '@dom0less/arm64-cpu/wasm';
import type { DeviceFunction } from './device-function.ts';
import { GIC_V2 } from './gic-v2.ts';
import { GIC_V3 } from './gic-v3.ts';
import { IDLE_FUNCTIONS } from './idle.ts';
import { ofDomain, ofVcpu } from './places.ts';
import { POOL_FUNCTIONS } from './pool-words.ts';
import { SLICE_FUNCTIONS } from './slice.ts';
import { TIMER_FUNCTIONS } from './timers.ts';
import { uart } from './uart.ts';

/** mmio(cpu, low, high, size, isWrite): in place of the host's. */
const mmio: DeviceFunction = {
  name: 'mmio',
  params: ['i32', 'i32', 'i32', 'i32', 'i32'],
  results: ['i32'],
  build(f, fn) {
    const [cpu, low, high, size, isWrite] = [f.param(0), f.param(1), f.param(2), f.param(3), f.param(4)];
    const domain = f.tmp(ofVcpu(cpu, 'DOMAIN'));
    // 0 stands for no device.
    const page = f.tmp(or(shrU(low, i32(12)), shl(high, i32(20))));
    const offset = and(low, i32(0xfff));
    f.if(and(ne(page, i32(0)), leU(size, i32(4))), () => {
      f.if(eq(page, ofDomain(domain, 'UART_PAGE')), () => {
        f.if(f.call(fn('uart'), cpu, domain, offset, isWrite), () => f.ret(i32(1)));
      });
      f.if(and(eq(page, ofDomain(domain, 'GICC_PAGE')), eq(size, i32(4))), () => {
        f.if(f.call(fn('giccV2'), cpu, domain, offset, isWrite), () => f.ret(i32(1)));
      });
    });
    f.ret(f.call(fn('host.mmio'), cpu, low, high, size, isWrite));
    f.unreachable();
  },
};

/** Functions in place of the host's, by its names. */
const FRONT: readonly string[] = ['mmio', 'systemRegister', 'timerWritten'];
const FUNCTIONS: readonly DeviceFunction[] = [
  ...[uart, ...GIC_V2, ...GIC_V3, ...TIMER_FUNCTIONS, mmio],
  ...[...POOL_FUNCTIONS, ...SLICE_FUNCTIONS, ...IDLE_FUNCTIONS],
];

/** The module's bytes. */
export function buildDeviceCode(): Uint8Array<ArrayBuffer> {
  const b = new ModuleBuilder();
  b.importSharedMemory('host', 'memory', 1, 65536);
  const functions = new Map<string, FuncRef>();
  const copy = (types: readonly ValType[]): ValType[] => [...types];
  for (const { name, params, results } of FUNCTIONS.filter((one) => FRONT.includes(one.name))) {
    functions.set(`host.${name}`, b.importFunction('host', name, copy(params), copy(results)));
  }
  functions.set('host.hostTime', b.importFunction('host', 'hostTime', [], ['f64']));
  functions.set('host.counter', b.importFunction('host', 'counter', ['i32'], ['f64']));
  functions.set('host.run', b.importFunction('host', 'run', ['i32', 'i32'], ['i32']));
  const fn = (name: string): FuncRef => functions.get(name)!;
  for (const { name, params, results, build } of FUNCTIONS) {
    functions.set(
      name,
      b.function(name, copy(params), copy(results), (f) => build(f, fn)),
    );
  }
  for (const name of [...FRONT, 'updateTimers', 'idle']) b.export(fn(name));
  return b.encode();
}
