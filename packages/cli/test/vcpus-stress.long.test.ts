/** Debian's stress-ng in domUs of 2, 4 and 8 vCPUs: what shares memory between CPUs, moves between them, and takes them off. */
import { describe } from 'vitest';
import { userlandTests } from './userland/results.ts';
import { type Stressor, stress } from './userland/stress.ts';

/** A worker for each of `n` vCPUs; the numbers of operations are those of all together. */
const stressors = (n: number): Stressor[] => [
  ['cpu', `--cpu ${n} --cpu-ops 30`],
  // Mutual exclusion by plain loads, stores and barriers, by exclusives and by atomics.
  ['peterson', '--peterson 1 --peterson-ops 20000'],
  ['dekker', '--dekker 1 --dekker-ops 20000'],
  ['atomic', `--atomic ${n} --atomic-ops 100`],
  ['cacheline', `--cacheline ${n} --cacheline-ops 100`],
  ['lockbus', `--lockbus ${n} --lockbus-ops 200`],
  ['mutex', `--mutex ${n} --mutex-procs 4 --mutex-ops 2000`],
  ['futex', `--futex ${n} --futex-ops 1000`],
  ['sem', `--sem ${n} --timeout 4`],
  // TLBs and code of other CPUs.
  ['tlb-shootdown', '--tlb-shootdown 1 --tlb-shootdown-ops 50'],
  ['vm', `--vm ${n} --vm-bytes 1M --vm-ops 2000`],
  ['mmap', `--mmap ${n} --mmap-bytes 1M --mmap-ops 10`],
  ['munmap', `--munmap ${n} --munmap-ops 20`],
  ['icache', `--icache ${n} --icache-ops 40`],
  // Processes that come, go, wake each other and move.
  ['fork', `--fork ${n} --fork-ops 200`],
  ['clone', '--clone 1 --clone-ops 10'],
  ['pthread', `--pthread ${n} --pthread-ops 100`],
  ['switch', `--switch ${n} --switch-ops 5000`],
  ['pipe', `--pipe ${n} --pipe-ops 2000`],
  ['signal', `--signal ${n} --signal-ops 5000`],
  ['timer', `--timer ${n} --timer-freq 100 --timer-ops 200`],
  ['yield', `--yield ${n} --yield-ops 1000`],
  ['affinity', `--affinity ${n} --affinity-ops 500`],
  ['schedpolicy', `--schedpolicy ${n} --schedpolicy-ops 500`],
  ['cpu-online', '--pathological --cpu-online 1 --cpu-online-ops 20'],
];

describe.each([2, 4, 8])('%i vCPUs', (cpus) => {
  userlandTests({ packages: ['stress-ng'], suites: [stress(stressors(cpus))], cpus, timeoutSeconds: 1500 });
});
