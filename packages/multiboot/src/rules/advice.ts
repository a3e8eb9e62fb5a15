import type { DtNode } from '@dom0less/fdt';
import type { BootPlan, DomainDescription, MemoryRange } from '../boot-plan.ts';
import type { OwnedModule } from '../memory-checks.ts';
import { hex } from '../property.ts';
import { endOf, totalSize } from '../range.ts';
import type { Reporter } from '../reporter.ts';

/** A domain as the rules see it. */
export interface AdvisedDomain {
  readonly node: DtNode;
  readonly reporter: Reporter;
  readonly description: DomainDescription;
}

/** What the rules look at. */
export interface AdvisedBoard {
  readonly reporter: Reporter;
  readonly chosen: DtNode;
  readonly plan: Pick<BootPlan, 'host'>;
  readonly domains: readonly AdvisedDomain[];
  readonly modules: readonly OwnedModule[];
  /** Ranges left in host memory for guests that have no static memory. */
  readonly pool: readonly MemoryRange[];
}

type BoardRule = (board: AdvisedBoard) => void;
type DomainRule = (domain: AdvisedDomain) => void;

const KIB = 1024;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** Where Xen puts the UART of a guest that is not direct-mapped (public/arch-arm.h, GUEST_PL011_BASE). */
const GUEST_UART = 0x2200_0000;

/** The kernel module's node, where the guest's command line stands. */
const bootargsNode = ({ node }: AdvisedDomain): DtNode => node.children.find((child) => child.has('bootargs')) ?? node;

const consolesOf = (bootargs: string): string[] =>
  bootargs.split(/\s+/).flatMap((word) => (word.startsWith('console=') ? [word.slice(8).split(',', 1)[0]!] : []));

const adviseConsole: DomainRule = (domain) => {
  const { reporter, description } = domain;
  const consoles = consolesOf(description.bootargs);
  if (consoles.length === 0 || consoles.some((name) => name.startsWith('ttyAMA'))) return;
  const node = bootargsNode(domain);
  const onlyHvc = consoles.every((name) => name === 'hvc0');
  if (onlyHvc && description.enhanced !== 'disabled') reporter.report('domain-console-hvc', node, 'bootargs');
  else if (description.vpl011) {
    const found = consoles.find((name) => name !== 'hvc0') ?? consoles[0]!;
    reporter.report('domain-console-other', node, 'bootargs', { found: found.slice(0, 40) });
  }
};

const adviseEarlycon: DomainRule = (domain) => {
  const { reporter, description } = domain;
  if (description.directMap) return;
  const found = /(?:^|\s)earlycon=pl011,(?:mmio(?:32)?,)?(0x[\da-f]{1,16})\b/i.exec(description.bootargs)?.[1];
  if (found === undefined || Number(found) === GUEST_UART) return;
  reporter.report('domain-earlycon', bootargsNode(domain), 'bootargs', { found, expected: hex(GUEST_UART) });
};

const SMALLEST_SENSIBLE_KIB = 4096;

const adviseMemory: DomainRule = ({ node, reporter, description }) => {
  const { memoryKiB } = description;
  if (memoryKiB === 0 || memoryKiB >= SMALLEST_SENSIBLE_KIB) return;
  reporter.report('domain-memory-unit', node, 'memory', { found: memoryKiB, expected: hex(memoryKiB * KIB) });
};

/** KiB of the pool for a domain's stage-2 tables, as Xen sizes it unless the tree says otherwise. */
const p2mPoolKiB = ({ p2mMemMiB, cpus, memoryKiB }: DomainDescription): number =>
  p2mMemMiB === undefined ? Math.ceil((4 * (256 * cpus + memoryKiB / KIB + 128)) / KIB) * KIB : p2mMemMiB * KIB;

const adviseP2m: BoardRule = ({ reporter, chosen, plan, domains, pool }) => {
  if (domains.length === 0 || plan.host.memory.length === 0 || domains.some(({ reporter: own }) => own.failed)) return;
  const needed = domains.reduce((sum, { description }) => sum + p2mPoolKiB(description), 0);
  const fromPool = domains.filter(({ node }) => !node.has('xen,static-mem'));
  const wanted = fromPool.reduce((sum, { description }) => sum + description.memoryKiB, 0);
  const { staticHeap = [] } = plan.host;
  const available = Math.floor(totalSize(staticHeap.length > 0 ? staticHeap : pool) / KIB) - wanted;
  // A board whose domains do not even fit was reported as such.
  if (available < 0 || available >= needed) return;
  const texts = { available, needed, missing: needed - available };
  if (staticHeap.length > 0) reporter.report('static-heap-p2m', chosen, 'xen,static-heap', texts);
  else reporter.report('p2m-budget', chosen, undefined, texts);
};

/** U-Boot takes itself and its heap to the top of the highest RAM below 4 GiB. */
const UBOOT_TOP_BYTES = 16 * MIB;

const adviseModules: BoardRule = ({ plan, modules }) => {
  const below = plan.host.memory.filter(({ start }) => start < 4 * GIB);
  const limit = below.reduce((top, bank) => Math.max(top, Math.min(endOf(bank), 4 * GIB)), 0);
  // On a board of few MiB everything is near the end.
  if (totalSize(below) < 8 * UBOOT_TOP_BYTES) return;
  for (const { module, node, reporter } of modules) {
    const end = module.address + module.size;
    if (end <= limit - UBOOT_TOP_BYTES || end > limit) continue;
    reporter.report('module-near-ram-end', node, 'reg', { kind: module.kind, end: hex(end), limit: hex(limit) });
  }
};

const DOMAIN_RULES: readonly DomainRule[] = [adviseMemory, adviseConsole, adviseEarlycon];
const BOARD_RULES: readonly BoardRule[] = [adviseP2m, adviseModules];

/** Reports what is well-formed and probably not meant so, and what Xen would stumble over though we do not. */
export const advise = (board: AdvisedBoard): void => {
  for (const domain of board.domains) for (const rule of DOMAIN_RULES) rule(domain);
  for (const rule of BOARD_RULES) rule(board);
};
