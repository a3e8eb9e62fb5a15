import { DIAGNOSTICS, type DiagnosticCode } from './diagnostic-table.ts';
import type { DiagnosticRow, Severity } from './diagnostics/row.ts';

/** What is wrong, before it is said where. */
export interface Finding {
  code: DiagnosticCode;
  severity: Severity;
  message: string;
  remedy: string;
}

/** A defect or a remark about the user's input, as data. */
export interface Diagnostic extends Finding {
  /** Path of the node in the host device tree. */
  path: string;
  /** Property of that node, where one is to blame. */
  property?: string;
  /** The property's value as DTS source, shortened if long. */
  value?: string;
  /** Node name (with unit address) of the domain that it concerns; absent if it concerns the board. */
  domain?: string;
}

/** Where a diagnostic belongs. */
export interface DiagnosticPlace {
  path: string;
  property?: string | undefined;
  value?: string | undefined;
  domain?: string | undefined;
}

type Rows = typeof DIAGNOSTICS;
type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never;

/** Names of the parameters that the texts of a code need. */
export type DiagnosticParameters<Code extends DiagnosticCode> = Record<
  Placeholders<Rows[Code]['message'] | Rows[Code]['remedy']>,
  string | number | bigint
>;

/** The parameters as an optional rest argument: none for a code whose texts have no placeholder. */
export type ParameterArguments<Code extends DiagnosticCode> =
  Record<never, never> extends DiagnosticParameters<Code> ? [] : [DiagnosticParameters<Code>];

const fill = (template: string, parameters: Record<string, string | number | bigint>): string =>
  template.replace(/\{(\w+)\}/g, (whole, name: string) => `${parameters[name] ?? whole}`);

/** Makes a finding from its table row and the parameters of its texts. */
export const finding = <Code extends DiagnosticCode>(
  code: Code,
  ...[parameters]: ParameterArguments<Code>
): Finding => {
  const row: DiagnosticRow = DIAGNOSTICS[code];
  const values: Record<string, string | number | bigint> = parameters ?? {};
  return { code, severity: row.severity, message: fill(row.message, values), remedy: fill(row.remedy, values) };
};

/** Says where a finding belongs, e.g. that of a kernel image at the module it was read from. */
export const locate = ({ code, severity, message, remedy }: Finding, place: DiagnosticPlace): Diagnostic => ({
  code,
  severity,
  path: place.path,
  ...(place.property === undefined ? {} : { property: place.property }),
  ...(place.value === undefined ? {} : { value: place.value }),
  message,
  remedy,
  ...(place.domain === undefined ? {} : { domain: place.domain }),
});

/** A finding and its place in one step. */
export const diagnose = <Code extends DiagnosticCode>(
  code: Code,
  place: DiagnosticPlace,
  ...parameters: ParameterArguments<Code>
): Diagnostic => locate(finding(code, ...parameters), place);

/**
 * One line of text: `error domain-memory-one-cell: /chosen/domU1: memory = <0x40000>: … (write memory = …)`.
 */
export const formatDiagnostic = (diagnostic: Diagnostic): string => {
  const { severity, code, path, property, value, message, remedy } = diagnostic;
  const at = property === undefined ? path : `${path}: ${property}${value === undefined ? '' : ` = ${value}`}`;
  return `${severity} ${code}: ${at}: ${message} (${remedy})`;
};
