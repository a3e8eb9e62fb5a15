import type { BoardPlan, PlannedDomain } from '@dom0less/hypervisor/plan';
import type { DomainPlan } from '@dom0less/multiboot';
import { showRange, showSize } from '../sizes.ts';

/** What an entry's value is made from. */
export interface ExplainContext {
  readonly board: BoardPlan;
  readonly domain: DomainPlan;
  /** Absent if the domain can't be built. */
  readonly planned: PlannedDomain | undefined;
}

/** One thing about a domain that can be asked for. */
export interface ExplainEntry {
  /** The property's name; that of a module's kind for modules. */
  readonly name: string;
  /** The value in effect. */
  value(context: ExplainContext): string;
  /** What it means, in a line. */
  readonly meaning: string;
  /** How Xen comes to the value if the tree is silent. */
  readonly fallback: string;
}

const KIB = 1024;
const hex = (value: number): string => `0x${value.toString(16)}`;
const onOff = (on: boolean): string => (on ? 'on' : 'off');

const capabilitiesOf = ({ capabilities }: DomainPlan): string =>
  Object.entries(capabilities)
    .filter(([, granted]) => granted)
    .map(([name]) => name)
    .join(', ') || 'none';

/** Xen's size of the pool for stage-2 tables: 1 MiB a vCPU, 4 KiB a MiB of memory, and 512 KiB, in whole MiB. */
const p2mMiB = ({ cpus, memoryKiB }: DomainPlan): number => Math.ceil((4 * (256 * cpus + memoryKiB / KIB + 128)) / KIB);

const startAfterText = ({ startAfter }: DomainPlan, { plan }: BoardPlan): string => {
  if (startAfter === undefined) return 'none';
  const other = plan.domains.find(({ id }) => id === startAfter.domain)?.name ?? `domain ${startAfter.domain}`;
  return startAfter.pattern === undefined ? other : `${other} prints ${JSON.stringify(startAfter.pattern)}`;
};

const moduleText = (kind: 'kernel' | 'ramdisk' | 'deviceTree', format?: (planned: PlannedDomain) => string) => {
  return ({ domain, planned }: ExplainContext): string => {
    const module = domain.modules[kind];
    if (module === undefined) return 'none';
    const what = planned === undefined || format === undefined ? '' : `; ${format(planned)}`;
    return `${showSize(module.size)} at ${hex(module.address)}${what}`;
  };
};

