/** The lines that Xen prints while it builds domains (4.17). */
import { decodeFields, VTCR_EL2 } from '@dom0less/arm64-mmu';
import type { BootPlan } from '@dom0less/multiboot';
import type { SchedulerName } from '../schedule/make-scheduler.ts';
import type { PlannedPools } from '../schedule/plan-pools.ts';
import type { PlannedDomain } from './plan-domain.ts';

const line = (text: string): string => `(XEN) ${text}`;
const paddr = (value: number): string => value.toString(16).padStart(16, '0');

/** How schedulers introduce themselves: Xen's null, and our own. */
const SCHEDULER_LINES: Readonly<Record<SchedulerName, readonly string[]>> = {
  fair: ['Using scheduler: equal shares by virtual time (fair)'],
  null: [
    'Using scheduler: null Scheduler (null)',
    'Initializing null scheduler',
    'WARNING: This is experimental software in development.',
    'Use at your own risk.',
  ],
};

const schedulerLines = ({ pools, pcpus }: PlannedPools): string[] => [
  ...SCHEDULER_LINES[pools[0]!.scheduler],
  `Brought up ${pcpus} CPU${pcpus > 1 ? 's' : ''}`,
];

/** That there is no pCPU for a vCPU, given as `d<domain>v<vCPU>`. */
export const unassignedLine = (vcpu: string): string => line(`WARNING: ${vcpu} not assigned to any CPU!`);

/** What is said of the board: its timer, its pCPUs, and the size of its domains' address spaces. */
export const boardLines = (frequency: number, pools: PlannedPools, ipaBits: number, vtcr: bigint): string[] => [
  line(`Generic Timer IRQ: phys=30 hyp=26 virt=27 Freq: ${Math.floor(frequency / 1000)} KHz`),
  ...schedulerLines(pools).map(line),
  line(`P2M: ${ipaBits}-bit IPA with ${ipaBits}-bit PA and 8-bit VMID`),
  line(`P2M: ${2 + decodeFields(VTCR_EL2, vtcr).SL0} levels with order-0 root, VTCR 0x${paddr(Number(vtcr))}`),
];

/** What is said before the domains are built. */
export const memoryLines = ({ host, xenCommandLine }: BootPlan): string[] => [
  ...host.memory.map(({ start, size }) => line(`RAM: ${paddr(start)} - ${paddr(start + size - 1)}`)),
  ...(xenCommandLine === undefined ? [] : [line(`Command line: ${xenCommandLine}`)]),
];

/** What is said of one domain. */
export const domainLines = ({ domain, kernel, placement, dtb, initrd }: PlannedDomain): string[] => {
  const { id, cpus, memoryKiB, modules } = domain;
  const { ramdisk } = modules;
  const from = paddr(modules.kernel.address);
  const kernelEnd = placement.kernel + kernel.fileSize;
  const range = (start: number, size: number): string => `0x${paddr(start)}-0x${paddr(start + size)}`;
  const lines = [
    `*** LOADING DOMU cpus=${cpus} memory=${memoryKiB.toString(16)}KB ***`,
    `Loading d${id} kernel from boot module @ ${from}`,
  ];
  if (ramdisk !== undefined) lines.push(`Loading ramdisk from boot module @ ${paddr(ramdisk.address)}`);
  lines.push(`Loading zImage from ${from} to ${paddr(placement.kernel)}-${paddr(kernelEnd)}`);
  if (ramdisk !== undefined && initrd !== undefined && placement.initrd !== undefined) {
    lines.push(`Loading d${id} initrd from ${paddr(ramdisk.address)} to ${range(placement.initrd, initrd.length)}`);
  }
  lines.push(`Loading d${id} DTB to ${range(placement.dtb, dtb.length)}`);
  return lines.map(line);
};
