/** Schedulers by name. */
import { FairScheduler } from './fair.ts';
import { NullScheduler } from './null.ts';
import type { Scheduler, SchedulerParts } from './scheduler.ts';

/** Names of schedulers, as Xen's option `sched` and the property `cpupool-sched` have them, where there is such a one. */
export const SCHEDULERS = ['fair', 'null'] as const;
export type SchedulerName = (typeof SCHEDULERS)[number];

/** What Xen's names of fair schedulers get here. */
const FAIR_NAMES: readonly string[] = ['credit2', 'credit'];

/** Reads the name of a scheduler. `exact` is false where something close to what was asked for is given. */
export const schedulerNamed = (name: string): { readonly name: SchedulerName; readonly exact: boolean } | undefined => {
  const known = SCHEDULERS.find((one) => one === name);
  if (known !== undefined) return { name: known, exact: true };
  return FAIR_NAMES.includes(name) ? { name: 'fair', exact: false } : undefined;
};

/** Makes the scheduler of a pool. `frequency` is that of the system counter. */
export const makeScheduler = (name: SchedulerName, parts: SchedulerParts, frequency: number): Scheduler =>
  name === 'null' ? new NullScheduler(parts) : new FairScheduler(parts, frequency);
