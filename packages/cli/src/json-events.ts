import type { BoardDiagnostic, BoardEvent, Panic } from '@dom0less/hypervisor';

/** One line of `--json`. */
export type JsonEvent = { readonly event: string } & Readonly<Record<string, unknown>>;

/** An event of the board. `nameOf` gives a domain's name. */
export function boardEvent(event: BoardEvent, nameOf: (domain: number) => string): JsonEvent {
  if (event.type === 'log') return { event: 'log', line: event.line };
  if (event.type === 'domain') {
    const { name, domain, state, reason, restarting } = event;
    return { event: 'domain', domain: name, id: domain, state, reason, restarting };
  }
  return { event: 'console', domain: nameOf(event.domain), base64: Buffer.from(event.bytes).toString('base64') };
}

export const panicEvent = (domain: string, id: number, { system, line }: Panic): JsonEvent => ({
  event: 'panic',
  domain,
  id,
  system,
  line,
});

export const diagnosticEvent = (diagnostic: BoardDiagnostic): JsonEvent => ({
  event: 'diagnostic',
  ...diagnostic,
});

/** Instructions that each vCPU of a domain has executed, at the end of deterministic mode. */
export const instructionsEvent = (domain: string, id: number, vcpus: readonly number[]): JsonEvent => ({
  event: 'instructions',
  domain,
  id,
  vcpus,
});

/** RAM of the board that is backed when the session ends, in bytes: blocks of 2 MiB. */
export const memoryEvent = (backedBytes: number): JsonEvent => ({ event: 'memory', backedBytes });

export const exitEvent = (code: number): JsonEvent => ({ event: 'exit', code });

export const jsonLine = (event: JsonEvent): string => `${JSON.stringify(event)}\n`;
