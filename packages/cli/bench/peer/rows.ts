/** The rows of the benchmark, as data. */
import type { Subject } from './subjects.ts';

type Peer = Exclude<Subject['name'], 'ours'>;

/** What may be resident beside the guests' RAM with two pCPUs, in MiB, and for each further domU with the same kernel, in MB. */
export const BEYOND_GUESTS_MIB = 150 + 2 * 30;
export const FURTHER_DOMU_MB = 60;

/** A group of workloads whose ratios are summed up by their geometric mean. */
export interface WorkloadGroup {
  readonly name: string;
  /** Names in programs/*.c. */
  readonly workloads: readonly string[];
  /** Ratio of CPU time, peer over ours, that must be reached, and that is the goal. */
  readonly targets: readonly { readonly peer: Peer; readonly must: number; readonly goal: number }[];
  readonly vcpus?: number;
}

export const WORKLOAD_GROUPS: readonly WorkloadGroup[] = [
  {
    name: 'integer',
    workloads: ['crc', 'list', 'matrix', 'state', 'sieve', 'qsort', 'div', 'sha256'],
    targets: [{ peer: 'qemu', must: 1.5, goal: 2.2 }],
  },
  { name: 'FP', workloads: ['mandel', 'nbody', 'libm'], targets: [{ peer: 'qemu', must: 4, goal: 8 }] },
  {
    name: 'SIMD and streams',
    workloads: ['saxpy', 'memcpy', 'memset', 'triad'],
    targets: [{ peer: 'qemu', must: 3, goal: 10 }],
  },
  { name: 'pointer chase', workloads: ['chase64k', 'chase32m'], targets: [{ peer: 'qemu', must: 0.9, goal: 1.2 }] },
  {
    name: 'system calls',
    workloads: ['getppid', 'rdwr'],
    targets: [
      { peer: 'xen', must: 6, goal: 25 },
      { peer: 'qemu', must: 1.5, goal: 4 },
    ],
  },
  {
    name: 'processes and pages',
    workloads: ['fork', 'forkexec', 'pingpong', 'pagefault'],
    targets: [
      { peer: 'xen', must: 2.5, goal: 6 },
      { peer: 'qemu', must: 1.5, goal: 4 },
    ],
  },
  { name: 'sleep', workloads: ['nanosleep'], targets: [] },
  {
    name: 'busybox',
    workloads: ['bb-sha256sum', 'bb-md5sum', 'bb-gzip', 'bb-gunzip', 'bb-awk', 'bb-sort', 'bb-spawn'],
    targets: [{ peer: 'qemu', must: 1.5, goal: 2.5 }],
  },
  { name: 'threads', workloads: ['thr2', 'atomic2'], targets: [], vcpus: 2 },
];

/** A boot to the marker of every domain's init. */
export interface BootRow {
  readonly domains: number;
  readonly cache: 'cold' | 'warm';
  readonly peer: Peer;
  readonly must: number;
  readonly goal: number;
}

export const BOOT_ROWS: readonly BootRow[] = [
  { domains: 1, cache: 'cold', peer: 'qemu', must: 1.0, goal: 1.5 },
  { domains: 1, cache: 'warm', peer: 'qemu', must: 1.3, goal: 2.5 },
  { domains: 1, cache: 'cold', peer: 'xen', must: 1.0, goal: 1.5 },
  { domains: 1, cache: 'warm', peer: 'xen', must: 1.3, goal: 2.5 },
  { domains: 2, cache: 'cold', peer: 'xen', must: 2.0, goal: 3.5 },
  { domains: 2, cache: 'warm', peer: 'xen', must: 3.0, goal: 5.0 },
  { domains: 4, cache: 'cold', peer: 'xen', must: 3.5, goal: 6.0 },
  { domains: 4, cache: 'warm', peer: 'xen', must: 5.0, goal: 9.0 },
];

/** Process start to the first output of a guest whose first instructions write it, in ms. */
export const START_TARGET = { must: 150, goal: 80 };
