/** What the debug keys show: plain data, read when a key is pressed. */

export interface XenVcpuState {
  readonly id: number;
  readonly state: 'running' | 'runnable' | 'blocked' | 'offline';
  /** Where it runs or ran last. */
  readonly pcpu?: number;
}

export interface XenDomainState {
  readonly id: number;
  readonly name: string;
  /** E.g. `running`, `poweroff`. */
  readonly state: string;
  readonly reason?: string;
  readonly memoryKiB: number;
  /** How many vCPUs it has. */
  readonly cpus: number;
  /** What they do, if known. */
  readonly vcpus?: readonly XenVcpuState[];
}

export interface XenTimerState {
  readonly domain: number;
  readonly vcpu: number;
  readonly name: 'virtual' | 'physical';
  /** When it fires, in µs from now. */
  readonly inUs: number;
}

/** A part that is absent is not known; keys that need it are not offered. */
export interface XenState {
  /** What runs here, e.g. `dom0less 0.1.0`. */
  readonly version?: string;
  /** Ns since the board was made. */
  readonly nowNs: number;
  readonly pcpus: number;
  readonly domains: readonly XenDomainState[];
  readonly counter?: { readonly ticks: number; readonly frequencyHz: number };
  readonly timers?: readonly XenTimerState[];
  readonly memory?: { readonly totalKiB: number; readonly freeKiB: number };
}
