import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { runVectors } from './vectors.ts';

const fixtures = new URL('./fixtures/', import.meta.url);

describe('the interpreter agrees with the recorded vectors', () => {
  for (const name of readdirSync(fixtures).filter((f) => f.endsWith('.bin.gz'))) {
    it(name, { timeout: 60_000 }, () => {
      const result = runVectors(new Uint8Array(gunzipSync(readFileSync(new URL(name, fixtures)))));
      expect(result.failures).toEqual([]);
      expect(result.passed).toBeGreaterThan(500);
    });
  }
});
