import { stateOffset } from '@dom0less/arm64-cpu';
import { describe, expect, it } from 'vitest';
import { BoardMemory } from '../src/memory/board-memory.ts';
import { VCPU_RUN } from '../src/memory/layout.ts';
import { makeMemory } from '../src/memory/make-memory.ts';
import { makeScheduler, type SchedulerName } from '../src/schedule/make-scheduler.ts';
import { SchedVcpu } from '../src/schedule/sched-vcpu.ts';
import type { Outcome } from '../src/schedule/scheduler.ts';

const FREQUENCY = 1000;

/** A pool of `pcpus` with a domain of one vCPU for each entry of `affinities`. Ticks are ms. */
const pool = (name: SchedulerName, pcpus: number, affinities: readonly (number[] | undefined)[]) => {
  const { memory, layout } = makeMemory({
    pcpus,
    domains: affinities.map(() => ({ cpus: 1, gicVersion: 2 as const })),
    blocksWanted: 0,
  });
  const board = new BoardMemory(memory, layout);
  const vcpus = affinities.map(
    (affinity, n) => new SchedVcpu(board, layout.domains[n]!.vcpus[0]!, { domain: n + 1, index: 0, affinity }),
  );
  const numbers = Array.from({ length: pcpus }, (_, n) => n);
  const parts = { memory: board, control: layout.pools[0]!, pcpus: numbers, vcpus };
  const scheduler = makeScheduler(name, parts, FREQUENCY);
  const start = (n: number): string => {
    scheduler.prepareStart(vcpus[n]!, () => true);
    return scheduler.start(vcpus[n]!);
  };
  const held: (SchedVcpu | undefined)[] = [];
  /** Gives back what `pcpu` ran for `ran` ms, and takes the next: its number, or -1. */
  const next = (pcpu: number, ran = 1, outcome: Outcome = 'preempted'): number => {
    held[pcpu] = scheduler.next(pcpu, held[pcpu], outcome, ran);
    return vcpus.indexOf(held[pcpu]!);
  };
  const set = (n: number, field: string, value: number): void => {
    board.words[(layout.domains[n]!.vcpus[0]!.state + stateOffset(field)) >>> 2] = value;
  };
  /** pCPUs that have something to run, or had: the others need no thread. */
  const used = async (): Promise<number[]> => {
    const found: number[] = [];
    for (const pcpu of numbers) board.used(pcpu).then(() => found.push(pcpu));
    await new Promise((resolve) => setImmediate(resolve));
    return found;
  };
  return { scheduler, vcpus, start, next, set, numbers, used };
};

describe.each(['fair', 'null'] as const)('the %s scheduler', (name) => {
  it('runs no vCPU on two pCPUs at once, and none that is off or waits', () => {
    const { vcpus, start, next, numbers } = pool(name, 3, [undefined, undefined, undefined]);
    expect(numbers.map((pcpu) => next(pcpu))).toEqual([-1, -1, -1]);
    for (const n of [0, 1]) start(n);
    const running = numbers.map((pcpu) => next(pcpu));
    expect([...running].sort()).toEqual([-1, 0, 1]);
    expect(vcpus.map(({ owner }) => owner)).toEqual([running.indexOf(0), running.indexOf(1), -1]);
  });

  it('uses no more pCPUs than there are vCPUs to run, and rather those that it has used before', async () => {
    const { scheduler, vcpus, start, next, used } = pool(name, 3, [undefined, undefined]);
    scheduler.begin();
    vcpus.forEach((vcpu, n) => {
      vcpu.home = 2 - n;
    });
    expect(await used()).toEqual([]);
    start(0);
    expect(await used()).toEqual([2]);
    expect(next(2)).toBe(0);
    start(1);
    expect(await used()).toEqual([1, 2]);
    expect(next(1)).toBe(1);
    next(1, 1, 'wait');
    scheduler.wake(vcpus[1]!);
    expect(await used()).toEqual([1, 2]);
  });

  it('lets a vCPU wait until it is woken, unless an interrupt is there already', () => {
    const { scheduler, vcpus, start, next } = pool(name, 1, [undefined]);
    start(0);
    expect(next(0)).toBe(0);
    expect(next(0, 1, 'wait')).toBe(-1);
    expect(vcpus[0]!.run).toBe(VCPU_RUN.BLOCKED);
    scheduler.wake(vcpus[0]!);
    expect(next(0)).toBe(0);
  });

  it('lets a vCPU wait for an event: an interrupt that is masked is none, and one that came before is used up', () => {
    const { scheduler, vcpus, start, next, set } = pool(name, 1, [undefined]);
    start(0);
    scheduler.sendEvent(vcpus[0]!);
    expect([next(0), next(0, 1, 'event'), next(0, 1, 'event')]).toEqual([0, 0, -1]);
    expect(vcpus[0]!.run).toBe(VCPU_RUN.AWAITING);
    set(0, 'daif', 0x80);
    set(0, 'interruptLines', 1);
    scheduler.wake(vcpus[0]!);
    expect(next(0)).toBe(-1);
    scheduler.sendEvent(vcpus[0]!);
    expect([next(0), next(0, 1, 'event')]).toEqual([0, -1]);
    set(0, 'daif', 0x340);
    scheduler.wake(vcpus[0]!);
    expect([next(0), next(0, 1, 'event')]).toEqual([0, 0]);
    // SEV is no interrupt.
    set(0, 'interruptLines', 0);
    expect(next(0, 1, 'wait')).toBe(-1);
    scheduler.sendEvent(vcpus[0]!);
    expect(next(0)).toBe(-1);
  });

  it('keeps to hard affinity', () => {
    const { start, next } = pool(name, 2, [[1], [1]]);
    for (const n of [0, 1]) start(n);
    for (let n = 0; n < 10; n++) expect(next(0)).toBe(-1);
    const seen = new Set(Array.from({ length: 100 }, () => next(1)));
    expect(seen).toEqual(name === 'fair' ? new Set([0, 1]) : new Set([0]));
  });

  it('brings a vCPU that is off online once only', () => {
    const { scheduler, vcpus, start } = pool(name, 1, [undefined]);
    expect(scheduler.prepareStart(vcpus[0]!, () => false)).toBe(false);
    start(0);
    expect(scheduler.prepareStart(vcpus[0]!, () => true)).toBe(false);
  });

  it('takes a vCPU off when the pCPU that has it gives it back', () => {
    const { scheduler, vcpus, start, next } = pool(name, 1, [undefined]);
    start(0);
    next(0);
    scheduler.stop(vcpus[0]!);
    expect(vcpus[0]!.run).toBe(VCPU_RUN.STOPPING);
    expect(next(0)).toBe(-1);
    expect(vcpus[0]!.run).toBe(VCPU_RUN.OFFLINE);
    scheduler.wake(vcpus[0]!);
    expect(next(0)).toBe(-1);
  });
});

