/** Schedulers by name. */
import { FairScheduler } from './fair.ts';
import { NullScheduler } from './null.ts';
import type { Scheduler, SchedulerParts } from './scheduler.ts';

/** Names of the schedulers that there are. */
export type SchedulerName = 'fair' | 'null';

/** What Xen's schedulers get here; `like`: it gives vCPUs what Xen's does at its default settings. */
const SCHEDULERS: Readonly<Record<string, { readonly name: SchedulerName; readonly like: boolean }>> = {
  credit2: { name: 'fair', like: true },
  credit: { name: 'fair', like: true },
  null: { name: 'null', like: true },
};

/** What a scheduler of Xen's, by its name in option `sched` or property `cpupool-sched`, gets here. */
export const schedulerNamed = (name: string): { readonly name: SchedulerName; readonly like: boolean } =>
  SCHEDULERS[name] ?? { name: 'fair', like: false };

/** Makes the scheduler of a pool. `frequency` is that of the system counter. */
export const makeScheduler = (name: SchedulerName, parts: SchedulerParts, frequency: number): Scheduler =>
  name === 'null' ? new NullScheduler(parts) : new FairScheduler(parts, frequency);
