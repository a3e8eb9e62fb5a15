import { identifyKernel } from '@dom0less/multiboot';
import { describe, expect, it } from 'vitest';
import { SMALL_GUESTS, smallGuest } from '../src/small-guests/index.ts';

describe('small guests', () => {
  it.each(SMALL_GUESTS)('%s is an arm64 Image that fits its own header', (name) => {
    const bytes = smallGuest(name);
    const kernel = identifyKernel(bytes);
    expect(kernel).toMatchObject({ formats: ['arm64-image'], textOffset: 0, imageSize: bytes.length });
  });
});
