import type { TimestampMode } from '@dom0less/multiboot';

/** Where timestamps come from. */
export interface ConsoleClock {
  /** Ms since 1970, UTC. */
  wallMs(): number;
  /** Ns since the board was made: Xen's NOW(). */
  bootNs(): number;
  /** The system counter. */
  ticks(): number;
}

const date = (ms: number, length: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, length);

function sinceBoot(ns: number): string {
  const us = Math.floor(ns / 1000);
  const seconds = String(Math.floor(us / 1e6)).padStart(5);
  return `${seconds}.${String(us % 1e6).padStart(6, '0')}`;
}

const FORMATS: Readonly<Record<Exclude<TimestampMode, 'none'>, (clock: ConsoleClock) => string>> = {
  date: (clock) => date(clock.wallMs(), 'YYYY-MM-DD HH:MM:SS'.length),
  datems: (clock) => date(clock.wallMs(), 'YYYY-MM-DD HH:MM:SS.mmm'.length),
  boot: (clock) => sinceBoot(clock.bootNs()),
  raw: (clock) => Math.floor(clock.ticks()).toString(16).padStart(16, '0'),
};

/** What stands between `(XEN) ` and a line's text now; nothing for `none`. */
export const formatTimestamp = (mode: TimestampMode, clock: ConsoleClock): string =>
  mode === 'none' ? '' : `[${FORMATS[mode](clock)}] `;
