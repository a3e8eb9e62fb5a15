import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CpioEntry, INIT_SCRIPT, makeInitramfs, UP_MARKER, writeCpio } from '../src/guests/index.ts';

interface Read {
  path: string;
  mode: number;
  links: number;
  inode: number;
  rdev: [number, number];
  data: Uint8Array;
}

/** An independent reader of newc archives, after the kernel's description of the buffer format. */
function readCpio(archive: Uint8Array): Read[] {
  const text = new TextDecoder('latin1');
  const members: Read[] = [];
  let at = 0;
  for (;;) {
    const header = text.decode(archive.subarray(at, at + 110));
    expect(header).toMatch(/^070701[0-9A-F]{104}$/);
    const field = (index: number): number => Number.parseInt(header.slice(6 + 8 * index, 14 + 8 * index), 16);
    const nameBytes = archive.subarray(at + 110, at + 110 + field(11));
    expect(nameBytes.at(-1)).toBe(0);
    const path = new TextDecoder().decode(nameBytes.subarray(0, -1));
    at = (at + 110 + field(11) + 3) & ~3;
    const data = archive.slice(at, at + field(6));
    expect(data.length).toBe(field(6));
    at = (at + field(6) + 3) & ~3;
    if (path === 'TRAILER!!!') break;
    members.push({ path, mode: field(1), links: field(4), inode: field(0), rdev: [field(9), field(10)], data });
  }
  expect(at).toBe(archive.length);
  return members;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('writeCpio', () => {
  it('writes an empty archive as the trailer alone', () => {
    const archive = writeCpio([]);
    expect(new TextDecoder().decode(archive)).toBe(
      `070701${'00000000'.repeat(4)}00000001${'00000000'.repeat(6)}0000000B00000000TRAILER!!!\0\0\0\0`,
    );
  });

  it('gives each kind of member its file type, link count, device numbers and content', () => {
    const members = readCpio(
      writeCpio([
        { type: 'directory', path: 'dev', mode: 0o755 },
        { type: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
        { type: 'file', path: 'init', mode: 0o755, data: bytes('#!/bin/sh\n') },
        { type: 'symlink', path: 'sh', target: 'busybox' },
      ]),
    );
    expect(members).toEqual([
      { path: 'dev', mode: 0o040755, links: 2, inode: 1, rdev: [0, 0], data: bytes('') },
      { path: 'dev/console', mode: 0o020600, links: 1, inode: 2, rdev: [5, 1], data: bytes('') },
      { path: 'init', mode: 0o100755, links: 1, inode: 3, rdev: [0, 0], data: bytes('#!/bin/sh\n') },
      { path: 'sh', mode: 0o120777, links: 1, inode: 4, rdev: [0, 0], data: bytes('busybox') },
    ]);
  });

  it('keeps names and content of any length, aligned to four bytes', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((text) => !/[/\0]|^\.\.?$/.test(text));
    const files = fc.array(fc.record({ name, data: fc.uint8Array({ maxLength: 40 }) }), { maxLength: 6 });
    fc.assert(
      fc.property(files, (list) => {
        const entries = list.map(
          (file): CpioEntry => ({ type: 'file', path: file.name, mode: 0o644, data: file.data }),
        );
        const members = readCpio(writeCpio(entries));
        expect(members.map(({ path, data }) => ({ name: path, data }))).toEqual(
          list.map((file) => ({ name: new TextDecoder().decode(bytes(file.name)), data: file.data })),
        );
      }),
      { numRuns: 100 },
    );
  });

  it.each(['', '/init', 'a//b', './a', 'a/../b', 'a\0b', 'a/'])('refuses the path %j', (path) => {
    expect(() => writeCpio([{ type: 'directory', path, mode: 0o755 }])).toThrow(RangeError);
  });
});

describe('makeInitramfs', () => {
  const members = readCpio(makeInitramfs({ busybox: bytes('ELF') }));
  const named = (path: string): Read => members.find((member) => member.path === path)!;

  it('has every directory before what it holds', () => {
    const seen = new Set(['']);
    for (const { path, mode } of members) {
      expect(seen).toContain(path.split('/').slice(0, -1).join('/'));
      if ((mode & 0o170000) === 0o040000) seen.add(path);
    }
  });

  it('holds an executable busybox, an executable init and a console for it', () => {
    expect(named('bin/busybox')).toMatchObject({ mode: 0o100755, data: bytes('ELF') });
    expect(named('init')).toMatchObject({ mode: 0o100755, data: bytes(INIT_SCRIPT) });
    expect(named('dev/console')).toMatchObject({ mode: 0o020600, rdev: [5, 1] });
    expect(INIT_SCRIPT).toContain(`echo "${UP_MARKER} `);
  });

  it('takes another init and further members', () => {
    const other = readCpio(
      makeInitramfs({
        busybox: bytes('ELF'),
        init: '#!/bin/sh\n',
        extra: [{ type: 'file', path: 'etc/motd', mode: 0o644, data: bytes('hello') }],
      }),
    );
    expect(other.find(({ path }) => path === 'init')?.data).toEqual(bytes('#!/bin/sh\n'));
    expect(other.at(-1)?.path).toBe('etc/motd');
  });
});
