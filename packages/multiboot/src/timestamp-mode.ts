/** Values of Xen's command line option `console_timestamps` (xen/drivers/char/console.c). */
export const TIMESTAMP_MODES = ['none', 'date', 'datems', 'boot', 'raw'] as const;
export type TimestampMode = (typeof TIMESTAMP_MODES)[number];

const BOOLEANS: Readonly<Record<string, TimestampMode>> = {
  no: 'none',
  off: 'none',
  false: 'none',
  disable: 'none',
  '0': 'none',
  yes: 'date',
  on: 'date',
  true: 'date',
  enable: 'date',
  '1': 'date',
};

/** The mode that a value of `console_timestamps` means: a mode's name or a boolean. Undefined for anything else. */
export function parseTimestamps(value: string): TimestampMode | undefined {
  const mode = TIMESTAMP_MODES.find((one) => one === value);
  return mode ?? (Object.hasOwn(BOOLEANS, value) ? BOOLEANS[value] : undefined);
}
