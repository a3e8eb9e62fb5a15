import type { DeviceTree, DtNode } from '@dom0less/fdt';
import type { BootPlan } from '../boot-plan.ts';
import type { Diagnostic } from '../diagnostic.ts';
import { compatibleOf, hasCompatible, stringOf } from '../property.ts';
import { Reporter } from '../reporter.ts';
import {
  BIG_TREES_SINCE,
  CHOSEN_PROPERTY_SUPPORT,
  DOM0_OPTIONAL_SINCE,
  DOMAIN_PROPERTY_SUPPORT,
  NODE_SUPPORT,
  SMALL_TREE_VCPUS,
  showXenVersion,
  WORD_SUPPORT,
  XENSTORE_PAGE_SINCE,
  type XenSupport,
  type XenVersion,
} from './xen-version.ts';

const DOMAIN = 'xen,domain';

/** Reports what a release does not know, or knows only if it was built for it. */
class SupportCheck {
  readonly #version: XenVersion;

  constructor(version: XenVersion) {
    this.#version = version;
  }

  report(reporter: Reporter, node: DtNode, property: string | undefined, name: string, support: XenSupport): void {
    const { since, config } = support;
    const texts = { name, version: showXenVersion(this.#version) };
    if (this.#version < since) {
      reporter.report('xen-unknown-yet', node, property, { ...texts, since: showXenVersion(since) });
    } else if (config !== undefined) {
      reporter.report('xen-build-option', node, property, { ...texts, config });
    }
  }

  properties(reporter: Reporter, node: DtNode, table: Readonly<Record<string, XenSupport>>): void {
    for (const { name } of node.properties) {
      if (Object.hasOwn(table, name)) this.report(reporter, node, name, name, table[name]!);
      const words = Object.hasOwn(WORD_SUPPORT, name) ? WORD_SUPPORT[name]! : {};
      const word = stringOf(node, name);
      if (word !== undefined && Object.hasOwn(words, word) && this.#version >= (table[name]?.since ?? 0)) {
        this.report(reporter, node, name, `${name} = "${word}"`, words[word]!);
      }
    }
  }

  node(reporter: Reporter, node: DtNode): void {
    const name = compatibleOf(node).find((one) => Object.hasOwn(NODE_SUPPORT, one));
    if (name !== undefined) this.report(reporter, node, 'compatible', `"${name}"`, NODE_SUPPORT[name]!);
  }
}

const checkScrubbing = (reporter: Reporter, chosen: DtNode, { xenCommandLine = '' }: BootPlan): void => {
  const found = xenCommandLine
    .split(/\s+/)
    .filter((word) => /^(no-)?bootscrub(=|$)/.test(word))
    .at(-1);
  if (found === undefined || found === 'bootscrub=idle') return;
  const property = chosen.has('xen,xen-bootargs') ? 'xen,xen-bootargs' : 'bootargs';
  reporter.report('ram-not-scrubbed', chosen, property, { found: found.slice(0, 40) });
};

/**
 * What a release of Xen would make less of than this project does: what it does not know yet, what it has to be built
 * for. The board itself was checked by `parseBootPlan`, which gave `plan`.
 */
export const checkXenVersion = (tree: DeviceTree, plan: BootPlan, version: XenVersion): Diagnostic[] => {
  const diagnostics: Diagnostic[] = [];
  const board = new Reporter(diagnostics);
  const chosen = tree.root.children.find(({ name }) => name === 'chosen');
  if (chosen === undefined) return diagnostics;
  const check = new SupportCheck(version);
  check.properties(board, chosen, CHOSEN_PROPERTY_SUPPORT);
  const shown = showXenVersion(version);
  for (const node of chosen.children) {
    const isDomain = hasCompatible(node, DOMAIN);
    const reporter = isDomain ? board.forDomain(node.name) : board;
    check.node(reporter, node);
    if (!isDomain) continue;
    check.properties(reporter, node, DOMAIN_PROPERTY_SUPPORT);
    for (const child of node.children) check.node(reporter, child);
    const domain = plan.domains.find(({ path }) => path === node.path);
    const cpus = domain?.cpus ?? 0;
    if (version < XENSTORE_PAGE_SINCE && domain?.directMap === true && domain.enhanced === 'enabled') {
      reporter.report('xen-enhanced-direct-map', node, 'xen,enhanced', { version: shown });
    }
    if (version < BIG_TREES_SINCE && cpus > SMALL_TREE_VCPUS) {
      reporter.report('xen-small-tree', node, 'cpus', { found: cpus, version: shown, limit: SMALL_TREE_VCPUS });
    }
  }
  checkScrubbing(board, chosen, plan);
  if (version < DOM0_OPTIONAL_SINCE && plan.domains.length > 0 && !plan.dom0.present) {
    board.report('xen-dom0-needed', chosen, undefined, { version: shown });
  }
  return diagnostics;
};
