import type { DtNode } from '@dom0less/fdt';
import { type Diagnostic, diagnose, type ParameterArguments } from './diagnostic.ts';
import type { DiagnosticCode } from './diagnostic-table.ts';
import { renderValue } from './property.ts';

/** Collects diagnostics, for the board or for one domain, and remembers whether one was an error. */
export class Reporter {
  readonly #diagnostics: Diagnostic[];
  readonly #domain: string | undefined;
  /** True once an error was reported here. */
  failed = false;

  constructor(diagnostics: Diagnostic[], domain?: string) {
    this.#diagnostics = diagnostics;
    this.#domain = domain;
  }

  /** A reporter for one domain that writes to the same list. */
  forDomain(nodeName: string): Reporter {
    return new Reporter(this.#diagnostics, nodeName);
  }

  /** Reports a defect of a node, or of a property of it. */
  report<Code extends DiagnosticCode>(
    code: Code,
    node: DtNode,
    property: string | undefined,
    ...parameters: ParameterArguments<Code>
  ): void {
    const value = property === undefined ? undefined : node.prop(property)?.value;
    const place = { path: node.path, property, value: value && renderValue(value), domain: this.#domain };
    this.#add(diagnose(code, place, ...parameters));
  }

  /** Reports a defect at a place that is no node, as an entry of the reservation block. */
  reportAt<Code extends DiagnosticCode>(code: Code, path: string, ...parameters: ParameterArguments<Code>): void {
    this.#add(diagnose(code, { path, domain: this.#domain }, ...parameters));
  }

  #add(diagnostic: Diagnostic): void {
    this.#diagnostics.push(diagnostic);
    if (diagnostic.severity === 'error') this.failed = true;
  }
}
