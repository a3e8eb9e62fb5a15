/**
 * A guest that does everything wrong, beside another one, for a minute with each of three seeds. By hand, for as long and
 * with as many seeds as there is time for:
 *
 *   DOM0LESS_LONG=1 DOM0LESS_HOSTILE_SEEDS=7,8,9 DOM0LESS_HOSTILE_MINUTES=30 npx vitest run --project cli hostile.long
 *
 * `DOM0LESS_HOSTILE_SEEDS=random` draws one and says which.
 */
import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { besideHostile, besideMs } from './hostile/beside.ts';

const { DOM0LESS_HOSTILE_SEEDS = '11,12,13', DOM0LESS_HOSTILE_MINUTES = '1' } = process.env;
const seeds =
  DOM0LESS_HOSTILE_SEEDS === 'random' ? [randomInt(2 ** 31)] : DOM0LESS_HOSTILE_SEEDS.split(',').map(Number);
const seconds = Number(DOM0LESS_HOSTILE_MINUTES) * 60;

it.each(seeds)(
  'a guest that does everything wrong, from seed %d, harms nothing but itself',
  { timeout: besideMs(seconds) },
  async (seed) => {
    await besideHostile(seed, seconds);
    expect.hasAssertions();
  },
);
