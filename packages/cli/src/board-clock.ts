import type { ConsoleClock } from '@dom0less/hypervisor';

/** The counter of a board whose tree does not tell its frequency, in Hz. */
const DEFAULT_FREQUENCY = 62_500_000;

/** Time since a board began, as far as the process knows it. */
export class BoardClock implements ConsoleClock {
  readonly #start = performance.now();
  readonly #frequency: number;

  constructor(frequency = DEFAULT_FREQUENCY) {
    this.#frequency = frequency;
  }

  wallMs(): number {
    return Date.now();
  }

  bootNs(): number {
    return Math.round((performance.now() - this.#start) * 1e6);
  }

  ticks(): number {
    return (this.bootNs() / 1e9) * this.#frequency;
  }
}
