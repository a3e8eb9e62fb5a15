import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { guestRamBanks, MAX_GUEST_RAM, placeImages } from '../src/index.ts';

const MIB = 2 ** 20;
/** Sizes of Debian's cloud kernel and the ramdisk in the recordings from Xen. */
const KERNEL = { textOffset: 0, fileSize: 0x1a09fc0, imageSize: 0x1ab0000 };
const GOLDEN = { kernel: KERNEL, dtbSize: 1213, initrdSize: 0xf0faf };

const place = (mib: number, changes: object = {}) =>
  placeImages({ banks: guestRamBanks(mib * 1024), ...GOLDEN, ...changes });

describe('guest RAM', () => {
  test('of up to 3 GiB is one bank at 1 GiB', () => {
    expect(guestRamBanks(0x40000)).toEqual([{ start: 0x40000000, size: 0x10000000 }]);
    expect(guestRamBanks(3 * 2 ** 20)).toEqual([{ start: 0x40000000, size: 0xc0000000 }]);
  });

  test('beyond 3 GiB goes on at 8 GiB', () => {
    expect(guestRamBanks((3 * 1024 + 256) * 1024)).toEqual([
      { start: 0x40000000, size: 0xc0000000 },
      { start: 0x200000000, size: 0x10000000 },
    ]);
  });

  test('is whole pages, may be empty, and has a limit', () => {
    expect(guestRamBanks(7)).toEqual([{ start: 0x40000000, size: 4096 }]);
    expect(guestRamBanks(3)).toEqual([]);
    expect(guestRamBanks(MAX_GUEST_RAM / 1024).at(-1)).toEqual({ start: 0x200000000, size: 1016 * 2 ** 30 });
    for (const bad of [MAX_GUEST_RAM / 1024 + 4, -4, 1.5, Number.NaN])
      expect(() => guestRamBanks(bad)).toThrow(RangeError);
  });
});

describe('placement', () => {
  test('is that of Xen for 256 MiB', () => {
    expect(place(256)).toEqual({ placement: { kernel: 0x40000000, dtb: 0x48000000, initrd: 0x48200000 } });
  });

  test('is that of Xen for 64 MiB', () => {
    expect(place(64)).toEqual({ placement: { kernel: 0x40000000, dtb: 0x43c00000, initrd: 0x43e00000 } });
  });

  test('puts the device tree at the top of 128 MiB', () => {
    expect(place(128)).toEqual({ placement: { kernel: 0x40000000, dtb: 0x47c00000, initrd: 0x47e00000 } });
  });

  test('gives no address for a ramdisk that is not there', () => {
    expect(place(256, { initrdSize: 0 })).toEqual({ placement: { kernel: 0x40000000, dtb: 0x48000000 } });
  });

  test('refuses 16 MiB with the arithmetic', () => {
    expect(place(16)).toMatchObject({
      finding: { code: 'placement-bank-too-small', severity: 'error', remedy: 'give the domain at least 32768 KiB' },
    });
    expect(place(32)).toHaveProperty('placement');
  });

  test("keeps device tree and ramdisk out of the kernel's BSS", () => {
    const kernel = { textOffset: 0, fileSize: 20 * MIB, imageSize: 140 * MIB };
    expect(place(256, { kernel })).toEqual({ placement: { kernel: 0x40000000, dtb: 0x4fc00000, initrd: 0x4fe00000 } });
  });

  test('goes below a kernel that lies at the end of the bank', () => {
    const kernel = { ...KERNEL, loadAddress: 0x40000000 + 34 * MIB };
    expect(place(64, { kernel })).toEqual({ placement: { kernel: 0x42200000, dtb: 0x41e00000, initrd: 0x42000000 } });
  });

  test('refuses a load address outside of RAM, no RAM, and a bank without room on either side', () => {
    const at = (loadAddress: number) => place(64, { kernel: { ...KERNEL, loadAddress } });
    expect(at(0x80000)).toMatchObject({ finding: { code: 'placement-outside' } });
    expect(at(0x43000000)).toMatchObject({ finding: { code: 'placement-outside' } });
    expect(placeImages({ banks: [], ...GOLDEN })).toMatchObject({ finding: { code: 'placement-no-memory' } });
    const middle = { textOffset: 2 * MIB, fileSize: 58 * MIB, imageSize: 58 * MIB };
    expect(place(64, { kernel: middle, initrdSize: 4 * MIB })).toMatchObject({
      finding: { code: 'placement-no-room' },
    });
  });

  test('never lets images overlap or leave the first bank', () => {
    const size = fc.integer({ min: 1, max: 300 * MIB });
    const input = fc.record({
      kib: fc.integer({ min: 1, max: 2 ** 20 }),
      textOffset: fc.constantFrom(0, 0x80000, 0x200000),
      fileSize: size,
      imageSize: size,
      dtbSize: fc.integer({ min: 1, max: 2 * MIB }),
      initrdSize: fc.oneof(fc.constant(0), size),
    });
    fc.assert(
      fc.property(input, ({ kib, textOffset, fileSize, imageSize, dtbSize, initrdSize }) => {
        const banks = guestRamBanks(kib);
        const result = placeImages({ banks, kernel: { textOffset, fileSize, imageSize }, dtbSize, initrdSize });
        if ('finding' in result) return;
        const { kernel, dtb, initrd } = result.placement;
        const images = [
          [kernel, kernel + Math.max(fileSize, imageSize)],
          [dtb, dtb + dtbSize],
          ...(initrd === undefined ? [] : [[initrd, initrd + initrdSize]]),
        ].sort((a, b) => a[0]! - b[0]!);
        const bank = banks[0]!;
        const edges = [bank.start, ...images.flat(), bank.start + bank.size] as number[];
        expect(edges).toEqual([...edges].sort((a, b) => a - b));
        expect(dtb % 4096).toBe(0);
      }),
    );
  });
});
