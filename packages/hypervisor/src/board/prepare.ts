/** From a host device tree and files to domains in memory. */
import { BLOCK_BYTES } from '@dom0less/arm64-cpu';
import type { DeviceTree } from '@dom0less/fdt';
import { type BootModule, type BootPlan, type DomainPlan, parseBootPlan, type ValidDomain } from '@dom0less/multiboot';
import { boardLines, domainLines, memoryLines } from '../domain/boot-log.ts';
import { buildDomain, IPA_BITS } from '../domain/build-domain.ts';
import { type PlannedDomain, planDomain } from '../domain/plan-domain.ts';
import { BoardMemory, OutOfBlocksError } from '../memory/board-memory.ts';
import { makeMemory } from '../memory/make-memory.ts';
import { PaAllocator } from '../memory/pa-allocator.ts';
import type { PcpuDomain } from '../pcpu/init.ts';
import { hostTime, SystemCounter } from '../pcpu/system-counter.ts';
import { type BoardDiagnostic, buildDiagnostic } from './diagnostic.ts';

/** What a board is made from. */
export interface BoardOptions {
  /** The host device tree. */
  readonly tree: DeviceTree;
  /** Files in host memory, by the host physical address of their first byte. */
  readonly modules: ReadonlyMap<number, Uint8Array>;
  /** True: any error, also of one domain only, keeps the board from being made, as with Xen. */
  readonly strict?: boolean;
  /** Host time in ms since 1970, never going back; `performance` if absent. */
  readonly now?: () => number;
}

/** A board's parts, built. */
export interface BuiltBoard {
  readonly wasmMemory: WebAssembly.Memory;
  readonly memory: BoardMemory;
  readonly plan: BootPlan;
  readonly domains: readonly PcpuDomain[];
  /** Why a domain of the plan was not built, by id. */
  readonly failures: ReadonlyMap<number, string>;
  readonly log: readonly string[];
  readonly counterFrequency: number;
  readonly counterEpoch: number;
  /** True: Xen's command line asks for messages about guests. */
  readonly logsGuests: boolean;
}

/** The counter of QEMU's virt board, where the host tree does not tell another. */
const DEFAULT_FREQUENCY = 62_500_000;
const PCPUS = 1;
const MIB = 2 ** 20;
/** Without it, as in Xen's release builds, messages about guests below warnings are not shown. */
const LOGS_GUESTS = /(^|\s)guest_loglvl=(\w+\/)?(all|debug|info)(\s|$)/;

const ownModules = ({ modules }: DomainPlan): BootModule[] =>
  [modules.kernel, modules.ramdisk, modules.deviceTree].filter((module) => module !== undefined);

/** Host memory that domains may have: all but what is reserved or holds boot modules. */
const makeAllocator = ({ host, dom0, domains }: BootPlan): PaAllocator => {
  const modules = [...dom0.modules, ...domains.flatMap(ownModules)];
  const taken = [...host.reserved, ...modules.map(({ address, size }) => ({ start: address, size }))];
  return new PaAllocator(host.memory, taken);
};

/** Collects diagnostics, and the first error of each domain. */
class Findings {
  readonly diagnostics: BoardDiagnostic[];
  readonly failures = new Map<number, string>();

  constructor(diagnostics: readonly BoardDiagnostic[], domains: readonly DomainPlan[]) {
    this.diagnostics = [...diagnostics];
    for (const { id, nodeName, valid } of domains) {
      if (valid) continue;
      const error = diagnostics.find(({ severity, domain }) => severity === 'error' && domain === nodeName);
      this.failures.set(id, error?.message ?? 'the device tree does not describe it fully');
    }
  }

  /** What is reported while domain `id` is worked on. */
  readonly reporter =
    (id: number) =>
    (diagnostic: BoardDiagnostic): void => {
      this.diagnostics.push(diagnostic);
      if (diagnostic.severity === 'error' && !this.failures.has(id)) this.failures.set(id, diagnostic.message);
    };

