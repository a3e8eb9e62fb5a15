/** A domain as the pCPU that runs it sees it: devices, vCPUs, life. */
import { stateOffset } from '@dom0less/arm64-cpu';
import { VGicV2 } from '@dom0less/vgic';
import { DOMAIN_STATES, type DomainState } from '../board/events.ts';
import { DomainConsole } from '../console/domain-console.ts';
import { GUEST_GICC_BASE, GUEST_GICD_BASE, GUEST_UART_BASE, UART_INTID } from '../domain/guest-map.ts';
import { resetVcpu } from '../domain/vcpu.ts';
import type { BoardMemory } from '../memory/board-memory.ts';
import { DOMAIN_CONTROL, type DomainLayout, VCPU_CONTROL, VCPU_RUN } from '../memory/layout.ts';
import { VcpuTimers } from './generic-timer.ts';
import type { PcpuDomain } from './init.ts';
import { MmioBus } from './mmio-bus.ts';

const INTERRUPT_LINES = stateOffset('interruptLines');
const EXIT_REQUEST = stateOffset('exitRequest');
const IRQ_LINE = 1;

/** One vCPU. Its registers are the engine's state at `base`. */
export interface Vcpu {
  readonly domain: DomainRuntime;
  readonly index: number;
  readonly base: number;
  readonly timers: VcpuTimers;
}

/** Devices and vCPUs of one domain over the board's memory. */
export class DomainRuntime {
  readonly info: PcpuDomain;
  readonly vcpus: readonly Vcpu[];
  readonly bus: MmioBus;
  /** Absent if the domain has no UART. */
  readonly console: DomainConsole | undefined;
  readonly #memory: BoardMemory;
  readonly #layout: DomainLayout;
  readonly #gic: VGicV2;
  readonly #frequency: number;

  /** Takes over the state that is in the memory. `frequency` is that of the system counter. */
  constructor(memory: BoardMemory, info: PcpuDomain, frequency: number) {
    const { layout } = info;
    this.info = info;
    this.#memory = memory;
    this.#layout = layout;
    this.#frequency = frequency;
    const buffer = memory.view.buffer;
    const { cpus, nrSpis } = info;
    const onIrq = (vcpu: number, level: boolean): void => this.#setIrq(vcpu, level);
    this.#gic = new VGicV2({ buffer, byteOffset: layout.gic, vcpus: cpus, nrSpis, onIrq });
    this.bus = new MmioBus(memory.view);
    this.bus.attach(GUEST_GICC_BASE, this.#gic.cpuInterface);
    this.bus.attach(GUEST_GICD_BASE, this.#gic.distributor);
    if (info.console) {
      this.console = new DomainConsole(memory, layout, (level) => this.#gic.setSpi(UART_INTID, level));
      this.bus.attach(GUEST_UART_BASE, this.console.uart);
    }
    this.vcpus = layout.vcpus.map(({ state }, index) => ({
      domain: this,
      index,
      base: state,
      timers: new VcpuTimers(memory.view, state, (intid, level) => this.#gic.setPpi(index, intid, level)),
    }));
  }

  get state(): DomainState {
    return DOMAIN_STATES[Atomics.load(this.#memory.words, (this.#layout.control + DOMAIN_CONTROL.STATE) >>> 2)]!;
  }

  setState(state: DomainState): void {
    const word = (this.#layout.control + DOMAIN_CONTROL.STATE) >>> 2;
    Atomics.store(this.#memory.words, word, DOMAIN_STATES.indexOf(state));
  }

  /** One of `VCPU_RUN`. */
  run(vcpu: number): number {
    return Atomics.load(this.#memory.words, (this.#layout.vcpus[vcpu]!.control + VCPU_CONTROL.RUN) >>> 2);
  }

  setRun(vcpu: number, run: number): void {
    Atomics.store(this.#memory.words, (this.#layout.vcpus[vcpu]!.control + VCPU_CONTROL.RUN) >>> 2, run);
  }

  /** Lets a vCPU wait, unless an interrupt is there already. */
  block(vcpu: number): void {
    if (this.#memory.words[(this.vcpus[vcpu]!.base + INTERRUPT_LINES) >>> 2] === 0) this.setRun(vcpu, VCPU_RUN.BLOCKED);
  }

  /** Starts an offline vCPU. Its interrupt line is as its GIC has it. */
  start(vcpu: number, entry: bigint, context: bigint): void {
    const { base } = this.vcpus[vcpu]!;
    const environment = { ...this.info, CNTFRQ_EL0: this.#frequency };
    resetVcpu(this.#memory.view, base, vcpu, environment, entry, context);
    this.#setIrq(vcpu, this.#gic.pending(vcpu));
    this.setRun(vcpu, VCPU_RUN.RUNNABLE);
  }

  /** Makes the engine leave a vCPU soon. */
  requestExit(vcpu: number): void {
    this.#memory.words[(this.vcpus[vcpu]!.base + EXIT_REQUEST) >>> 2] = 1;
  }

  #setIrq(vcpu: number, level: boolean): void {
    const word = (this.#layout.vcpus[vcpu]!.state + INTERRUPT_LINES) >>> 2;
    const lines = this.#memory.words[word]!;
    this.#memory.words[word] = level ? lines | IRQ_LINE : lines & ~IRQ_LINE;
    if (level && this.run(vcpu) === VCPU_RUN.BLOCKED) this.setRun(vcpu, VCPU_RUN.RUNNABLE);
  }
}
