import { type Finding, finding } from './diagnostic.ts';
import type { GuestRamBank } from './guest-ram.ts';
import { hex } from './property.ts';

/** Sizes, all in bytes, of what is placed in guest RAM. */
export interface PlacementInput {
  /** The guest's RAM; only the first bank takes images. */
  banks: readonly GuestRamBank[];
  kernel: {
    /** Bytes from the start of the bank to the kernel's first byte. */
    textOffset: number;
    /** Length of the image. */
    fileSize: number;
    /** Memory that the kernel needs from its first byte on, BSS included. */
    imageSize: number;
    /** Guest physical address that the image insists on. */
    loadAddress?: number;
  };
  dtbSize: number;
  /** 0 = no ramdisk. */
  initrdSize: number;
}

/** Guest physical addresses of the images. */
export interface Placement {
  kernel: number;
  dtb: number;
  /** Absent if there is no ramdisk. */
  initrd?: number;
}

/** What {@link placeImages} found: addresses, or the reason why there are none. */
export type PlacementResult = { placement: Placement } | { finding: Finding };

const MIB = 2 ** 20;
const ALIGN = 2 * MIB;
/** Distance from the start of RAM at which device tree and ramdisk go if they can. */
const PREFERRED_OFFSET = 128 * MIB;

const roundUp = (size: number): number => Math.ceil(size / ALIGN) * ALIGN;

/** Where `size` bytes for device tree and ramdisk go: Xen's three choices in order. */
const findRoom = (bank: GuestRamBank, kernelStart: number, kernelEnd: number, size: number): number | undefined => {
  const bankEnd = bank.start + bank.size;
  const preferred = bank.start + PREFERRED_OFFSET;
  if (bankEnd >= preferred + size && kernelEnd < preferred) return preferred;
  const top = bankEnd - size;
  if (top >= roundUp(kernelEnd)) return top;
  const below = kernelStart - size;
  return below >= bank.start ? below : undefined;
};

/**
 * Places kernel, device tree and ramdisk in the first bank of guest RAM, at the addresses that Xen chooses: the kernel
 * at the start of the bank plus text_offset; the device tree, and behind it the ramdisk, each rounded up to 2 MiB, at
 * 128 MiB into the bank, else at its top, else below the kernel.
 *
 * Other than Xen, which looks at the length of the file only, it keeps the kernel's BSS free (image_size).
 *
 * Pure. A guest that is too small is a finding with the arithmetic, never an exception.
 */
export const placeImages = ({ banks, kernel, dtbSize, initrdSize }: PlacementInput): PlacementResult => {
  const bank = banks[0];
  if (bank === undefined) return { finding: finding('placement-no-memory') };
  const bankEnd = bank.start + bank.size;
  const size = Math.max(kernel.fileSize, kernel.imageSize);
  const start = kernel.loadAddress ?? bank.start + kernel.textOffset;
  const end = start + size;
  const [dtb, initrd] = [roundUp(dtbSize), roundUp(initrdSize)];
  const kernelSize = roundUp(end) - start;
  const sum = kernelSize + dtb + initrd;
  const sizes = { dtb, initrd };
  if (sum > bank.size) {
    const needed = Math.max(start - bank.start, 0) + sum;
    const texts = { bank: bank.size, kernel: kernelSize, sum, kib: needed / 1024 };
    return { finding: finding('placement-bank-too-small', { ...sizes, ...texts }) };
  }
  const bounds = { start: hex(start), end: hex(end), bankStart: hex(bank.start), bankEnd: hex(bankEnd) };
  if (start < bank.start || end > bankEnd) return { finding: finding('placement-outside', bounds) };
  const room = findRoom(bank, start, end, dtb + initrd);
  if (room === undefined) {
    return { finding: finding('placement-no-room', { ...sizes, ...bounds, sum: dtb + initrd }) };
  }
  return { placement: { kernel: start, dtb: room, ...(initrdSize === 0 ? {} : { initrd: room + dtb }) } };
};