  /** True if a board can come of it: no error of the board itself; none at all if `strict`. */
  passes(strict: boolean): boolean {
    return !this.diagnostics.some(({ severity, domain }) => severity === 'error' && (strict || domain === undefined));
  }
}

const planAll = (plan: BootPlan, modules: ReadonlyMap<number, Uint8Array>, findings: Findings): PlannedDomain[] => {
  const allocator = makeAllocator(plan);
  const valid = plan.domains.filter((domain): domain is ValidDomain => domain.valid);
  return valid.flatMap((domain) => {
    const context = { host: plan.host, modules, allocator, report: findings.reporter(domain.id) };
    return planDomain(domain, context) ?? [];
  });
};

const blocksOf = ({ ram, tables }: PlannedDomain): number =>
  [...ram, ...tables].reduce((sum, { size }) => sum + size / BLOCK_BYTES, 0);

/** Puts the planned domains into a new memory. One that does not fit is reported and left out. */
const buildAll = (
  plan: BootPlan,
  planned: readonly PlannedDomain[],
  now: () => number,
  findings: Findings,
): BuiltBoard => {
  const counterFrequency = plan.host.timerClockFrequency ?? DEFAULT_FREQUENCY;
  const counterEpoch = now();
  const counter = new SystemCounter(counterFrequency, counterEpoch, now);
  const blocksWanted = planned.reduce((sum, one) => sum + blocksOf(one), 0);
  const cpus = planned.map(({ domain }) => domain);
  const { memory: wasmMemory, layout } = makeMemory({ pcpus: PCPUS, domains: cpus, blocksWanted });
  const available = (layout.blockCount * BLOCK_BYTES) / MIB;
  if (layout.blockCount < blocksWanted) {
    const texts = { found: (blocksWanted * BLOCK_BYTES) / MIB, available };
    findings.diagnostics.push(buildDiagnostic('memory-budget', { path: '/chosen' }, texts));
  }
  const memory = new BoardMemory(wasmMemory, layout);
  const log = memoryLines(plan);
  const domains = planned.flatMap((one, n) => {
    log.push(...domainLines(one));
    try {
      const value = counter.read();
      return buildDomain(memory, layout.domains[n]!, one, { value, frequency: counterFrequency });
    } catch (error) {
      if (!(error instanceof OutOfBlocksError)) throw error;
      const place = { path: one.domain.path, domain: one.domain.nodeName };
      findings.reporter(one.domain.id)(buildDiagnostic('board-memory-exhausted', place, { available }));
      return [];
    }
  });
  const first = domains[0];
  if (first !== undefined) log.unshift(...boardLines(counterFrequency, IPA_BITS, first.VTCR_EL2));
  const { failures } = findings;
  const logsGuests = LOGS_GUESTS.test(plan.xenCommandLine ?? '');
  return { wasmMemory, memory, plan, domains, failures, log, counterFrequency, counterEpoch, logsGuests };
};

/**
 * Parses, plans and builds. `built` is absent if the board itself has an error, if no domain could be built, or, when
 * strict, if anything has an error.
 */
export const buildBoard = (
  options: BoardOptions,
): { plan: BootPlan; diagnostics: BoardDiagnostic[]; built?: BuiltBoard } => {
  const parsed = parseBootPlan(options.tree);
  const { plan } = parsed;
  const findings = new Findings(parsed.diagnostics, plan.domains);
  const { diagnostics } = findings;
  if (plan.host.gic?.version === 3) {
    const place = { path: plan.host.gic.path, property: 'compatible' };
    diagnostics.push(buildDiagnostic('gic-version-unsupported', place));
  }
  const strict = options.strict === true;
  if (!findings.passes(strict)) return { plan, diagnostics };
  const planned = planAll(plan, options.modules, findings);
  if (planned.length === 0 || !findings.passes(strict)) return { plan, diagnostics };
  const built = buildAll(plan, planned, options.now ?? hostTime, findings);
  return built.domains.length === 0 || !findings.passes(strict) ? { plan, diagnostics } : { plan, diagnostics, built };
};
