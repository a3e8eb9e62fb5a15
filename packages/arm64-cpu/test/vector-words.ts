import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parseVectors } from './vector-file.ts';

const fixtures = new URL('./fixtures/', import.meta.url);

/** Every instruction word of the vector files among the fixtures, once, in ascending order. */
export function vectorWords(folder: URL | string = fixtures): Uint32Array {
  const words = new Set<number>();
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.bin.gz'))) {
    const file = typeof folder === 'string' ? `${folder}/${name}` : new URL(name, folder);
    for (const one of parseVectors(new Uint8Array(gunzipSync(readFileSync(file))))) {
      for (const word of one.words) words.add(word >>> 0);
    }
  }
  return Uint32Array.from(words).sort();
}
