/** The smallest machine around the engine: RAM, identity stage 2, one pCPU, one vCPU. */
import { Stage2Tables } from '@dom0less/arm64-mmu';
import { compileCore } from './core-module.ts';
import { Engine, type EngineHost, type ExitReason } from './engine.ts';
import { BLOCK_BYTES, BLOCK_TABLE, ENGINE_END, pcpuBytes } from './layout.ts';
import { OSLSR_RESET, stateOffset, VCPU_BYTES } from './state.ts';
import type { TranslationExchange } from './translator/exchange.ts';
import type { TranslationOptions } from './translator/options.ts';

export interface BareMachineOptions {
  /** Physical address of the first byte of RAM; a multiple of 2 MiB. Default 1 GiB. */
  readonly ramBase?: number;
  /** Bytes of RAM, rounded up to 2 MiB. Default 2 MiB. */
  readonly ramBytes?: number;
  /** Pages of code whose records are kept; default 256. */
  readonly codePages?: number;
  /**
   * What the machine asks of its host. By default there are no devices, the counter stands still, and HVC and SMC end
   * the run with reason `request`.
   */
  readonly host?: Partial<EngineHost>;
  /** See `EngineOptions`. */
  readonly front?: WebAssembly.Module | undefined;
  /** See `EngineOptions`. */
  readonly translate?: boolean | TranslationOptions | undefined;
  /** See `EngineOptions`. */
  readonly exchange?: TranslationExchange | undefined;
}

/** Bytes kept behind RAM for the stage-2 tables. */
const TABLE_BYTES = BLOCK_BYTES;

/**
 * A vCPU with RAM at `ramBase`, at EL1 with the MMU off: for programs without a hypervisor, tests and benchmarks. Stage 2
 * maps RAM one to one; every other address is a device's (`host.mmio`).
 */
export class BareMachine {
  readonly memory: WebAssembly.Memory;
  readonly engine: Engine;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly ramBase: number;
  /** The vCPU's base in the memory. */
  readonly vcpu = ENGINE_END;
  /** Memory offset of the first byte of RAM. */
  readonly ram: number;
  readonly #stage2: Stage2Tables;

  constructor(options: BareMachineOptions = {}) {
    const { ramBase = 2 ** 30, codePages = 256 } = options;
    const ramBytes = Math.ceil((options.ramBytes ?? BLOCK_BYTES) / BLOCK_BYTES) * BLOCK_BYTES;
    if (ramBase % BLOCK_BYTES !== 0) throw new RangeError(`ramBase 0x${ramBase.toString(16)} is no multiple of 2 MiB`);
    const pcpu = ENGINE_END + 0x10000;
    this.ramBase = ramBase;
    this.ram = Math.ceil((pcpu + pcpuBytes(codePages)) / BLOCK_BYTES) * BLOCK_BYTES;
    const pages = (this.ram + ramBytes + TABLE_BYTES) / 0x10000;
    if (pages > 0x10000) throw new RangeError(`${ramBytes} bytes of RAM do not fit a memory of 4 GiB`);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.view = new DataView(this.memory.buffer);
    this.bytes = new Uint8Array(this.memory.buffer);
    for (let at = 0; at < ramBytes + TABLE_BYTES; at += BLOCK_BYTES) {
      this.view.setUint32(BLOCK_TABLE + 4 * ((ramBase + at) / BLOCK_BYTES), this.ram + at, true);
    }
    const host = this.#hostOf(options.host);
    const { translate = true, exchange, front } = options;
    const core = compileCore();
    this.engine = new Engine({ memory: this.memory, core, pcpu, codePages, host, front, translate, exchange });
    this.#stage2 = this.#mapRam(ramBytes);
    this.reset();
  }

  #hostOf(host: Partial<EngineHost> = {}): EngineHost {
    return {
      backBlock: () => 0,
      mmio: () => false,
      hypercall: () => {
        this.set32('exitRequest', 1);
        return true;
      },
      counter: () => 0,
      timerWritten: () => {},
      ...host,
    };
  }

  #mapRam(ramBytes: number): Stage2Tables {
    let next = this.ramBase + ramBytes;
    const take = (count: number): number => {
      next += 4096 * count;
      return next - 4096 * count;
    };
    const tables = new Stage2Tables({
      memory: {
        readDescriptor: (pa) => this.view.getBigUint64(this.at(pa), true),
        writeDescriptor: (pa, value) => this.view.setBigUint64(this.at(pa), value, true),
        allocTablePage: () => take(1),
        allocRootPages: take,
      },
    });
    tables.map(this.ramBase, this.ramBase, ramBytes, { read: true, write: true, execute: true, memoryType: 'normal' });
    return tables;
  }

  /** Memory offset of a physical address in RAM. */
  at(pa: number): number {
    return this.ram + (pa - this.ramBase);
  }

  /** Puts bytes, or instruction words, into RAM. */
  write(pa: number, data: Uint8Array | readonly number[]): void {
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(Uint32Array.from(data).buffer);
    this.bytes.set(bytes, this.at(pa));
    this.engine.invalidateCode(this.at(pa), bytes.length);
  }

  /** A 64-bit field of the vCPU state: `x0` … `x30`, `sp`, `pc`, or a system register by its Arm ARM name. */
  get(name: string): bigint {
    return this.view.getBigUint64(this.vcpu + stateOffset(name), true);
  }

  set(name: string, value: bigint): void {
    this.view.setBigUint64(this.vcpu + stateOffset(name), BigInt.asUintN(64, value), true);
  }

  /** A 32-bit field of the vCPU state, e.g. `el`, `daif`, `interruptLines`. */
  get32(name: string): number {
    return this.view.getInt32(this.vcpu + stateOffset(name), true);
  }

  set32(name: string, value: number): void {
    this.view.setInt32(this.vcpu + stateOffset(name), value, true);
  }

  /** Runs for at most `budget` instructions. */
  run(budget: number): ExitReason {
    return this.engine.run(this.vcpu, budget);
  }

  /** Zeroes the vCPU and puts it at EL1h with everything masked, the MMU off and floating point on; stage 2 stays. */
  reset(): void {
    this.bytes.fill(0, this.vcpu, this.vcpu + VCPU_BYTES);
    this.set32('el', 1);
    this.set32('spsel', 1);
    this.set32('daif', 0x3c0);
    this.set32('exclusiveAddress', -1);
    this.set('SCTLR_EL1', 0x00c50078n);
    this.set('CPACR_EL1', 3n << 20n);
    this.set('OSLSR_EL1', OSLSR_RESET);
    this.set('flagZ', 1n);
    this.set('VTTBR_EL2', this.#stage2.VTTBR_EL2);
    this.set('VTCR_EL2', this.#stage2.VTCR_EL2);
  }
}
