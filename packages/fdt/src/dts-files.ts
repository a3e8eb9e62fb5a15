import { DtsError, type DtsPosition, locationOf } from './dts-source.ts';

/** A file that a resolver found, with the name by which it is known: in messages, and as `from` of what it includes. */
export interface DtsFile {
  readonly file: string;
  readonly content: string | Uint8Array;
}

/**
 * Gives the content of a file named by `#include`, `/include/` or `/incbin/`, or undefined when there is none.
 * `from` is the file that names it, or empty for a name that begins with one of the `includePaths`; how names are
 * looked up is up to the resolver. Without a name in the answer, the file's is taken to be relative to `from`.
 */
export type DtsIncludeResolver = (name: string, from: string) => string | Uint8Array | DtsFile | undefined;

/** Includes within includes; deeper means a circle. */
export const MAX_INCLUDE_DEPTH = 64;
/** Characters or bytes of all files together, so that files which include each other many times end. */
const MAX_TOTAL_SIZE = 64 * 1024 * 1024;
/** A file counts for at least so much, so that many tiny ones end, too. */
const LEAST_SIZE = 4096;

/** `name` as seen from the file `from`. */
function relativeTo(from: string, name: string): string {
  return name.startsWith('/') ? name : from.slice(0, from.lastIndexOf('/') + 1) + name;
}

/** The files that a source names, as far as the resolver and the include paths have them. */
export class DtsFiles {
  readonly #resolver: DtsIncludeResolver | undefined;
  readonly #paths: readonly string[];
  #totalSize = 0;

  constructor(resolver: DtsIncludeResolver | undefined, paths: readonly string[] = []) {
    this.#resolver = resolver;
    this.#paths = paths;
  }

  /**
   * Reads a file. `"name"` is looked for beside the file that names it, then below each include path; `<name>` only
   * below the include paths. Throws DTS_ERR_INCLUDE.
   */
  read(name: string, at: DtsPosition, style: 'quotes' | 'brackets' = 'quotes'): DtsFile {
    const fail = (message: string): never => {
      throw new DtsError('DTS_ERR_INCLUDE', message, locationOf(at));
    };
    if (this.#resolver === undefined) return fail(`"${name}" cannot be read: no include resolver was given`);
    const found = this.#find(this.#resolver, name, at.source.fileAt(at.offset), style);
    if (found === undefined) {
      const where = style === 'brackets' || this.#paths.length > 0 ? ` (include paths: ${this.#paths.join(', ')})` : '';
      return fail(`file "${name}" is not found${where}`);
    }
    this.#totalSize += Math.max(found.content.length, LEAST_SIZE);
    if (this.#totalSize > MAX_TOTAL_SIZE) {
      fail(`included files have more than ${MAX_TOTAL_SIZE} bytes together`);
    }
    return found;
  }

  #find(resolver: DtsIncludeResolver, name: string, from: string, style: 'quotes' | 'brackets'): DtsFile | undefined {
    const named = (answer: ReturnType<DtsIncludeResolver>, file: string): DtsFile | undefined => {
      if (answer === undefined) return undefined;
      return typeof answer === 'string' || answer instanceof Uint8Array ? { file, content: answer } : answer;
    };
    const beside = style === 'quotes' ? named(resolver(name, from), relativeTo(from, name)) : undefined;
    if (beside !== undefined || name.startsWith('/')) return beside ?? named(resolver(name, ''), name);
    for (const path of this.#paths) {
      const file = `${path.replace(/\/$/, '')}/${name}`;
      const found = named(resolver(file, ''), file);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** A file's content as source text. */
export const textOf = (content: string | Uint8Array): string =>
  typeof content === 'string' ? content : new TextDecoder().decode(content);
