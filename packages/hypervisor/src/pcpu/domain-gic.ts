/** A domain's interrupt controller, shared by the pCPUs that run its vCPUs. */
import { GIC_STATE } from '@dom0less/vgic';
import { type GicOptions, makeGic, type VirtualGic } from '../domain/virtual-gic.ts';
import type { BoardMemory } from '../memory/board-memory.ts';
import type { Lock } from '../memory/lock.ts';
import type { PcpuDomain } from './init.ts';
import { LockedDevice, type MmioBus } from './mmio-bus.ts';

/** Every access to the controller's state is under its lock. */
export class DomainGic {
  readonly #gic: VirtualGic;
  readonly #lock: Lock;

  /** @param outputs told about a vCPU's IRQ and FIQ while the lock is held, on the thread that made the change */
  constructor(
    memory: BoardMemory,
    { layout, cpus, nrSpis, gicVersion, map }: PcpuDomain,
    bus: MmioBus,
    outputs: Pick<GicOptions, 'onIrq' | 'onFiq'>,
  ) {
    const { buffer } = memory.view;
    this.#lock = memory.lock(layout.gic + GIC_STATE.LOCK);
    this.#gic = makeGic(gicVersion, { buffer, byteOffset: layout.gic, vcpus: cpus, nrSpis, ...outputs });
    for (const { at, device } of this.#gic.frames) bus.attach(map[at], new LockedDevice(device, this.#lock));
  }

  setPpi(vcpu: number, intid: number, level: boolean): void {
    this.#lock.acquire();
    this.#gic.setPpi(vcpu, intid, level);
    this.#lock.release();
  }

  setSpi(intid: number, level: boolean): void {
    this.#lock.acquire();
    this.#gic.setSpi(intid, level);
    this.#lock.release();
  }

  /** A vCPU is powered off. */
  resetCpu(vcpu: number): void {
    this.#lock.acquire();
    this.#gic.resetCpu(vcpu);
    this.#lock.release();
  }

  /** MRS of an ICC register: an unsigned word, or -1 where it is UNDEFINED. */
  readRegister(vcpu: number, id: number): number {
    this.#lock.acquire();
    const value = this.#gic.readRegister(vcpu, id);
    this.#lock.release();
    return value;
  }

  /** MSR of an ICC register. False where it is UNDEFINED. */
  writeRegister(vcpu: number, id: number, low: number, high: number): boolean {
    this.#lock.acquire();
    const known = this.#gic.writeRegister(vcpu, id, low, high);
    this.#lock.release();
    return known;
  }

  /** Has `use` look at the levels of a vCPU's outputs, which don't change meanwhile. */
  withOutputs(vcpu: number, use: (irq: boolean, fiq: boolean) => void): void {
    this.#lock.acquire();
    use(this.#gic.pending(vcpu), this.#gic.pendingFiq(vcpu));
    this.#lock.release();
  }
}
