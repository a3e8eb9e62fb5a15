import type { Finding, ParameterArguments } from './diagnostic.ts';
import { finding } from './diagnostic.ts';
import type { KERNEL_DIAGNOSTICS } from './diagnostics/kernel.ts';

/** Codes of the diagnostics about kernel images and their placement. */
export type KernelCode = keyof typeof KERNEL_DIAGNOSTICS;

/**
 * A kernel image that cannot be used. The input is to blame, not this package: `finding` holds code, message and
 * remedy as data, and `locate(error.finding, place)` makes a diagnostic of it.
 */
export class KernelImageError extends Error {
  override readonly name = 'KernelImageError';
  readonly finding: Finding;

  constructor(cause: Finding) {
    super(cause.message);
    this.finding = cause;
  }

  /** Stable name of the defect. */
  get code(): KernelCode {
    return this.finding.code as KernelCode;
  }

  /** What to do about it. */
  get remedy(): string {
    return this.finding.remedy;
  }
}

/** Makes the error of a code, with the parameters of its texts. */
export const kernelError = <Code extends KernelCode>(
  code: Code,
  ...parameters: ParameterArguments<Code>
): KernelImageError => new KernelImageError(finding(code, ...parameters));
