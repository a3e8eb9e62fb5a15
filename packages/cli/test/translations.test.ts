/** Files of kept translations: whole, ours, not too many. */
import { chmodSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CacheFolder } from '../src/cache/cache-folder.ts';
import { decodeFile, encodeFile, type KeptTranslations } from '../src/translations/cache-file.ts';
import { Folder } from './boards.ts';

const folder = new Folder();
let folders = 0;
const newPath = (): string => join(folder.path, `cache${++folders}`);

const KEPT: KeptTranslations = {
  regions: Uint8Array.from({ length: 40 }, (_, n) => n),
  wire: Uint8Array.from({ length: 13 }, (_, n) => 3 * n),
  ages: Uint8Array.of(1, 2, 3),
  native: Uint8Array.from({ length: 21 }, (_, n) => 5 * n),
  optimized: 2,
};
const FILE = Buffer.concat(encodeFile('us', KEPT));

describe('a file of translations', () => {
  it('gives back what was put into it', () => {
    const read = decodeFile('us', FILE)!;
    expect(read.optimized).toBe(2);
    for (const part of ['regions', 'wire', 'ages', 'native'] as const) {
      expect(new Uint8Array(read[part])).toEqual(KEPT[part]);
    }
  });

  it('is not taken from another build or runtime, with any byte changed, cut anywhere, or with more behind it', () => {
    expect(decodeFile('them', FILE)).toBeUndefined();
    for (let at = 0; at < FILE.length; at++) {
      const changed = Buffer.from(FILE);
      changed[at]! ^= 1 << (at % 8);
      expect(decodeFile('us', changed)).toBeUndefined();
      expect(decodeFile('us', FILE.subarray(0, at))).toBeUndefined();
    }
    expect(decodeFile('us', Buffer.concat([FILE, Buffer.alloc(8)]))).toBeUndefined();
  });
});

describe('the folder of translations', () => {
  it('is its owner’s alone, and so are its files', () => {
    const path = newPath();
    const cache = new CacheFolder(path);
    expect(cache.read('a')).toBeUndefined();
    expect(cache.write('a', [Uint8Array.of(1, 2), Uint8Array.of(3)])).toBe(true);
    expect([...cache.read('a')!]).toEqual([1, 2, 3]);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, 'a.pack')).mode & 0o777).toBe(0o600);
    chmodSync(join(path, 'a.pack'), 0o620);
    expect(cache.read('a')).toBeUndefined();
    chmodSync(join(path, 'a.pack'), 0o600);
    chmodSync(path, 0o777);
    expect(cache.read('a')).toBeUndefined();
    expect(cache.write('a', [Uint8Array.of(4)])).toBe(false);
  });

  it('keeps below its size what was read last, and the file just written whatever its size', () => {
    const path = newPath();
    const cache = new CacheFolder(path, 250);
    for (const name of ['a', 'b']) cache.write(name, [new Uint8Array(100)]);
    cache.read('a');
    cache.write('c', [new Uint8Array(100)]);
    expect(readdirSync(path)).toHaveLength(2);
    expect(cache.read('c')).toHaveLength(100);
    // The clock of file systems may be behind.
    const later = new Date(Date.now() + 10_000);
    utimesSync(join(path, 'c.pack'), later, later);
    cache.write('d', [new Uint8Array(1000)]);
    expect(readdirSync(path)).toEqual(['d.pack']);
  });

  it('has whole files however many write at once', async () => {
    const path = newPath();
    const write = async (n: number): Promise<void> => {
      for (let k = 0; k < 20; k++) {
        new CacheFolder(path).write('a', encodeFile('us', { ...KEPT, native: new Uint8Array(1000 * n).fill(n) }));
        await new Promise((resolve) => setImmediate(resolve));
        expect(decodeFile('us', new CacheFolder(path).read('a')!)).toBeDefined();
      }
    };
    await Promise.all([1, 2, 3, 4].map(write));
    expect(readdirSync(path)).toEqual(['a.pack']);
  });

  it('with a file of something else is as one that is empty', () => {
    const path = newPath();
    const cache = new CacheFolder(path);
    cache.write('a', [Uint8Array.of(1)]);
    for (const name of readdirSync(path)) writeFileSync(join(path, name), 'nonsense');
    expect(decodeFile('us', readFileSync(join(path, 'a.pack')))).toBeUndefined();
  });
});
