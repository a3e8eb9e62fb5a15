import { constants, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inflate } from '../src/images/inflate.ts';
import { IMAGE_HEAD_BYTES, identifyImage, identifyKernel, KernelImageError } from '../src/index.ts';
import { gzip, makeImage, makeUImage, makeZboot, pad } from './images.ts';

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof KernelImageError) {
      expect(error.message).not.toMatch(/[{}]/);
      expect(error.remedy).not.toBe('');
      return error.code;
    }
    throw error;
  }
  return 'no error';
};

/** The Image with the PE/COFF header of an EFI stub, whose one section ends at byte `end` of the file. */
const withSection = (bytes: Uint8Array, end: number): Uint8Array => {
  const view = new DataView(bytes.buffer);
  view.setUint32(0x3c, 0x40, true);
  view.setUint32(0x40, 0x4550, true);
  view.setUint16(0x46, 1, true);
  view.setUint16(0x54, 0, true);
  view.setUint32(0x58 + 16, end - 0x1000, true);
  view.setUint32(0x58 + 20, 0x1000, true);
  return bytes;
};

describe('arm64 Image', () => {
  test('gives text_offset, sizes and flags', () => {
    const bytes = makeImage({ size: 8192, textOffset: 0x1000n, imageSize: 0x20000n, flags: 0b1100 });
    const kernel = identifyKernel(bytes);
    expect(kernel).toMatchObject({
      formats: ['arm64-image'],
      textOffset: 0x1000,
      fileSize: 8192,
      imageSize: 0x20000,
      header: { bigEndian: false, pageSizeKiB: 16, anywhere: true },
      findings: [],
    });
    expect(kernel.payload).toBe(bytes);
  });

  test('is recognised by its first instruction where the magic is missing, and not without either', () => {
    expect(identifyKernel(makeImage({ firstWord: 0x14000008, magic: 0 })).formats).toEqual(['arm64-image']);
    expect(codeOf(() => identifyKernel(makeImage({ magic: 0 })))).toBe('kernel-unknown');
  });

  test('without image_size has text_offset 0x80000 and the size of the file', () => {
    const kernel = identifyKernel(makeImage({ size: 4096, textOffset: 0x1234n, imageSize: 0n }));
    expect(kernel).toMatchObject({ textOffset: 0x80000, imageSize: 4096 });
    expect(kernel.findings.map(({ code }) => code)).toEqual(['kernel-image-size-missing']);
  });

  test('never needs less memory than its file has bytes', () => {
    expect(identifyKernel(makeImage({ size: 8192, imageSize: 4096n })).imageSize).toBe(8192);
  });

  test('is refused if it is big-endian or its sizes are absurd', () => {
    expect(codeOf(() => identifyKernel(makeImage({ flags: 1 })))).toBe('kernel-big-endian');
    expect(codeOf(() => identifyKernel(makeImage({ imageSize: 1n << 50n })))).toBe('kernel-image-size');
    expect(codeOf(() => identifyKernel(makeImage({ textOffset: 1n << 63n })))).toBe('kernel-image-size');
  });

  test('that ends before its sections do gets a warning', () => {
    const bytes = withSection(makeImage({ size: 4096 }), 0x4000);
    expect(identifyKernel(bytes).findings).toMatchObject([{ code: 'kernel-truncated', severity: 'warning' }]);
    expect(identifyKernel(pad(bytes, 0x3000)).findings).toEqual([]);
  });
});

describe('the beginning of a module', () => {
  const image = { size: IMAGE_HEAD_BYTES + 5000, textOffset: 0x1000n, imageSize: 0x200000n };

  test('tells all of an Image but its payload', () => {
    const bytes = makeImage(image);
    const { payload, ...kernel } = identifyKernel(bytes);
    expect(payload).toHaveLength(bytes.length);
    expect(identifyImage(bytes.subarray(0, IMAGE_HEAD_BYTES), bytes.length)).toEqual(kernel);
  });

  test('tells that its sections go on behind its end', () => {
    const { size } = image;
    const head = withSection(makeImage(image), size + 1).subarray(0, IMAGE_HEAD_BYTES);
    expect(identifyImage(head, size)!.findings).toMatchObject([{ code: 'kernel-truncated' }]);
    expect(identifyImage(head, size + 1)!.findings).toEqual([]);
  });

  test('refuses an Image as all of it does', () => {
    expect(codeOf(() => identifyImage(makeImage({ flags: 1 }), 2 ** 20))).toBe('kernel-big-endian');
    expect(codeOf(() => identifyImage(makeImage({ imageSize: 1n << 50n }), 2 ** 20))).toBe('kernel-image-size');
  });

  test('of anything else tells nothing', () => {
    const bytes = makeImage(image);
    const others = [gzip(bytes), makeUImage(bytes), makeZboot(gzip(bytes)), new Uint8Array(64), new Uint8Array(0)];
    for (const other of others)
      expect(identifyImage(other.subarray(0, IMAGE_HEAD_BYTES), other.length)).toBeUndefined();
  });
});

