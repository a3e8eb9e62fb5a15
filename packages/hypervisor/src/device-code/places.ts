/** Where device code finds what belongs to the vCPU that asks, all of it in the board's memory. */
import { stateOffset } from '@dom0less/arm64-cpu';
import { atomicCode, type Expr, type FunctionBuilder, i32, load } from '@dom0less/arm64-cpu/wasm';
import { DOMAIN_CONTROL, VCPU_CONTROL, VCPU_CONTROL_AT } from '../memory/layout.ts';

/** Where the values of accesses are, from the vCPU's state. */
export const VALUE = stateOffset('scratch0');
const EXIT_REQUEST = stateOffset('exitRequest');

/** A word of the vCPU's `VCPU_CONTROL`. */
export const ofVcpu = (cpu: Expr, field: 'GIC' | 'DOMAIN' | 'TIMER_LEVELS'): Expr =>
  load('i32', cpu, VCPU_CONTROL_AT + VCPU_CONTROL[field]);

/** A word of `DOMAIN_CONTROL`. */
export const ofDomain = (domain: Expr, field: 'GIC' | 'GICC_PAGE' | 'UART' | 'UART_PAGE' | 'OUTPUT'): Expr =>
  load('i32', domain, DOMAIN_CONTROL[field]);

/** Makes the engine leave the vCPU soon. */
export const requestExit = (f: FunctionBuilder, cpu: Expr): void =>
  f.raw(atomicCode('store', 'i32', 4, EXIT_REQUEST), cpu, i32(1));

/** Takes such requests back. */
export const withdrawExit = (f: FunctionBuilder, cpu: Expr): void =>
  f.raw(atomicCode('store', 'i32', 4, EXIT_REQUEST), cpu, i32(0));
