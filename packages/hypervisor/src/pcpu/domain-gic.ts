/** A domain's interrupt controller, shared by the pCPUs that run its vCPUs. */
import { GIC_STATE, VGicV2 } from '@dom0less/vgic';
import { GUEST_GICC_BASE, GUEST_GICD_BASE } from '../domain/guest-map.ts';
import type { BoardMemory } from '../memory/board-memory.ts';
import type { Lock } from '../memory/lock.ts';
import type { PcpuDomain } from './init.ts';
import { LockedDevice, type MmioBus } from './mmio-bus.ts';

/** Every access to the controller's state is under its lock. */
export class DomainGic {
  readonly #gic: VGicV2;
  readonly #lock: Lock;

  /** @param onIrq told about a vCPU's IRQ output while the lock is held, on the thread that made the change */
  constructor(
    memory: BoardMemory,
    { layout, cpus, nrSpis }: PcpuDomain,
    bus: MmioBus,
    onIrq: (vcpu: number, level: boolean) => void,
  ) {
    this.#lock = memory.lock(layout.gic + GIC_STATE.LOCK);
    this.#gic = new VGicV2({ buffer: memory.view.buffer, byteOffset: layout.gic, vcpus: cpus, nrSpis, onIrq });
    bus.attach(GUEST_GICC_BASE, new LockedDevice(this.#gic.cpuInterface, this.#lock));
    bus.attach(GUEST_GICD_BASE, new LockedDevice(this.#gic.distributor, this.#lock));
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

  /** Has `use` look at the level of a vCPU's IRQ output, which doesn't change meanwhile. */
  withIrq(vcpu: number, use: (level: boolean) => void): void {
    this.#lock.acquire();
    use(this.#gic.pending(vcpu));
    this.#lock.release();
  }
}
