/** From a host device tree and files to domains in memory. */
import { BLOCK_BYTES } from '@dom0less/arm64-cpu';
import type { BootPlan } from '@dom0less/multiboot';
import { linkPools } from '../device-code/link.ts';
import { boardLines, domainLines, memoryLines } from '../domain/boot-log.ts';
import { buildDomain, type CounterNow, IPA_BITS } from '../domain/build-domain.ts';
import type { PooledDomain } from '../domain/plan-domain.ts';
import { BoardMemory, OutOfBlocksError } from '../memory/board-memory.ts';
import { CONTROL } from '../memory/layout.ts';
import { makeMemory } from '../memory/make-memory.ts';
import type { PcpuDomain, PcpuPool } from '../pcpu/init.ts';
import { hostTime, SystemCounter } from '../pcpu/system-counter.ts';
import { placeVcpus } from '../schedule/start-vcpus.ts';
import { type BoardDiagnostic, buildDiagnostic } from './diagnostic.ts';
import { isModuleReadError } from './module-bytes.ts';
import { checkBlocks, type PlannedBoard, type PlanOptions, planWithFindings, shapeOf } from './plan-board.ts';

/** What a board is made from. */
export interface BoardOptions extends Omit<PlanOptions, 'assumeModules'> {
  /** Host time in ms since 1970, never going back; `performance` if absent. */
  readonly now?: () => number;
  /** True: made for `runDeterministic`; the system counter is at 0 when domains are made. */
  readonly deterministic?: boolean;
  /**
   * Domains get entropy that follows from this number (at most 53 bits), not that of the host. Without it a board made
   * for `runDeterministic` has 0.
   */
  readonly seed?: number;
  /**
   * False: threads of pCPUs compile the engine's code for themselves, before there is a board if they like. Pays where
   * threads share machine code, as those of Node do. Default true: it is compiled here and posted.
   */
  readonly sharesCore?: boolean;
  /** Calls `callback` in `ms` milliseconds; setTimeout if absent. Restarts that have to wait use it. */
  readonly after?: (ms: number, callback: () => void) => void;
}

/** A board's parts, built. */
export interface BuiltBoard {
  readonly wasmMemory: WebAssembly.Memory;
  readonly memory: BoardMemory;
  readonly plan: BootPlan;
  readonly domains: readonly PcpuDomain[];
  /** What each of them was built from, in the same order. */
  readonly planned: readonly PooledDomain[];
  /** The system counter and the time. */
  readonly clock: () => CounterNow;
  readonly pools: readonly PcpuPool[];
  /** Why a domain of the plan was not built, by id. */
  readonly failures: ReadonlyMap<number, string>;
  readonly log: readonly string[];
  readonly counterFrequency: number;
  readonly counterEpoch: number;
  /** True: made for `runDeterministic`. */
  readonly deterministic: boolean;
  /** True: Xen's command line asks for messages about guests. */
  readonly logsGuests: boolean;
  /** Of the domains' entropy; undefined: the host's. */
  readonly seed: number | undefined;
}

/** The counter of QEMU's virt board, where the host tree does not tell another. */
const DEFAULT_FREQUENCY = 62_500_000;
const MIB = 2 ** 20;

/** Puts the planned domains into a new memory. One that does not fit is reported and left out. */
const buildAll = (
  board: PlannedBoard,
  { now = hostTime, deterministic = false, ...options }: BoardOptions,
): BuiltBoard => {
  const { plan, planned, findings, blocks } = board;
  const { pcpus, pools } = board.pools;
  const counterFrequency = plan.host.timerClockFrequency ?? DEFAULT_FREQUENCY;
  const counterEpoch = now();
  const sizes = { pcpus, pools: pools.length, domains: planned.map(shapeOf), blocksWanted: blocks.wanted };
  const { memory: wasmMemory, layout } = makeMemory(sizes);
  const available = (layout.blockCount * BLOCK_BYTES) / MIB;
  // What the engine's 4 GiB can't back was reported by the plan; the host may have less.
  if (layout.blockCount < blocks.count) checkBlocks({ ...blocks, count: layout.blockCount }, findings);
  const memory = new BoardMemory(wasmMemory, layout);
  const counter = new SystemCounter(counterFrequency, counterEpoch, now, memory);
  const log = memoryLines(plan);
  const epoch = deterministic ? 0 : counterEpoch / 1000;
  // In deterministic mode the pCPUs, which stand still when somebody asks, have left it there.
  const counted = (): number => memory.doubles[(layout.control + CONTROL.COUNTER) / 8]!;
  const clock = (): CounterNow => ({
    value: deterministic ? counted() : counter.peek(),
    frequency: counterFrequency,
    epoch,
  });
  const kept: PooledDomain[] = [];
  const domains = planned.flatMap((one, n) => {
    log.push(...domainLines(one));
    try {
      const built = buildDomain(memory, layout.domains[n]!, one, clock());
      kept.push(one);
      return built;
    } catch (error) {
      const place = { path: one.domain.path, domain: one.domain.nodeName };
      const report = findings.reporter(one.domain.id);
      if (error instanceof OutOfBlocksError) report(buildDiagnostic('board-memory-exhausted', place, { available }));
      else if (isModuleReadError(error)) report(buildDiagnostic('module-unreadable', place, { detail: error.message }));
      else throw error;
      return [];
    }
  });
  const first = domains[0];
  if (first !== undefined) log.unshift(...boardLines(counterFrequency, board.pools, IPA_BITS, first.VTCR_EL2));
  linkPools(memory, pools, domains);
  placeVcpus(memory, { domains, pools, counterFrequency });
  const { failures } = findings;
  const { logsGuests } = plan.xenOptions;
  const made = { wasmMemory, memory, plan, domains, planned: kept, clock, pools, failures, log };
  const seed = options.seed ?? (deterministic ? 0 : undefined);
  return { ...made, counterFrequency, counterEpoch, deterministic, logsGuests, seed };
};

/**
 * Plans and builds. `built` is absent if the board itself has an error, if no domain could be built, or, when strict, if
 * anything has an error.
 */
export const buildBoard = (
  options: BoardOptions,
): { plan: BootPlan; diagnostics: BoardDiagnostic[]; built?: BuiltBoard } => {
  const board = planWithFindings(options);
  const { plan, findings, boots } = board;
  const { diagnostics } = findings;
  if (!boots) return { plan, diagnostics };
  const built = buildAll(board, options);
  const passes = built.domains.length > 0 && findings.passes(options.strict === true);
  return passes ? { plan, diagnostics, built } : { plan, diagnostics };
};
