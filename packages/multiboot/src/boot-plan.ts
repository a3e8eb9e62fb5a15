import type { TimestampMode } from './timestamp-mode.ts';

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

/** A region of static shared memory as one domain sees it. */
export interface SharedMemory {
  /** xen,shm-id: the same for all who share it. */
  id: string;
  path: string;
  /** Host physical address; absent = the hypervisor chooses. */
  hostAddress?: number;
  /** Where the domain sees it (IPA). */
  guestAddress: number;
  /** In bytes. */
  size: number;
  /** As the tree says; absent = the hypervisor owns the region and all who name it borrow it. */
  role?: 'owner' | 'borrower';
}

/** One end of a static event channel. */
export interface EventChannel {
  path: string;
  localPort: number;
  /** The other end: its node, its domain's id (0 is dom0), its port. */
  remotePath: string;
  remoteDomain: number;
  remotePort: number;
}

/** Hard affinity of one vCPU. */
export interface VcpuAffinity {
  vcpu: number;
  /** Logical ids of the pCPUs that it may run on, ascending, at least one. */
  pcpus: readonly number[];
}

/** What becomes of a domain that ends (words of xl.cfg). */
export type RestartAction = 'destroy' | 'restart' | 'preserve';

/** `dom0less,on-…`: what becomes of a domain that ends one way or another. */
export interface RestartPolicy {
  onPoweroff: RestartAction;
  onReboot: RestartAction;
  onCrash: RestartAction;
  /** Most restarts, of whatever cause; absent = any number. */
  maxRestarts?: number;
}

/** `dom0less,start-after`: a domain that starts later than another. */
export interface StartAfter {
  /** Id of the other domain. */
  domain: number;
  /** Source of a regular expression that a line of the other's console must match; absent = it need only be started. */
  pattern?: string;
}

/** Everything the tree says about one domain. Where a value is defective, the default stands and `valid` is false. */
export interface DomainDescription {
  /** 1 for the first domain in tree order, then 2, 3, …; 0 is dom0's. */
  id: number;
  /** dom0less,name; else the node's name, without unit address where that is unique among the domains. */
  name: string;
  /** dom0less,uuid, in lower case. */
  uuid?: string;
  /** The node's name with unit address. */
  nodeName: string;
  path: string;
  /** Guest memory in KiB, a multiple of 4. */
  memoryKiB: number;
  /** Number of vCPUs. */
  cpus: number;
  /** Its virtual interrupt controller: GICv2 or GICv3, by dom0less,gic-version, else as the host's. */
  gicVersion: 2 | 3;
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
  /** Id of its CPU pool. */
  cpupool: number;
  /** vCPUs that may not run on all pCPUs of the pool, ascending. */
  hardAffinity: readonly VcpuAffinity[];
  sharedMemory: readonly SharedMemory[];
  eventChannels: readonly EventChannel[];
  restart: RestartPolicy;
  /** dom0less,start-order: domains with lower numbers start first, those with the same one in tree order. */
  startOrder: number;
  startAfter?: StartAfter;
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

/** A set of pCPUs with a scheduler of their own. */
export interface CpuPool {
  /** 0 is the pool of the boot CPU. */
  id: number;
  /** Absent for CPUs that the tree gives to no pool. */
  path?: string;
  /** Name of a scheduler of Xen's: credit2, credit, rtds, arinc653 or null. */
  scheduler: string;
  /** Logical ids of its pCPUs (0 is the boot CPU), ascending. */
  pcpus: readonly number[];
}

/** An interrupt that a device of the host raises: a shared peripheral interrupt. */
export interface HostInterrupt {
  /** INTID: 32 and up. */
  intid: number;
  /** True: edge triggered; else level. */
  edge: boolean;
}

/** A device of the board: a node with `reg` that is no memory, CPU or interrupt controller. */
export interface HostDevice {
  path: string;
  compatible: readonly string[];
  /** Host physical address ranges of its registers, in the order of reg. */
  registers: readonly MemoryRange[];
  interrupts: readonly HostInterrupt[];
  /** xen,passthrough: the device is kept for a domain. */
  passthrough: boolean;
}

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
  /** Host physical address ranges of its register frames, in the order of reg: the distributor comes first. */
  registers: readonly MemoryRange[];
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
  /** In tree order. */
  devices: readonly HostDevice[];
  /** Path of the UART that Xen uses: dtuart of its command line, else /chosen/stdout-path; absent if there is none. */
  uart?: string;
  /** RAM, in tree order. */
  memory: readonly NamedRange[];
  /** xen,static-heap: where memory comes from that no property names; absent = from all of `memory`. */
  staticHeap?: readonly MemoryRange[];
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

/** Options of Xen's command line that have an effect here. Absent = not given, or not usable. */
export interface XenOptions {
  /** `sched`: scheduler of the pools that name none. */
  scheduler?: string;
  /** `sched_ratelimit_us`: least time that a vCPU runs before another takes its pCPU, in microseconds; 0 = none. */
  schedRatelimitUs?: number;
  /** `maxcpus`: most pCPUs to use. */
  maxCpus?: number;
  /** `dtuart`: the UART that Xen uses: a path, or an alias. */
  dtuart?: string;
  /** `conswitch` as given, see `parseConswitch`; absent = Xen's default. */
  conswitch?: string;
  /** `console_timestamps`: what stands before Xen's lines. */
  timestamps: TimestampMode;
  /** True: `guest_loglvl` asks for messages about guests down to `info` or `debug`. */
  logsGuests: boolean;
}

/** A host device tree, read: everything that a boot needs, with all references resolved. */
export interface BootPlan {
  /** Xen's command line; absent if there is none. */
  xenCommandLine?: string;
  /** Options of that command line that matter here. */
  xenOptions: XenOptions;
  host: HostFacts;
  /** At least one: Pool-0. */
  cpupools: readonly CpuPool[];
  dom0: Dom0Plan;
  domains: readonly DomainPlan[];
}
