/** A range of host physical memory: `start` and `size` in bytes. */
export interface MemoryRange {
  start: number;
  size: number;
}

/** A range with the node, or other place, that names it. */
export interface NamedRange extends MemoryRange {
  /** Node path, or `/memreserve/` for an entry of the blob's reservation block. */
  path: string;
}

/** What a boot module holds. */
export type ModuleKind = 'kernel' | 'ramdisk' | 'device-tree' | 'xsm-policy' | 'microcode' | 'unknown';

/** One file in host memory that a module node describes. */
export interface BootModule {
  kind: ModuleKind;
  /** Host physical address of its first byte. */
  address: number;
  /** Size in bytes as the tree gives it; the file may be shorter. */
  size: number;
  path: string;
  compatible: readonly string[];
  /** The node's own bootargs. */
  bootargs?: string;
}

/** The modules of a domain. */
export interface DomainModules {
  kernel?: BootModule;
  ramdisk?: BootModule;
  /** Device-tree fragment for passthrough. */
  deviceTree?: BootModule;
}

/** Value of xen,enhanced; absent is `disabled`. */
export type Enhanced = 'disabled' | 'enabled' | 'no-xenstore' | 'legacy';

/** What `capabilities` grants. */
export interface Capabilities {
  control: boolean;
  hardware: boolean;
  xenstore: boolean;
}

/** Everything the tree says about one domain. Where a value is defective, the default stands and `valid` is false. */
export interface DomainDescription {
  /** 1 for the first domain in tree order, then 2, 3, …; 0 is dom0's. */
  id: number;
  /** The node's name, without unit address where that is unique among the domains. */
  name: string;
  /** The node's name with unit address. */
  nodeName: string;
  path: string;
  /** Guest memory in KiB, a multiple of 4. */
  memoryKiB: number;
  /** Number of vCPUs. */
  cpus: number;
  /** True: the domain has an emulated SBSA UART. */
  vpl011: boolean;
  /** Number of shared peripheral interrupts; absent = by the host's interrupt controller. */
  nrSpis?: number;
  /** The guest's command line, that of the kernel module; empty if it has none. */
  bootargs: string;
  capabilities: Capabilities;
  /** Regions of xen,static-mem. */
  staticMem: readonly MemoryRange[];
  directMap: boolean;
  /** Path of the xen,cpupool node that domain-cpupool refers to. */
  cpupool?: string;
  /** True: devices may be assigned (passthrough = "enabled", or a device-tree module is there). */
  passthrough: boolean;
  enhanced: Enhanced;
  /** Size in MiB of the pool for stage-2 tables. */
  p2mMemMiB?: number;
  maxGrantVersion?: number;
  maxGrantFrames?: number;
  maxMaptrackFrames?: number;
  /** Vector length in bits, `max` for the hardware's; absent = no SVE. */
  sve?: number | 'max';
  /** Cache colors as the tree writes them. */
  llcColors?: string;
  /** False: reads outside the guest's map give all ones and writes are ignored, instead of an abort. */
  trapUnmappedAccesses: boolean;
  sciType: 'none' | 'scmi_smc';
}

/** A domain that can be built. */
export interface ValidDomain extends DomainDescription {
  valid: true;
  modules: DomainModules & { kernel: BootModule };
}

/** A domain with at least one error diagnostic. */
export interface InvalidDomain extends DomainDescription {
  valid: false;
  modules: DomainModules;
}

/** One domain of a boot plan; `valid` tells whether it can be built. */
export type DomainPlan = ValidDomain | InvalidDomain;

/** One CPU of the host. */
export interface HostCpu {
  path: string;
  compatible: readonly string[];
  /** In Hz. */
  clockFrequency?: number;
}

/** The host's interrupt controller. */
export interface HostGic {
  version: 2 | 3;
  path: string;
  compatible: readonly string[];
  /**
   * Interrupt lines, SGIs and PPIs included, that the tree's devices imply: the highest SPI in use, rounded up to a
   * multiple of 32. A lower bound: the real number is in the controller's GICD_TYPER only.
   */
  interruptLines: number;
}

/** What the host tree says about the board. */
export interface HostFacts {
  /** In tree order, at least one. */
  cpus: readonly HostCpu[];
  /** In Hz, from the timer node; absent = CNTFRQ_EL0 counts. */
  timerClockFrequency?: number;
  gic?: HostGic;
  /** /chosen/stdout-path as written. */
  stdoutPath?: string;
  /** RAM, in tree order. */
  memory: readonly NamedRange[];
  /** Children of /reserved-memory and entries of the blob's reservation block. */
  reserved: readonly NamedRange[];
}

/** What the tree says about dom0. */
export interface Dom0Plan {
  /** True if a kernel module lies outside of all domain nodes. */
  present: boolean;
  modules: readonly BootModule[];
  bootargs: string;
}

/** A host device tree, read: everything that a boot needs, with all references resolved. */
export interface BootPlan {
  /** Xen's command line; absent if there is none. */
  xenCommandLine?: string;
  host: HostFacts;
  dom0: Dom0Plan;
  domains: readonly DomainPlan[];
}