describe('gzip', () => {
  const image = makeImage({ size: 100_000 });

  test('holds an Image, which is unpacked', () => {
    const kernel = identifyKernel(gzip(image));
    expect(kernel.formats).toEqual(['gzip', 'arm64-image']);
    expect(Buffer.compare(kernel.payload, image)).toBe(0);
    expect(kernel.findings).toEqual([]);
  });

  test('ends where its data ends, not where the module does', () => {
    const packed = gzip(image);
    for (const value of [0, 0xff]) {
      const kernel = identifyKernel(pad(packed, 5000, value));
      expect(Buffer.compare(kernel.payload, image)).toBe(0);
      expect(kernel.findings).toMatchObject([
        { code: 'gzip-padded', remedy: `give ${packed.length} as the size in reg` },
      ]);
    }
  });

  test('never unpacks to more than maxBytes', () => {
    const bomb = gzip(new Uint8Array(50_000_000));
    expect(codeOf(() => identifyKernel(bomb, { maxBytes: 100_000 }))).toBe('kernel-too-large');
    expect(codeOf(() => identifyKernel(gzip(image), { maxBytes: 100_000 }))).toBe('no error');
    expect(codeOf(() => identifyKernel(gzip(image), { maxBytes: 99_999 }))).toBe('kernel-too-large');
  });

  test('that is damaged or cut off anywhere is refused, unless the damage is to unused bits', () => {
    const original = makeImage({ size: 512 });
    const packed = gzip(original);
    for (let length = 3; length < packed.length; length++) {
      expect(
        codeOf(() => identifyKernel(packed.subarray(0, length))),
        `cut to ${length}`,
      ).toBe('gzip-corrupt');
    }
    for (let at = 10; at < packed.length; at++) {
      const damaged = packed.slice();
      damaged[at]! ^= 0x10;
      const code = codeOf(() => expect(identifyKernel(damaged).payload, `byte ${at}`).toEqual(original));
      if (code !== 'no error') expect(['gzip-corrupt', 'kernel-too-large']).toContain(code);
      else expect(at, 'the only unused bits are in the last byte of the data').toBe(packed.length - 9);
    }
  });

  test('may have a file name and other fields in its header', () => {
    const packed = gzip(image);
    const fields = [4, 0, 1, 2, 3, 4, ...new TextEncoder().encode('Image\0comment\0'), 0xaa, 0xbb];
    const rich = new Uint8Array(packed.length + fields.length);
    rich.set(packed.subarray(0, 10));
    rich.set(fields, 10);
    rich.set(packed.subarray(10), 10 + fields.length);
    rich[3] = 0x1e;
    expect(Buffer.compare(identifyKernel(rich).payload, image)).toBe(0);
  });

  test('may not be nested', () => {
    expect(codeOf(() => identifyKernel(gzip(gzip(image))))).toBe('kernel-nested');
  });

  test('unpacks whatever zlib packs, at any level and with any strategy', () => {
    const strategies = [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY, constants.Z_RLE];
    const data = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 3000 }))
        .map(([unit, count]) => new Uint8Array(unit.length * count).map((_, i) => unit[i % unit.length]!)),
    );
    fc.assert(
      fc.property(data, fc.constantFrom(...strategies), fc.constantFrom(0, 1, 9), (bytes, strategy, level) => {
        const packed = pad(new Uint8Array(deflateRawSync(bytes, { strategy, level })), 7, 0xa5);
        const { bytes: unpacked, end } = inflate(packed, 0, bytes.length);
        expect(Buffer.compare(unpacked, bytes)).toBe(0);
        expect(end).toBe(packed.length - 7);
      }),
      { numRuns: 150 },
    );
  });
});

