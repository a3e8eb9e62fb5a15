import { readdirSync, readFileSync } from 'node:fs';
import { compileDts, type DeviceTree } from '../src/index.ts';

const folder = new URL('./fixtures/', import.meta.url);

/** Paths of all fixtures, relative to their folder. */
export const names: readonly string[] = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
export const blobs = names.filter((name) => name.endsWith('.dtb'));

export const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
export const textOf = (name: string): string => readFileSync(new URL(name, folder), 'utf8');

/** Compiles a source fixture; the files it includes stand beside it. */
export function compileFixture(name: string): DeviceTree {
  const include = (file: string) => {
    const path = name.replace(/[^/]*$/, file);
    return names.includes(path) ? bytesOf(path) : undefined;
  };
  return compileDts(textOf(name), { filename: name, include });
}

/** What `action` throws; fails when it throws nothing. */
export function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
