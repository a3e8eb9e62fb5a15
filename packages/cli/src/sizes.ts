/** Sizes and addresses for people. */

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `128 MiB`, `27.3 MiB`, `987 KiB`; exact where it is whole. */
export function showSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const text = Number.isInteger(value) ? `${value}` : value.toFixed(value < 10 ? 2 : 1);
  return `${text} ${UNITS[unit]}`;
}

/** `0x48000000 to 0x49a00000 (26 MiB)`: the second is the first address behind. */
export const showRange = (start: number, size: number): string =>
  `0x${start.toString(16)} to 0x${(start + size).toString(16)} (${showSize(size)})`;
