/** A guest that does everything wrong, beside another one; for a few seconds. Minutes of it are in hostile.long.test.ts. */
import { expect, it } from 'vitest';
import { besideHostile, besideMs } from './hostile/beside.ts';

const SECONDS = 3;

it.each([
  ['GICv2', 2],
  ['GICv3', 1],
])(
  'a guest that does everything wrong, with a %s, harms nothing but itself',
  { timeout: besideMs(SECONDS) },
  async (_, seed) => {
    await besideHostile(seed, SECONDS);
    expect.hasAssertions();
  },
);