describe('uImage', () => {
  const image = makeImage();

  test('without load address leaves the place to the loader', () => {
    const kernel = identifyKernel(makeUImage(image));
    expect(kernel.formats).toEqual(['uimage', 'arm64-image']);
    expect(kernel.payload).toEqual(image);
    expect(kernel.loadAddress).toBeUndefined();
  });

  test('with a load address insists on it, and may hold bare code, also compressed', () => {
    const code = new Uint8Array(100).fill(0x1f);
    const kernel = identifyKernel(makeUImage(gzip(code), { load: 0x40200000, entry: 0x40200004, compression: 1 }));
    expect(kernel).toMatchObject({
      formats: ['uimage', 'gzip'],
      loadAddress: 0x40200000,
      entry: 0x40200004,
      imageSize: 100,
    });
    expect(kernel.payload).toEqual(code);
  });

  test('may come in a Buffer of Node, and is not changed', () => {
    const bytes = Buffer.from(makeUImage(image));
    const copy = Buffer.from(bytes);
    expect(identifyKernel(bytes).findings).toEqual([]);
    expect(Buffer.compare(bytes, copy)).toBe(0);
  });

  test('that is padded gets a remark', () => {
    expect(identifyKernel(pad(makeUImage(image), 10)).findings).toMatchObject([{ code: 'uimage-padded' }]);
  });

  test('whose data does not have the checksum of the header gets a warning', () => {
    const bytes = makeUImage(image);
    bytes[200]! ^= 1;
    expect(identifyKernel(bytes).findings).toMatchObject([{ code: 'uimage-data-checksum', severity: 'warning' }]);
  });

  test.each([
    ['several files', makeUImage(image, { type: 4 }), 'uimage-invalid'],
    ['a ramdisk', makeUImage(image, { type: 3 }), 'uimage-invalid'],
    ['a script', makeUImage(image, { type: 6 }), 'uimage-invalid'],
    ['the wrong checksum', makeUImage(image).map((byte, i) => (i === 0x20 ? byte ^ 1 : byte)), 'uimage-invalid'],
    ['more data than there is', makeUImage(image, { size: image.length + 1 }), 'uimage-invalid'],
    ['an unknown compression', makeUImage(image, { compression: 3 }), 'uimage-invalid'],
    ['an unknown architecture', makeUImage(image, { arch: 3 }), 'uimage-invalid'],
    ['an entry but no load address', makeUImage(image, { entry: 4 }), 'uimage-invalid'],
    ['a 32-bit kernel', makeUImage(image, { arch: 2 }), 'kernel-aarch32'],
  ])('with %s is refused', (_, bytes, code) => {
    expect(codeOf(() => identifyKernel(bytes))).toBe(code);
  });
});

describe('EFI zboot', () => {
  const image = makeImage({ size: 50_000 });
  const packed = gzip(image);

  test('holds a compressed Image, which is unpacked, also if the module is padded', () => {
    const kernel = identifyKernel(pad(makeZboot(packed), 100, 0xee));
    expect(kernel.formats).toEqual(['efi-zboot', 'gzip', 'arm64-image']);
    expect(Buffer.compare(kernel.payload, image)).toBe(0);
    expect(kernel.findings).toEqual([]);
  });

  test.each(['zstd', 'xzkern', 'lz4', 'lzma', '\x1b[2J'])(
    'compressed with %j is refused with what to do',
    (compression) => {
      const bytes = makeZboot(packed, { compression });
      expect(codeOf(() => identifyKernel(bytes))).toBe('zboot-compression');
      expect(() => identifyKernel(bytes)).toThrow(/^[\x20-\x7e]* gzip can be unpacked$/);
    },
  );

  test.each([
    ['a payload that begins in the header', makeZboot(packed, { offset: 32 }), 'zboot-invalid'],
    ['a payload that ends behind the image', makeZboot(packed, { offset: 65 }), 'zboot-invalid'],
    ['a payload larger than any file', makeZboot(packed, { size: 0xffffffff }), 'zboot-invalid'],
    ['no payload', makeZboot(packed, { size: 0 }), 'zboot-invalid'],
    ['a payload that is cut off', makeZboot(packed, { size: packed.length - 9 }), 'gzip-corrupt'],
    ['a payload without gzip header', makeZboot(image), 'gzip-corrupt'],
    ['another zboot image in it', makeZboot(gzip(makeZboot(packed))), 'kernel-nested'],
  ])('with %s is refused', (_, bytes, code) => {
    expect(codeOf(() => identifyKernel(bytes))).toBe(code);
  });
});

describe('other files', () => {
  test('a zImage of 32-bit Arm is refused by name', () => {
    const bytes = new Uint8Array(64);
    new DataView(bytes.buffer).setUint32(0x24, 0x016f2818, true);
    expect(codeOf(() => identifyKernel(bytes))).toBe('kernel-aarch32');
  });

  test('an ELF file is refused with the file to use instead', () => {
    expect(codeOf(() => identifyKernel(new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2])))).toBe('kernel-elf');
  });

  test('anything else is refused, and never crashes the parser', () => {
    expect(codeOf(() => identifyKernel(new Uint8Array(0)))).toBe('kernel-unknown');
    const zimg = [0x4d, 0x5a, 0, 0, 0x7a, 0x69, 0x6d, 0x67];
    const starts = [[0x1f, 0x8b, 8], [0x27, 0x05, 0x19, 0x56], [0x4d, 0x5a], zimg, []];
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 400 }), (start, rest) => {
        codeOf(() => identifyKernel(new Uint8Array([...start, ...rest]), { maxBytes: 10_000 }));
      }),
    );
  });
});
