/** One measurement each: a boot to all markers, and a run of workloads. */
import { UP_MARKER } from '../../src/guests/index.ts';
import { type BoardShape, KERNEL_AT } from './board.ts';
import { type Command, type Used, watchProcess } from './measured-process.ts';

/** A boot must be over by then, on a slow machine too. */
const BOOT_SECONDS = 180;
const WORKLOAD_SECONDS = 1800;

/** A finished boot. */
export interface Boot extends Used {
  readonly peakMiB: number;
}

/** Boots until every domain's init has said its marker. */
export async function measureBoot(command: Command, domains: number): Promise<Boot> {
  let markers = 0;
  let boot: Boot | undefined;
  await watchProcess(command, BOOT_SECONDS, (line, process) => {
    if (!line.includes(UP_MARKER) || ++markers < domains) return;
    boot = { ...process.used(), peakMiB: process.peakMiB() };
    process.stop();
  });
  if (boot === undefined) throw new Error(`${command.file} ended after ${markers} of ${domains} markers`);
  return boot;
}

/** What a workload used, and its checksum. */
export interface Run extends Used {
  readonly sum: string;
}

export interface WorkloadRuns {
  readonly runs: ReadonlyMap<string, Run>;
  /** What the kernel says of the CPU's vulnerabilities, line by line. */
  readonly vulnerabilities: readonly string[];
}

/** Runs workloads until the program says that it is done. */
export async function measureWorkloads(command: Command): Promise<WorkloadRuns> {
  const runs = new Map<string, Run>();
  const vulnerabilities: string[] = [];
  let begin: Used | undefined;
  let done = false;
  await watchProcess(command, WORKLOAD_SECONDS, (line, process) => {
    const [, event, name = '', sum = ''] = /BENCH-([A-Z]+) ?(\S*) ?(.*)$/.exec(line) ?? [];
    if (event === 'BEGIN') begin = process.used();
    if (event === 'END' && begin) {
      const end = process.used();
      runs.set(name, { cpu: end.cpu - begin.cpu, wall: end.wall - begin.wall, sum });
    }
    if (event === 'UNKNOWN') throw new Error(`the guest has no workload ${name}`);
    if (event === 'VULNERABILITY') vulnerabilities.push(line.slice(line.indexOf('BENCH-VULNERABILITY') + 20));
    if (event !== 'DONE') return;
    done = true;
    process.stop();
  });
  if (!done && begin === undefined) throw new Error(`${command.file} ended before the workloads did`);
  return { runs, vulnerabilities };
}

/** The shape of a board: one domU with one vCPU and 256 MiB on two pCPUs unless said otherwise. */
export const shape = (kernelBytes: number, ramdiskBytes: number, other: Partial<BoardShape> = {}): BoardShape => {
  if (kernelBytes > 0x5c00_0000 - KERNEL_AT) throw new Error('the kernel is larger than its place on the board');
  const bootargs = 'console=ttyAMA0 panic=-1 rdinit=/init';
  return { pcpus: 2, domains: 1, vcpus: 1, memoryMiB: 256, bootargs, kernelBytes, ramdiskBytes, ...other };
};
