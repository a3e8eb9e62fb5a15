/** A bare board for tests and benchmarks: RAM, identity stage 2, one pCPU, vCPU states. */
import { Stage2Tables } from '@dom0less/arm64-mmu';
import { compileCore, type CompiledCore, Engine, type EngineHost } from '../src/engine.ts';
import { BLOCK_BYTES, BLOCK_TABLE, ENGINE_END, pcpuBytes } from '../src/layout.ts';
import { stateOffset, VCPU_BYTES } from '../src/state.ts';

export const RAM_BASE = 0x4000_0000;
const CODE_PAGES = 256;

let core: CompiledCore | undefined;

/** One vCPU with `ramMiB` of RAM at RAM_BASE, mapped one to one by stage 2; host calls by `host`. */
export class TestBoard {
  readonly memory: WebAssembly.Memory;
  readonly engine: Engine;
  readonly vcpu = ENGINE_END;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly ram: number;

  constructor(options: { ramMiB?: number; host?: Partial<EngineHost> } = {}) {
    const ramBytes = Math.ceil((options.ramMiB ?? 32) / 2) * BLOCK_BYTES;
    const pcpu = ENGINE_END + 0x10000;
    this.ram = Math.ceil((pcpu + pcpuBytes(CODE_PAGES)) / BLOCK_BYTES) * BLOCK_BYTES;
    // Tables of stage 2 lie in the RAM's last 2 MiB.
    const pages = (this.ram + ramBytes + BLOCK_BYTES) / 0x10000;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.view = new DataView(this.memory.buffer);
    this.bytes = new Uint8Array(this.memory.buffer);
    for (let at = 0; at <= ramBytes; at += BLOCK_BYTES) {
      this.view.setUint32(BLOCK_TABLE + 4 * ((RAM_BASE + at) / BLOCK_BYTES), this.ram + at, true);
    }
    core ??= compileCore();
    this.engine = new Engine({
      memory: this.memory,
      core,
      pcpu,
      codePages: CODE_PAGES,
      host: {
        backBlock: () => 0,
        mmio: () => false,
        hypercall: (vcpu) => {
          this.view.setInt32(vcpu + stateOffset('exitRequest'), 1, true);
          return true;
        },
        counter: () => 0,
        timerWritten: () => {},
        ...options.host,
      },
    });
    let next = RAM_BASE + ramBytes;
    const tables = new Stage2Tables({
      memory: {
        readDescriptor: (pa) => this.view.getBigUint64(this.at(pa), true),
        writeDescriptor: (pa, value) => this.view.setBigUint64(this.at(pa), value, true),
        allocTablePage: () => {
          next += 4096;
          return next - 4096;
        },
        allocRootPages: (count) => {
          next += 4096 * count;
          return next - 4096 * count;
        },
      },
    });
    tables.map(RAM_BASE, RAM_BASE, ramBytes, { read: true, write: true, execute: true, memoryType: 'normal' });
    this.reset();
    this.set('VTTBR_EL2', tables.VTTBR_EL2);
    this.set('VTCR_EL2', tables.VTCR_EL2);
  }

  /** Memory offset of a physical address. */
  at(pa: number): number {
    return this.ram + (pa - RAM_BASE);
  }

  set(name: string, value: bigint): void {
    this.view.setBigUint64(this.vcpu + stateOffset(name), BigInt.asUintN(64, value), true);
  }

  get(name: string): bigint {
    return this.view.getBigUint64(this.vcpu + stateOffset(name), true);
  }

  set32(name: string, value: number): void {
    this.view.setInt32(this.vcpu + stateOffset(name), value, true);
  }

  get32(name: string): number {
    return this.view.getInt32(this.vcpu + stateOffset(name), true);
  }

  /** Zeroes the vCPU and puts it at EL1h with everything masked and the MMU off. */
  reset(): void {
    this.bytes.fill(0, this.vcpu, this.vcpu + VCPU_BYTES);
    this.set32('el', 1);
    this.set32('spsel', 1);
    this.set32('daif', 0x3c0);
    this.set32('exclusiveAddress', -1);
    this.set('SCTLR_EL1', 0x00c50078n);
    this.set('flagZ', 1n);
  }

  /** Puts instruction words or bytes into RAM. */
  write(pa: number, data: Uint8Array | readonly number[]): void {
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(Uint32Array.from(data).buffer);
    this.bytes.set(bytes, this.at(pa));
    this.engine.invalidateCode(this.at(pa), bytes.length);
  }

  /** Builds a stage-1 table for TTBR0 (48-bit, 4 KiB granule) at `table`: 2 MiB blocks of RAM, one to one. */
  identityStage1(table: number, ramMiB: number, attributes: (va: number) => bigint): void {
    const [l0, l1, l2] = [table, table + 0x1000, table + 0x2000];
    const put = (pa: number, index: number, value: bigint) =>
      this.view.setBigUint64(this.at(pa) + 8 * index, value, true);
    put(l0, 0, BigInt(l1) | 3n);
    put(l1, RAM_BASE / 2 ** 30, BigInt(l2) | 3n);
    for (let n = 0; n < ramMiB / 2; n++) {
      const va = RAM_BASE + n * BLOCK_BYTES;
      put(l2, n, BigInt(va) | attributes(va) | 1n);
    }
    this.set('TTBR0_EL1', BigInt(l0));
    this.set('MAIR_EL1', 0xffn);
    this.set('TCR_EL1', 16n | (16n << 16n) | (1n << 23n) | (2n << 30n) | (4n << 32n));
    this.set('SCTLR_EL1', 0x00c50079n | (1n << 26n) | (1n << 15n) | (1n << 14n));
  }
}
