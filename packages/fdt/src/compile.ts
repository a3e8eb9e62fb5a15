import { type DtsIncludeResolver, DtsLexer } from './dts-lexer.ts';
import { parseDtsFile } from './dts-parser.ts';
import { resolveDts } from './dts-resolve.ts';
import { DtsText } from './dts-source.ts';
import type { DtNode } from './node.ts';
import { DeviceTree } from './tree.ts';

export interface DtsCompileOptions {
  /** Name for error messages and for the include resolver; `input.dts` unless told. */
  readonly filename?: string | undefined;
  /** Reads files named by `/include/` and `/incbin/`; without it they are errors. */
  readonly include?: DtsIncludeResolver | undefined;
}

/**
 * Compiles device tree source, version 1, as dtc does: `writeFdt(compileDts(source))` is byte by byte what
 * `dtc -I dts -O dtb` writes. Throws {@link DtsError} with file, line and column at the first mistake.
 * C preprocessor directives are not part of the language, but the line markers it leaves are understood.
 */
export function compileDts(source: string, options: DtsCompileOptions = {}): DeviceTree {
  const lexer = new DtsLexer(new DtsText(options.filename ?? 'input.dts', source), options.include);
  const { tree, reservations } = parseDtsFile(lexer);
  const compiled = new DeviceTree(resolveDts(tree));
  compiled.reservations = reservations;
  compiled.bootCpuidPhys = guessBootCpu(compiled.root);
  return compiled;
}

/** dtc takes the first node below /cpus as the boot CPU, if its `reg` is one cell. */
function guessBootCpu(root: DtNode): number {
  const cpu = root.children.find((child) => child.name === 'cpus')?.children[0];
  return cpu?.prop('reg')?.value.length === 4 ? cpu.u32('reg')! : 0;
}
