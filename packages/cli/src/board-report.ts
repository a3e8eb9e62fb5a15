import type { Board, DomainInfo } from '@dom0less/hypervisor';
import { type BoardDiagnostic, formatBoardDiagnostic } from '@dom0less/hypervisor/plan';
import type { BootPlan, DomainPlan } from '@dom0less/multiboot';
import { InputError } from './errors.ts';
import type { CliIo } from './io.ts';
import { diagnosticEvent } from './json-events.ts';
import { Output } from './output.ts';

/** The domain of a name: its node's, or that without unit address. */
export const findDomain = (plan: BootPlan, name: string): DomainPlan | undefined =>
  plan.domains.find((domain) => domain.nodeName === name) ?? plan.domains.find((domain) => domain.name === name);

/** What keeps a domain's console from ever showing something. */
function consoleProblem(domain: DomainPlan, info: DomainInfo | undefined): string | undefined {
  if (!domain.valid || info?.state === 'failed') return 'the domain can not be started';
  return domain.vpl011 ? undefined : `the domain has no console; give ${domain.path} the property vpl011`;
}

/**
 * Finds the domains whose consoles options are about.
 *
 * @param option The option's name.
 * @returns the wishes with node names as `domain`; problems are added to `problems`.
 */
export function resolveDomains<Wish extends { readonly domain: string; readonly regex: RegExp }>(
  option: '--expect' | '--send',
  wishes: readonly Wish[],
  { plan, board }: { readonly plan: BootPlan; readonly board?: Board | undefined },
  problems: string[],
): Wish[] {
  return wishes.map((wish) => {
    const what = `${option} ${wish.domain}=${wish.regex.source}`;
    const domain = findDomain(plan, wish.domain);
    if (domain === undefined) {
      const known = plan.domains.map(({ nodeName }) => nodeName).join(', ');
      problems.push(`${what}: there is no such domain; the tree describes ${known === '' ? 'none' : known}`);
      return wish;
    }
    const info = board?.domains.find(({ id }) => id === domain.id);
    const problem = consoleProblem(domain, info);
    if (problem !== undefined) problems.push(`${what}: the pattern can't be seen: ${problem}`);
    return { ...wish, domain: domain.nodeName };
  });
}

/** Prints every diagnostic, with `json` also as events. */
export function reportDiagnostics(diagnostics: readonly BoardDiagnostic[], io: CliIo, json = false): void {
  const output = new Output(io, { json });
  for (const diagnostic of diagnostics) {
    output.emit(diagnosticEvent(diagnostic));
    output.note(formatBoardDiagnostic(diagnostic));
  }
}

/** @throws {InputError} if two domains would share a log. */
export function logNames(domains: readonly DomainInfo[]): string[] {
  const names = domains.map(({ nodeName }) => nodeName);
  const twice = names.filter((name, at) => names.indexOf(name) !== at);
  if (twice.length === 0) return names;
  throw new InputError(twice.map((name) => `--console-log: two domains are called ${name}; rename one of them`));
}
