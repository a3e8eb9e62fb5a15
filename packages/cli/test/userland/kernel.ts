/** What the kernel found of the machine. */
import { OK, type Suite } from './suite.ts';

/** The kernel's random numbers are ready before the first process: the firmware has entropy (SMCCC TRNG). */
export function kernel(): Suite {
  return {
    files: {},
    script: `early() { dmesg | sed '/as init process/q' | grep 'random: crng init done'; }
check entropy-at-once early`,
    expected: new Map([['entropy-at-once', OK]]),
  };
}
