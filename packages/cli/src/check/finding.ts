import type { DtsError, DtsLocation, DtsSourceMap, DtsSpan, TreeWarning } from '@dom0less/fdt';
import type { BoardDiagnostic } from '@dom0less/hypervisor/plan';
import { BUILD_DIAGNOSTICS } from '@dom0less/hypervisor/plan';
import { DIAGNOSTICS, type Severity } from '@dom0less/multiboot';
import type { Fix } from './fixes.ts';

/** One thing that `check` says. */
export interface CheckFinding {
  readonly severity: Severity;
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
  /** What Xen does with the same input. */
  readonly xen?: string;
  /** Node in the host tree; absent for an error of the source itself. */
  readonly path?: string;
  readonly property?: string;
  /** The property's value as it was read. */
  readonly value?: string;
  /** Node name of the domain that it concerns. */
  readonly domain?: string;
  /** Where it stands in the source; absent for a blob. */
  readonly location?: DtsLocation;
  /** The whole property, or the node's name, in the source. */
  readonly span?: DtsSpan;
  /** The sure repair. */
  readonly fix?: Fix;
}

/** Code of what keeps a source from being compiled. */
export const SOURCE_ERROR = 'dts-error';

/** The row of a code in the tables of diagnostics. */
export function ruleOf(
  code: string,
): { severity: Severity; message: string; remedy: string; xen?: string } | undefined {
  if (Object.hasOwn(DIAGNOSTICS, code)) return DIAGNOSTICS[code as keyof typeof DIAGNOSTICS];
  return Object.hasOwn(BUILD_DIAGNOSTICS, code) ? BUILD_DIAGNOSTICS[code as keyof typeof BUILD_DIAGNOSTICS] : undefined;
}

/** A diagnostic with its place in the source. */
export function locateDiagnostic(diagnostic: BoardDiagnostic, sourceMap: DtsSourceMap | undefined): CheckFinding {
  const { path, property } = diagnostic;
  const ofProperty = property === undefined ? undefined : sourceMap?.property(path, property);
  const location = ofProperty ?? sourceMap?.node(path);
  const span = ofProperty === undefined ? sourceMap?.nameSpan(path) : sourceMap?.propertySpan(path, property!);
  const xen = ruleOf(diagnostic.code)?.xen;
  return {
    ...diagnostic,
    ...(location === undefined ? {} : { location }),
    ...(span === undefined ? {} : { span }),
    ...(xen === undefined ? {} : { xen }),
  };
}

/** An error of the source. */
export function sourceFinding({ message, location, check }: DtsError): CheckFinding {
  // The message of the error itself stands between the place and the line that it quotes.
  const text = message.split('\n', 1)[0]!.slice(`${location.file}:${location.line}:${location.column}: `.length);
  const code = check === undefined ? SOURCE_ERROR : `${SOURCE_ERROR}-${check.replaceAll('_', '-')}`;
  return { severity: 'error', code, message: text, location };
}

/** Before dtc's name of a check, in a code. */
const DTC = 'dtc';

/** A finding of one of dtc's checks; `unit_address_vs_reg` has the code `dtc-unit-address-vs-reg`. */
export function dtcFinding(warning: TreeWarning, sourceMap: DtsSourceMap | undefined): CheckFinding {
  const { code, severity, path, property, message, location } = warning;
  const span = property === undefined ? sourceMap?.nameSpan(path) : sourceMap?.propertySpan(path, property);
  return {
    severity,
    code: `${DTC}-${code.replaceAll('_', '-')}`,
    message,
    path,
    ...(property === undefined ? {} : { property }),
    ...(location === undefined ? {} : { location }),
    ...(span === undefined ? {} : { span }),
  };
}
