import type { BootPlan, DomainPlan } from '@dom0less/multiboot';
import type { ExchangedBoard } from './board-file.ts';

const KIB = 2 ** 10;
const hex = (value: number): string => `0x${value.toString(16)}`;

/** A value between double quotes, so that a shell reads it as it is. */
const quoted = (text: string): string => `"${text.replace(/[\\"$`]/g, '\\$&')}"`;

interface Exported {
  readonly text: string;
  /** What the configuration has no word for. */
  readonly notes: readonly string[];
}

const CAPABILITIES = ['control', 'hardware', 'xenstore'] as const;

function domainLines(domain: DomainPlan, n: number, fileOf: (address: number) => string, notes: string[]): string[] {
  const { name, modules, memoryKiB, cpus, bootargs, staticMem, directMap, enhanced, capabilities } = domain;
  const lines: string[] = [];
  const set = (key: string, value: string | number): void => {
    lines.push(`${key}[${n}]=${typeof value === 'number' ? value : quoted(value)}`);
  };
  const lost = (what: string): void => void notes.push(`${name}: ${what}`);
  if (modules.kernel !== undefined) set('DOMU_KERNEL', fileOf(modules.kernel.address));
  if (modules.ramdisk !== undefined) set('DOMU_RAMDISK', fileOf(modules.ramdisk.address));
  if (modules.deviceTree !== undefined) set('DOMU_PASSTHROUGH_DTB', fileOf(modules.deviceTree.address));
  set('DOMU_CMD', bootargs);
  if (bootargs === '' && domain.vpl011) lost('an empty command line becomes the default one, console=ttyAMA0');
  const mib = Math.ceil(memoryKiB / KIB);
  if (mib * KIB !== memoryKiB) lost(`${memoryKiB} KiB of memory become ${mib} MiB`);
  set('DOMU_MEM', mib);
  set('DOMU_VCPUS', cpus);
  if (staticMem.length > 0) {
    set('DOMU_STATIC_MEM', staticMem.map(({ start, size }) => `${hex(start)} ${hex(size)}`).join(' '));
    set('DOMU_DIRECT_MAP', directMap ? 1 : 0);
  }
  if (enhanced === 'enabled') set('DOMU_ENHANCED', 1);
  else if (enhanced === 'no-xenstore') set('DOMU_ENHANCED', 2);
  else if (enhanced !== 'disabled') lost(`xen,enhanced = "${enhanced}" has no place`);
  const granted = CAPABILITIES.filter((one) => capabilities[one]);
  if (granted.length > 0) set('DOMU_CAPS', granted.join('|'));
  if (domain.llcColors !== undefined) set('DOMU_COLORS', domain.llcColors);
  if (!domain.trapUnmappedAccesses) set('DOMU_TRAP_UNMAP', 0);
  if (domain.maxMaptrackFrames !== undefined) set('DOMU_MAPTRACK_FRAMES', domain.maxMaptrackFrames);
  if (domain.maxGrantFrames !== undefined) set('DOMU_GRANT_FRAMES', domain.maxGrantFrames);
  if (domain.maxGrantVersion !== undefined) set('DOMU_GRANT_VER', domain.maxGrantVersion);
  const [shared, ...more] = domain.sharedMemory;
  if (shared !== undefined) {
    const host = shared.hostAddress === undefined ? [] : [hex(shared.hostAddress)];
    set('DOMU_SHARED_MEM', [shared.id, ...host, hex(shared.guestAddress), hex(shared.size)].join(' '));
  }
  if (more.length > 0) lost('only the first shared memory has a place');
  if (!domain.vpl011) set('DOMU_VPL011', 0);
  if (domain.nrSpis !== undefined) set('DOMU_NR_SPIS', domain.nrSpis);
  if (domain.eventChannels.length > 0) lost('static event channels have no place');
  if (domain.hardAffinity.length > 0) lost('the affinity of vCPUs has no place');
  return lines;
}

/** ImageBuilder's configuration for a board. */
export function exportImageBuilder({ loads }: ExchangedBoard, plan: BootPlan, dtb: string, xen: string): Exported {
  const notes: string[] = [];
  const named = new Map(loads.map(({ address, file }) => [address, file]));
  const fileOf = (address: number): string => named.get(address) ?? `module-${hex(address)}`;
  const [bank] = plan.host.memory;
  const cpuName = (id: number): string => plan.host.cpus[id]?.path.split('/').at(-1) ?? `cpu@${id}`;
  const pools = plan.cpupools.filter(({ path }) => path !== undefined);
  const lines = [
    ...(bank === undefined
      ? []
      : [`MEMORY_START=${quoted(hex(bank.start))}`, `MEMORY_END=${quoted(hex(bank.start + bank.size))}`]),
    `DEVICE_TREE=${quoted(dtb)}`,
    `XEN=${quoted(xen)}`,
    ...(plan.xenCommandLine === undefined ? [] : [`XEN_CMD=${quoted(plan.xenCommandLine)}`]),
    ...(plan.host.staticHeap === undefined
      ? []
      : [
          `XEN_STATIC_HEAP=${quoted(plan.host.staticHeap.map(({ start, size }) => `${hex(start)} ${hex(size)}`).join(' '))}`,
        ]),
    ...(pools.length === 0 ? [] : [`NUM_CPUPOOLS=${pools.length}`]),
    ...pools.map(
      ({ pcpus, scheduler }, n) => `CPUPOOL[${n}]=${quoted(`${pcpus.map(cpuName).join(',')} ${scheduler}`)}`,
    ),
    `NUM_DOMUS=${plan.domains.length}`,
  ];
  if (plan.dom0.present) notes.push('dom0 is left out');
  plan.domains.forEach((domain, n) => {
    const pool = pools.findIndex(({ id }) => id === domain.cpupool);
    lines.push('', `# ${domain.nodeName}`, ...domainLines(domain, n, fileOf, notes));
    if (pool >= 0) lines.push(`DOMU_CPUPOOL[${n}]=${pool}`);
  });
  return { text: `${lines.join('\n')}\n`, notes };
}
