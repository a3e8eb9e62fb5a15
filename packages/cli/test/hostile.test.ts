/** A guest that does everything wrong, beside another one; for a few seconds. Minutes of it are in hostile.long.test.ts. */
import { expect, it } from 'vitest';
import { besideHostile, besideMs } from './hostile/beside.ts';

const SECONDS = 4;

it('a guest that does everything wrong harms nothing but itself', { timeout: besideMs(SECONDS) }, async () => {
  await besideHostile(1, SECONDS);
  expect.hasAssertions();
});
