import { existsSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import {
  type CheckLevels,
  checkDts,
  type DeviceTree,
  type DtsError,
  type DtsIncludeResolver,
  type DtsSourceMap,
  FdtError,
  parseFdt,
  type TreeWarning,
} from '@dom0less/fdt';
import type { ModuleBytes } from '@dom0less/hypervisor/plan';
import { InputError, isSystemError, systemProblem } from './errors.ts';
import type { Load } from './option-values.ts';
import { FileModule, readWhole } from './read-file.ts';

/** Far above any real tree (Xen takes 2 MiB), so that a wrong file is refused before it is read. */
export const MAX_TREE_BYTES = 16 * 2 ** 20;
/** Files are loaded into the board's memory, which ends there. */
export const MAX_LOAD_BYTES = 2 ** 32;
const FDT_MAGIC = 0xd00dfeed;

const hex = (value: number): string => `0x${value.toString(16)}`;

/** True for what begins as a device tree blob does. */
export const isBlob = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === FDT_MAGIC;

/** A host tree, and where its nodes and properties stand if it was compiled from a source. */
export interface TreeFile {
  readonly tree: DeviceTree;
  readonly sourceMap?: DtsSourceMap;
  /** What dtc warns of in the source, if that was asked for. */
  readonly warnings: readonly TreeWarning[];
}

/** How {@link readTree} reads a source. */
export interface ReadTreeOptions {
  /** Folders where included files are looked for that are not beside the file that names them. */
  readonly include?: readonly string[] | undefined;
  /** Makes dtc's checks, as far as these say. */
  readonly checks?: CheckLevels | undefined;
}

/** The source does not compile: all its errors, each with its place. */
export class SourceError extends InputError {
  readonly errors: readonly DtsError[];

  constructor(errors: readonly DtsError[]) {
    super(errors.map(({ message }) => message));
    this.errors = errors;
  }
}

/** Finds files that a source names: `/include/` and `/incbin/` beside the file that they stand in. */
export const includeFiles: DtsIncludeResolver = (name, from) => {
  const file = resolve(dirname(from), name);
  if (!existsSync(file)) return undefined;
  const content = readWhole(file, `${from}: can't read ${name}`, MAX_TREE_BYTES);
  return { file: isAbsolute(name) ? name : join(dirname(from), name), content };
};

/** Folders in which Linux' build looks for headers, seen from the top of a tree of sources like its own. */
const HEADER_FOLDERS = ['scripts/dtc/include-prefixes', 'include'] as const;

/**
 * Folders for `#include`, as Linux' build has them: of the nearest folder above the source that has such headers.
 * `scripts/dtc/include-prefixes` leads to all of the kernel's sources and headers; else it is `include`, for
 * `dt-bindings/`.
 */
function headerFolders(path: string): string[] {
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    const found = HEADER_FOLDERS.map((name) => join(folder, name)).filter((name, i) =>
      existsSync(i === 0 ? name : join(name, 'dt-bindings')),
    );
    if (found.length > 0) return found;
    if (dirname(folder) === folder) return [];
  }
}

/** A line for the C preprocessor. Properties begin with a number sign too, but have other names. */
const DIRECTIVE = /^[ \t]*#[ \t]*(?:include|define|undef|if|ifdef|ifndef)\b(?!-)/m;

function compileFile(path: string, bytes: Uint8Array, { include = [], checks }: ReadTreeOptions): TreeFile {
  const source = new TextDecoder().decode(bytes);
  const preprocess = DIRECTIVE.test(source);
  const result = checkDts(source, {
    filename: path,
    include: includeFiles,
    includePaths: [...include, ...headerFolders(path)],
    ...(checks === undefined ? { disable: 'all' } : { levels: checks, plainPhandles: true }),
    preprocess,
  });
  if (result.tree === undefined) throw new SourceError(result.errors);
  return { tree: result.tree, sourceMap: result.sourceMap!, warnings: result.warnings };
}

/**
 * Reads a host device tree: a blob by its magic number, a source by its name (.dts). A source with lines for the C
 * preprocessor goes through it, as in Linux' build, and finds its headers there.
 *
 * @throws {SourceError} if the source has errors.
 * @throws {InputError} if the file can't be read or is not a device tree.
 */
export function readTree(path: string, options: ReadTreeOptions = {}): TreeFile {
  const bytes = readWhole(path, `can't read ${path}`, MAX_TREE_BYTES);
  try {
    if (/\.dts$/i.test(path)) return compileFile(path, bytes, options);
    if (isBlob(bytes) || /\.dtb$/i.test(path)) return { tree: parseFdt(bytes), warnings: [] };
  } catch (error) {
    if (error instanceof FdtError) throw new InputError([`${path}: ${error.message}`], { cause: error });
    throw error;
  }
  throw new InputError([
    `${path}: neither a device tree blob (it does not begin with ${hex(FDT_MAGIC)}) nor a source (*.dts)`,
  ]);
}

/** A file in host memory. */
export interface LoadedFile extends Load {
  readonly bytes: ModuleBytes;
}

/** What is wrong with where files lie. */
export function overlaps(files: readonly LoadedFile[]): string[] {
  const sorted = [...files].sort((a, b) => a.address - b.address);
  const problems: string[] = [];
  let last: LoadedFile | undefined;
  for (const one of sorted) {
    const end = last === undefined ? 0 : last.address + last.bytes.length;
    if (last !== undefined && one.address < end) {
      const range = ({ address, bytes, file }: LoadedFile): string =>
        `${file} at [${hex(address)}, ${hex(address + bytes.length)})`;
      problems.push(`${range(one)} overlaps ${range(last)}; load one of them elsewhere`);
    }
    if (last === undefined || one.address + one.bytes.length > end) last = one;
  }
  return problems;
}

/** Looks at the files that `--load` names. Whatever is wrong is added to `problems`, and the files concerned are left out. */
export function readLoads(loads: readonly Load[], problems: string[]): LoadedFile[] {
  return loads.flatMap((load) => {
    const option = `--load ${hex(load.address)}=${load.file}`;
    try {
      const bytes = new FileModule(load.file, `${option}: can't read the file`, MAX_LOAD_BYTES);
      if (bytes.length > 0) return [{ ...load, bytes }];
      problems.push(`${option}: the file is empty`);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(...error.problems);
    }
    return [];
  });
}

/**
 * Writes a file.
 *
 * @throws {InputError} if it exists and is not to be replaced, or can't be written.
 */
export function writeFile(path: string, content: Uint8Array | string, replace: boolean): void {
  if (existsSync(path) && !replace) throw new InputError([`${path}: the file exists; --force replaces it`]);
  try {
    writeFileSync(path, content);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new InputError([systemProblem(`can't write ${path}`, error)], { cause: error });
  }
}
