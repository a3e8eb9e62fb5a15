/** Why the hypervisor ends a domain, as a number that fits into shared memory and as a text. */
import type { BoardLayout } from '../memory/layout.ts';

interface Row {
  readonly name: string;
  text(layout: BoardLayout): string;
}

/** The first: it ended itself, and there is nothing to say. */
export const END_REASONS = [
  { name: 'own', text: () => '' },
  { name: 'offline', text: () => 'the guest took all its vCPUs offline: nothing can start them again' },
  {
    name: 'memory',
    text: ({ blockCount }: BoardLayout) => `the board's memory of ${blockCount * 2} MiB is used up`,
  },
] as const satisfies readonly Row[];

export type EndReason = (typeof END_REASONS)[number]['name'];