/** Everything that the binding lets a domain say, in the order in which people ask. */
export const ENTRIES: readonly ExplainEntry[] = [
  {
    name: 'memory',
    value: ({ domain }) => `${showSize(domain.memoryKiB * KIB)} (${domain.memoryKiB} KiB)`,
    meaning: 'RAM of the guest, a count of KiB in two cells',
    fallback: 'none: it has to be given',
  },
  {
    name: 'cpus',
    value: ({ domain }) => `${domain.cpus}`,
    meaning: 'number of vCPUs',
    fallback: 'none: it has to be given',
  },
  {
    name: 'kernel',
    value: moduleText('kernel', ({ kernel, placement }) => {
      const formats = kernel.formats.length === 0 ? 'format not known' : kernel.formats.join(' in ');
      return `${formats}, goes to IPA ${hex(placement.kernel)}`;
    }),
    meaning: 'the kernel module: where the image lies in host memory',
    fallback: 'none: it has to be given',
  },
  {
    name: 'ramdisk',
    value: moduleText('ramdisk', ({ placement }) =>
      placement.initrd === undefined ? 'not placed' : `goes to IPA ${hex(placement.initrd)}`,
    ),
    meaning: 'the ramdisk module',
    fallback: 'no ramdisk',
  },
  {
    name: 'bootargs',
    value: ({ domain }) => (domain.bootargs === '' ? 'none' : JSON.stringify(domain.bootargs)),
    meaning: "the guest's command line, on its kernel module",
    fallback: 'none',
  },
  {
    name: 'vpl011',
    value: ({ domain }) => onOff(domain.vpl011),
    meaning: 'an emulated UART (SBSA) at IPA 0x22000000, SPI 32, which the guest knows as ttyAMA0',
    fallback: 'off',
  },
  {
    name: 'device-tree',
    value: moduleText('deviceTree'),
    meaning: 'the module with a fragment that describes assigned devices',
    fallback: 'none',
  },
  {
    name: 'passthrough',
    value: ({ domain }) => (domain.passthrough ? 'enabled' : 'disabled'),
    meaning: 'whether devices may be assigned to the domain',
    fallback: 'enabled if there is a device-tree module',
  },
  {
    name: 'xen,static-mem',
    value: ({ domain }) => domain.staticMem.map(({ start, size }) => showRange(start, size)).join(', ') || 'none',
    meaning: 'host memory that the RAM of the guest consists of',
    fallback: 'from the memory that is free',
  },
  {
    name: 'direct-map',
    value: ({ domain }) => onOff(domain.directMap),
    meaning: 'guest physical addresses are host physical addresses',
    fallback: 'off',
  },
  {
    name: 'nr_spis',
    value: ({ domain, planned }) => `${domain.nrSpis ?? planned?.nrSpis ?? 'as many as the host'}`,
    meaning: 'shared peripheral interrupts of the virtual GIC',
    fallback: "as many as the host's GIC, one at least with vpl011",
  },
  {
    name: 'domain-cpupool',
    value: ({ domain, board }) => {
      const pool = board.plan.cpupools.find(({ id }) => id === domain.cpupool);
      const cpus = pool === undefined ? '' : `: pCPUs ${pool.pcpus.join(', ')}, ${pool.scheduler}`;
      return `Pool-${domain.cpupool}${cpus}`;
    },
    meaning: 'the pool of pCPUs that the vCPUs run on',
    fallback: 'Pool-0',
  },
  {
    name: 'hard-affinity',
    value: ({ domain }) =>
      domain.hardAffinity.map(({ vcpu, pcpus }) => `vCPU ${vcpu}: ${pcpus.join(',')}`).join('; ') || 'all of the pool',
    meaning: 'pCPUs that a vCPU may run on, from its xen,vcpu node',
    fallback: 'all of the pool',
  },
  {
    name: 'xen,enhanced',
    value: ({ domain }) => domain.enhanced,
    meaning: "Xen's interface for guests: /hypervisor node, grant tables, event channels, xenstore",
    fallback: 'disabled',
  },
  {
    name: 'capabilities',
    value: ({ domain }) => capabilitiesOf(domain),
    meaning: 'control (1), hardware (2) and xenstore (4) domain',
    fallback: 'none',
  },
  {
    name: 'xen,domain-p2m-mem-mb',
    value: ({ domain }) => `${domain.p2mMemMiB ?? p2mMiB(domain)} MiB`,
    meaning: "Xen's pool for the domain's stage-2 tables",
    fallback: '1 MiB a vCPU, 4 KiB a MiB of memory, and 512 KiB',
  },
  {
    name: 'max_grant_version',
    value: ({ domain }) => `${domain.maxGrantVersion ?? 1}`,
    meaning: 'highest version of the grant table',
    fallback: '1, or gnttab=max-ver of the command line',
  },
  {
    name: 'max_grant_frames',
    value: ({ domain }) => `${domain.maxGrantFrames ?? 64}`,
    meaning: 'most frames of the grant table',
    fallback: '64, or gnttab_max_frames of the command line',
  },
  {
    name: 'max_maptrack_frames',
    value: ({ domain }) => `${domain.maxMaptrackFrames ?? 1024}`,
    meaning: 'most frames that keep track of mapped grants',
    fallback: '1024, or gnttab_max_maptrack_frames of the command line',
  },
  {
    name: 'trap-unmapped-accesses',
    value: ({ domain }) => onOff(domain.trapUnmappedAccesses),
    meaning: 'an access where nothing is aborts; off: it reads ones and writes nothing',
    fallback: 'on',
  },
  {
    name: 'sve',
    value: ({ domain }) => (domain.sve === undefined ? 'off' : `${domain.sve} bits`),
    meaning: 'vector length of the Scalable Vector Extension',
    fallback: 'off',
  },
  {
    name: 'llc-colors',
    value: ({ domain }) => domain.llcColors ?? 'all',
    meaning: 'colors of the last-level cache that the memory has',
    fallback: 'all',
  },
  {
    name: 'xen,sci_type',
    value: ({ domain }) => domain.sciType,
    meaning: 'how the domain reaches the SCMI firmware',
    fallback: 'none',
  },
  {
    name: 'dom0less,name',
    value: ({ domain }) => domain.name,
    meaning: 'what the domain is called in output and options; of dom0less, Xen ignores it',
    fallback: "the node's name, without its unit address where that leaves all distinct",
  },
  {
    name: 'dom0less,uuid',
    value: ({ domain }) => domain.uuid ?? 'none',
    meaning: 'the UUID of the domain; of dom0less, Xen ignores it',
    fallback: 'none',
  },
  {
    name: 'dom0less,gic-version',
    value: ({ domain }) => `v${domain.gicVersion}`,
    meaning: 'version of the virtual GIC, v2 or v3, whatever the host has; of dom0less, Xen ignores it',
    fallback: "that of the host's GIC",
  },
  {
    name: 'dom0less,on-poweroff',
    value: ({ domain }) => domain.restart.onPoweroff,
    meaning: 'what becomes of the domain when it powers off; of dom0less, Xen ignores it',
    fallback: 'preserve',
  },
  {
    name: 'dom0less,on-reboot',
    value: ({ domain }) => domain.restart.onReboot,
    meaning: 'what becomes of the domain when it reboots; of dom0less, Xen ignores it',
    fallback: 'preserve',
  },
  {
    name: 'dom0less,on-crash',
    value: ({ domain }) => domain.restart.onCrash,
    meaning: 'what becomes of the domain when it crashes; of dom0less, Xen ignores it',
    fallback: 'preserve',
  },
  {
    name: 'dom0less,max-restarts',
    value: ({ domain }) => `${domain.restart.maxRestarts ?? 'any number'}`,
    meaning: 'how often the domain is restarted, for whatever reason; of dom0less, Xen ignores it',
    fallback: 'any number',
  },
  {
    name: 'dom0less,start-order',
    value: ({ domain }) => `${domain.startOrder}`,
    meaning: 'domains with lower numbers start first; of dom0less, Xen ignores it',
    fallback: '0',
  },
  {
    name: 'dom0less,start-after',
    value: ({ domain, board }) => startAfterText(domain, board),
    meaning: 'the domain that has to be started, or to print a line that matches, before; of dom0less, Xen ignores it',
    fallback: 'none: it starts with the board',
  },
];
