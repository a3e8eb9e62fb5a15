/** A range of guest RAM: `start` is an IPA, `size` is in bytes. */
export interface GuestRamBank {
  start: number;
  size: number;
}

const GIB = 2 ** 30;
const PAGE = 4096;

/** The windows that guest RAM goes to, in the order in which they are filled (Xen, public/arch-arm.h). */
export const GUEST_RAM_WINDOWS: readonly GuestRamBank[] = [
  { start: 0x4000_0000, size: 3 * GIB },
  { start: 0x2_0000_0000, size: 1016 * GIB },
];

/** Most guest RAM in bytes. */
export const MAX_GUEST_RAM = GUEST_RAM_WINDOWS.reduce((sum, { size }) => sum + size, 0);

/**
 * The RAM banks of a domain that is not direct-mapped: the window at 1 GiB is filled first, the rest goes to the one
 * at 8 GiB. A domain of up to 3 GiB has exactly one bank.
 *
 * @param memoryKiB memory of the domain in KiB; rounded down to whole pages
 * @returns no bank for no memory
 * @throws RangeError if the number is negative, no integer, or more than the windows hold; {@link MAX_GUEST_RAM}
 */
export const guestRamBanks = (memoryKiB: number): GuestRamBank[] => {
  let rest = Math.floor((memoryKiB * 1024) / PAGE) * PAGE;
  if (!Number.isInteger(memoryKiB) || memoryKiB < 0 || rest > MAX_GUEST_RAM) {
    throw new RangeError(`guest memory of ${memoryKiB} KiB is not between 0 and ${MAX_GUEST_RAM / 1024} KiB`);
  }
  const banks: GuestRamBank[] = [];
  for (const window of GUEST_RAM_WINDOWS) {
    const size = Math.min(rest, window.size);
    if (size > 0) banks.push({ start: window.start, size });
    rest -= size;
  }
  return banks;
};
