import type { Board, DomainInfo, PreparedBoard } from '@dom0less/hypervisor';
import { formatBoardDiagnostic } from '@dom0less/hypervisor';
import type { BootPlan, DomainPlan } from '@dom0less/multiboot';
import { InputError } from './errors.ts';
import type { CliIo } from './io.ts';
import type { Expectation } from './option-values.ts';

const findDomain = (plan: BootPlan, name: string): DomainPlan | undefined =>
  plan.domains.find((domain) => domain.nodeName === name) ?? plan.domains.find((domain) => domain.name === name);

/** What keeps an expectation from ever being met. */
function expectationProblem(domain: DomainPlan, info: DomainInfo | undefined): string | undefined {
  if (!domain.valid || info?.state === 'failed') return 'it can not be started';
  return domain.vpl011 ? undefined : `it has no console; give ${domain.path} the property vpl011`;
}

/**
 * Finds the domains that expectations are about.
 *
 * @returns the expectations with node names as `domain`; problems are added to `problems`.
 */
export function resolveExpectations(
  expectations: readonly Expectation[],
  plan: BootPlan,
  board: Board | undefined,
  problems: string[],
): Expectation[] {
  return expectations.map((expectation) => {
    const option = `--expect ${expectation.domain}=${expectation.regex.source}`;
    const domain = findDomain(plan, expectation.domain);
    if (domain === undefined) {
      const known = plan.domains.map(({ nodeName }) => nodeName).join(', ');
      problems.push(`${option}: there is no such domain; the tree describes ${known === '' ? 'none' : known}`);
      return expectation;
    }
    const info = board?.domains.find(({ id }) => id === domain.id);
    const problem = expectationProblem(domain, info);
    if (problem !== undefined) problems.push(`${option}: the expectation can't be met: ${problem}`);
    return { ...expectation, domain: domain.nodeName };
  });
}

/** Prints every diagnostic, and gives the board if there is one. */
export function reportPrepared({ board, diagnostics }: PreparedBoard, io: CliIo): Board | undefined {
  for (const diagnostic of diagnostics) io.stderr.write(`${formatBoardDiagnostic(diagnostic)}\n`);
  return board;
}

/** @throws {InputError} if two domains would share a log. */
export function logNames(domains: readonly DomainInfo[]): string[] {
  const names = domains.map(({ nodeName }) => nodeName);
  const twice = names.filter((name, at) => names.indexOf(name) !== at);
  if (twice.length === 0) return names;
  throw new InputError(twice.map((name) => `--console-log: two domains are called ${name}; rename one of them`));
}
