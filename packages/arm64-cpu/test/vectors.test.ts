import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { WAYS } from './board.ts';
import { runVectors } from './vectors.ts';

const fixtures = new URL('./fixtures/', import.meta.url);

/** In translated code each case is a module of its own: long test runs do them all, others some. */
const STEP = process.env.DOM0LESS_LONG === '1' ? 1 : 7;

const ways = WAYS.map((way) => ({ ...way, step: way.translate ? STEP : 1 }));

describe.each(ways)('code that is $how agrees with the recorded vectors', (options) => {
  for (const name of readdirSync(fixtures).filter((f) => f.endsWith('.bin.gz'))) {
    it(name, { timeout: 120_000 }, () => {
      const result = runVectors(new Uint8Array(gunzipSync(readFileSync(new URL(name, fixtures)))), options);
      expect(result.failures).toEqual([]);
      expect(result.passed).toBeGreaterThan(500 / options.step);
    });
  }
});
