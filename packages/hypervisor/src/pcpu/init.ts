/** What passes from the board to a pCPU's thread: plain data that can be posted. */
import type { CompiledCore, TranslationExchange } from '@dom0less/arm64-cpu';
import type { GuestMap } from '../domain/guest-map.ts';
import type { DeviceWindow, PlannedDevice } from '../domain/plan-devices.ts';
import type { BoardLayout, DomainLayout } from '../memory/layout.ts';
import type { SchedulerName } from '../schedule/make-scheduler.ts';

/** One domain, as a pCPU needs to know it. All offsets are in the board's memory. */
export interface PcpuDomain {
  readonly id: number;
  readonly name: string;
  /** Number of vCPUs. */
  readonly cpus: number;
  readonly nrSpis: number;
  readonly gicVersion: 2 | 3;
  readonly console: boolean;
  /** Where it sees GIC and UART. */
  readonly map: GuestMap;
  /** Devices of the board that it has, and the register pages around them. */
  readonly devices: readonly PlannedDevice[];
  readonly windows: readonly DeviceWindow[];
  /** True: where it has nothing, reads give all ones and writes are ignored; else an access aborts. */
  readonly openBus: boolean;
  /** VTTBR_EL2 and VTCR_EL2 of its stage-2 tables. */
  readonly VTTBR_EL2: bigint;
  readonly VTCR_EL2: bigint;
  /** The system counter when the domain was made. */
  readonly CNTVOFF_EL2: number;
  readonly layout: DomainLayout;
  /** Index of its CPU pool. */
  readonly pool: number;
  /** For each vCPU the pCPUs that it may run on; undefined: all of the pool. */
  readonly affinity: readonly (readonly number[] | undefined)[];
}

/** A CPU pool: pCPUs, and how the vCPUs of its domains share them. */
export interface PcpuPool {
  readonly scheduler: SchedulerName;
  /** At least one; each pCPU of the board is in one pool. */
  readonly pcpus: readonly number[];
}

/** Everything that {@link Pcpu} is made from. Can be posted to another thread. */
export interface PcpuInit {
  /** Number of the pCPU. */
  readonly pcpu: number;
  readonly memory: WebAssembly.Memory;
  /** The engine's code; undefined: the thread makes it for itself. */
  readonly core: CompiledCore | undefined;
  readonly layout: BoardLayout;
  readonly domains: readonly PcpuDomain[];
  readonly pools: readonly PcpuPool[];
  /** Ticks of the system counter per second. */
  readonly counterFrequency: number;
  /** True: what guests do wrong is logged (Xen's guest_loglvl). */
  readonly logsGuests: boolean;
  /** Where entropy for domains comes from, at most 53 bits; undefined: from the host. */
  readonly seed: number | undefined;
  /** Host time at which the system counter was 0, in ms since 1970. */
  readonly counterEpoch: number;
}

/** How a pCPU reaches the thread of the board. */
export interface PcpuSignals {
  /**
   * Something is in the rings for the board: have {@link Board.pump} called on its thread soon. At most one call is
   * outstanding: the next comes after a pump.
   */
  notify(): void;
  /** Host time in ms since 1970, never going back; `performance` if absent. */
  now?(): number;
  /** How pCPU `pcpu` shares translated code with others; if absent it keeps to its own. */
  translations?(pcpu: number): TranslationExchange;
  /** Fills `words` with random bits of the host; `crypto.getRandomValues` if absent. */
  entropy?(words: Uint32Array<ArrayBuffer>): void;
}
