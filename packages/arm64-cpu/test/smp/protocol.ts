/** What the main thread and the threads of a test's pCPUs agree on. */
import type { CompiledCore } from '../../src/core-module.ts';
import type { EngineOptions } from '../../src/engine.ts';

/** Words of a pCPU's command. */
export const COMMAND_STATE = 0;
export const COMMAND_VCPU = 1;
/** How many modules of translated code the pCPU has made. */
export const COMMAND_MODULES = 2;
export const COMMAND_BYTES = 64;
export const STATE_IDLE = 0;
export const STATE_RUN = 1;
export const STATE_QUIT = 2;

export interface PcpuInit {
  readonly memory: WebAssembly.Memory;
  readonly core: CompiledCore;
  readonly pcpu: number;
  readonly codePages: number;
  readonly command: number;
  /** The latest value of the counter (an f64), and behind it its lock (a u32). */
  readonly clock: number;
  readonly translate: EngineOptions['translate'];
}
