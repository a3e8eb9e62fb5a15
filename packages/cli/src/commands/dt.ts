import { parseFdt, printDts } from '@dom0less/fdt';
import { guestTree } from '@dom0less/hypervisor/plan';
import { parseBootPlan } from '@dom0less/multiboot';
import { findDomain, reportDiagnostics } from '../board-report.ts';
import { EXIT, InputError } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { type InputFlags, readBoardInput } from './board-input.ts';

/** Formats of a tree, as for dtc. */
const FORMATS = ['dts', 'dtb'] as const;

/** Options of `dt`. */
export interface DtFlags extends InputFlags {
  readonly output?: string;
}

/**
 * `dom0less dt BOARD DOMAIN`: writes the device tree that a domain will get to stdout, and boots nothing.
 *
 * @returns the exit code.
 * @throws {InputError} if there is no such tree; diagnostics of the board and of that domain were printed.
 */
export async function dtCommand(path: string, name: string, flags: DtFlags, io: CliIo): Promise<number> {
  const problems: string[] = [];
  const format = FORMATS.find((one) => one === (flags.output ?? 'dts'));
  if (format === undefined) problems.push(`-O ${flags.output}: expected dts or dtb`);
  const { tree, modules } = readBoardInput(path, flags, problems, io);
  if (tree === undefined || problems.length > 0) throw new InputError(problems);
  const { plan, diagnostics } = parseBootPlan(tree);
  const domain = findDomain(plan, name);
  reportDiagnostics(
    diagnostics.filter((one) => one.domain === undefined || one.domain === domain?.nodeName),
    io,
  );
  if (domain === undefined) {
    const known = plan.domains.map(({ nodeName }) => nodeName).join(', ');
    throw new InputError([`there is no domain ${name}; the tree describes ${known === '' ? 'none' : known}`]);
  }
  const made = domain.valid ? guestTree(plan, domain, modules) : undefined;
  reportDiagnostics(made?.diagnostics ?? [], io);
  if (made?.dtb === undefined) throw new InputError([`${name} can not be built, so it has no tree`]);
  io.stdout.write(format === 'dtb' ? made.dtb : printDts(parseFdt(made.dtb)));
  return EXIT.done;
}