describe('the fair scheduler', () => {
  /** Ms that each vCPU ran in `rounds` slices of 1 ms on each pCPU. */
  const shares = (
    { next, numbers }: ReturnType<typeof pool>,
    rounds: number,
    outcomeOf: (vcpu: number) => Outcome = () => 'preempted',
  ): number[] => {
    const ran: number[] = [];
    const last = numbers.map(() => -1);
    for (let n = 0; n < rounds; n++) {
      for (const pcpu of numbers) {
        const vcpu = next(pcpu, 1, outcomeOf(last[pcpu]!));
        last[pcpu] = vcpu;
        if (vcpu >= 0) ran[vcpu] = (ran[vcpu] ?? 0) + 1;
      }
    }
    return ran;
  };

  it.each([
    [2, 1],
    [5, 2],
    [3, 2],
    [7, 4],
  ])('shares fairly: %i vCPUs that want all they can get, on %i pCPUs', (vcpus, pcpus) => {
    const one = pool('fair', pcpus, Array(vcpus).fill(undefined));
    for (let n = 0; n < vcpus; n++) one.start(n);
    const ran = shares(one, 4000);
    for (const ms of ran) expect(Math.abs(ms / ((4000 * pcpus) / vcpus) - 1)).toBeLessThan(0.05);
  });

  it('gives what one does not use to the others', () => {
    const one = pool('fair', 2, [undefined, undefined, undefined]);
    for (let n = 0; n < 3; n++) one.start(n);
    const ran = shares(one, 1000, (vcpu) => (vcpu === 0 ? 'wait' : 'preempted'));
    expect(ran[0]).toBeLessThan(3);
    expect(ran[1]! + ran[2]!).toBeGreaterThan(1995);
  });

  it('lets one that has slept run soon, but does not save up what it slept', () => {
    const one = pool('fair', 1, [undefined, undefined]);
    one.start(0);
    for (let n = 0; n < 1000; n++) one.next(0);
    one.start(1);
    expect(one.next(0)).toBe(1);
    const ran = shares(one, 100);
    expect(Math.abs(ran[1]! - ran[0]!)).toBeLessThan(10);
  });

  it('keeps vCPUs on their pCPUs while shares are equal', () => {
    const { start, next, vcpus } = pool('fair', 2, Array(4).fill(undefined));
    vcpus.forEach((vcpu, n) => {
      vcpu.home = n % 2;
      start(n);
    });
    for (let n = 0; n < 500; n++) for (const pcpu of [0, 1]) expect(next(pcpu) % 2).toBe(pcpu);
  });
});

describe('the null scheduler', () => {
  it('gives each vCPU a pCPU of its own, and one that becomes free to the first that waits for it', () => {
    const { scheduler, vcpus, start, next } = pool('null', 2, [undefined, undefined, [1], undefined]);
    expect([0, 1, 2, 3].map(start)).toEqual(['admitted', 'admitted', 'waits', 'waits']);
    const first = [next(0), next(1)];
    for (let n = 0; n < 10; n++) expect([next(0), next(1)]).toEqual(first);
    // pCPU 0 becomes free: the first that waits may not run there.
    scheduler.stop(vcpus[first[0]!]!);
    expect(next(0)).toBe(3);
    scheduler.stop(vcpus[first[1]!]!);
    expect(next(1)).toBe(2);
  });
});
