/** How punctual timed sleeps of a thread are. */
import { readlinkSync, writeFileSync } from 'node:fs';

/**
 * Has timed sleeps of this thread end when they are due. Linux lets those of ordinary threads last up to 50 µs longer (timer
 * slack: prctl(2), proc(5) `timerslack_ns`), which a guest's timers would be late by. Elsewhere nothing happens.
 */
export function sharpenTimers(): void {
  try {
    // PID/task/TID. A thread may set its own slack only, under its own number.
    const tid = readlinkSync('/proc/thread-self').split('/').at(-1);
    writeFileSync(`/proc/${tid}/timerslack_ns`, '1');
  } catch {
    // Not Linux, or without /proc.
  }
}
