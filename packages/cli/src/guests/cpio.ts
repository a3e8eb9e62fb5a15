/**
 * The "newc" cpio archive format, as the Linux kernel's initramfs unpacker reads it
 * (Documentation/driver-api/early-userspace/buffer-format.rst).
 */

/** File type bits of `st_mode` (POSIX `<sys/stat.h>`). */
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFCHR = 0o020000;
const S_IFLNK = 0o120000;

/** One member of an archive. `path` is relative, without a leading slash; `mode` holds the permission bits only. */
export type CpioEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode: number }
  | { readonly type: 'file'; readonly path: string; readonly mode: number; readonly data: Uint8Array }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  | {
      readonly type: 'character-device';
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

interface Member {
  readonly path: string;
  readonly mode: number;
  readonly links: number;
  readonly data: Uint8Array;
  readonly major: number;
  readonly minor: number;
}

const HEADER_BYTES = 110;
const ALIGNMENT = 4;
const MAX_FILE_BYTES = 0xffffffff;
const NOTHING = new Uint8Array(0);
const TRAILER: Member = { path: 'TRAILER!!!', mode: 0, links: 1, data: NOTHING, major: 0, minor: 0 };

const encoder = new TextEncoder();
const aligned = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;
const hex8 = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');

function memberOf(entry: CpioEntry): Member {
  const plain = { path: entry.path, links: 1, data: NOTHING, major: 0, minor: 0 };
  switch (entry.type) {
    case 'directory':
      return { ...plain, mode: S_IFDIR | entry.mode, links: 2 };
    case 'file':
      return { ...plain, mode: S_IFREG | entry.mode, data: entry.data };
    case 'symlink':
      return { ...plain, mode: S_IFLNK | 0o777, data: encoder.encode(entry.target) };
    case 'character-device':
      return { ...plain, mode: S_IFCHR | entry.mode, major: entry.major, minor: entry.minor };
  }
}

/** Field order of a newc header; owner, time and device of the containing file system are zero, so equal entries give equal bytes. */
function headerOf(member: Member, inode: number, nameBytes: number): string {
  const fields = [
    inode,
    member.mode,
    0, // uid
    0, // gid
    member.links,
    0, // mtime
    member.data.length,
    0, // devmajor
    0, // devminor
    member.major,
    member.minor,
    nameBytes,
    0, // check: always zero in newc
  ];
  return `070701${fields.map(hex8).join('')}`;
}

function checkPath(path: string): void {
  const parts = path.split('/');
  if (path === '' || path.includes('\0') || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new RangeError(`cpio: path ${JSON.stringify(path)} is not a plain relative path`);
  }
}

/**
 * Writes an uncompressed newc archive with its trailer, in the order given: a directory has to come before what it holds.
 *
 * @throws {RangeError} on a path that is empty, absolute or has `.` or `..` parts, and on a file of 4 GiB or more.
 */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const members = entries.map((entry) => {
    checkPath(entry.path);
    return memberOf(entry);
  });
  const named = [...members, TRAILER].map((member) => ({ member, name: encoder.encode(`${member.path}\0`) }));
  let total = 0;
  for (const { member, name } of named) {
    if (member.data.length > MAX_FILE_BYTES) {
      throw new RangeError(
        `cpio: ${member.path} has ${member.data.length} bytes; newc holds at most ${MAX_FILE_BYTES}`,
      );
    }
    total += aligned(HEADER_BYTES + name.length) + aligned(member.data.length);
  }
  const archive = new Uint8Array(total);
  let at = 0;
  named.forEach(({ member, name }, index) => {
    const inode = member === TRAILER ? 0 : index + 1;
    archive.set(encoder.encode(headerOf(member, inode, name.length)), at);
    archive.set(name, at + HEADER_BYTES);
    at += aligned(HEADER_BYTES + name.length);
    archive.set(member.data, at);
    at += aligned(member.data.length);
  });
  return archive;
}
