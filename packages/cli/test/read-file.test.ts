/** Files in host memory that are read where they are used. */
import { mkdirSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModuleReadError } from '@dom0less/hypervisor/plan';
import { describe, expect, it } from 'vitest';
import { InputError } from '../src/errors.ts';
import { FileModule } from '../src/read-file.ts';
import { Folder } from './boards.ts';

const folder = new Folder();

const open = (path: string, most = 1e6): FileModule => new FileModule(path, `can't read ${path}`, most);
const bytes = Uint8Array.from({ length: 5000 }, (_, n) => n * 7);

describe('a file in host memory', () => {
  it('is read in parts, into shared memory too', () => {
    const module = open(folder.put('file', bytes));
    expect(module.length).toBe(5000);
    const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const into = new Uint8Array(buffer, 100, 1000);
    module.read(3000, into);
    expect([...into]).toEqual([...bytes.subarray(3000, 4000)]);
    expect(new Uint8Array(buffer, 0, 100).every((byte) => byte === 0)).toBe(true);
    expect(new Uint8Array(buffer, 1100, 100).every((byte) => byte === 0)).toBe(true);
    module.read(0, new Uint8Array(0));
  });

  it('is refused at once where it can not be used, by the name of what it is for', () => {
    const directory = join(folder.path, 'folder');
    mkdirSync(directory);
    for (const [path, most, problem] of [
      [join(folder.path, 'none'), 10, 'no such file'],
      [directory, 10, 'it is a directory'],
      ['/dev/null', 10, 'it is no regular file'],
      [folder.put('large', bytes), 4999, 'it has 5000 bytes; at most 4999 can be used'],
    ] as const) {
      expect(() => open(path, most)).toThrow(InputError);
      expect(() => open(path, most)).toThrow(`can't read ${path}: ${problem}`);
    }
  });

  it.each([
    [
      'was written again',
      (path: string) =>
        writeFileSync(
          path,
          bytes.map((byte) => byte + 1),
        ),
      'has changed',
    ],
    ['is shorter', (path: string) => truncateSync(path, 4999), 'has changed'],
    ['has another time', (path: string) => utimesSync(path, 1, 1), 'has changed'],
    [
      'is another one, of the same size and time',
      (path: string) => {
        writeFileSync(`${path}.new`, bytes);
        utimesSync(`${path}.new`, 5, 5);
        renameSync(`${path}.new`, path);
      },
      'has changed',
    ],
    ['is gone', (path: string) => rmSync(path), 'no such file'],
  ])('is not read any more when it %s', (_, change, problem) => {
    const path = folder.put('changing', bytes);
    utimesSync(path, 5, 5);
    const module = open(path);
    module.read(0, new Uint8Array(5000));
    change(path);
    for (const into of [new Uint8Array(10), new Uint8Array(5000)]) {
      expect(() => module.read(0, into)).toThrow(ModuleReadError);
      expect(() => module.read(0, into)).toThrow(problem);
      expect(() => module.read(0, into)).toThrow(path);
    }
  });
});
