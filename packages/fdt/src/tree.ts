import type { FdtLayout } from './layout.ts';
import { DtNode } from './node.ts';

/** A range of physical memory that the blob asks to leave alone (Devicetree Specification 5.3). */
export interface Reservation {
  address: bigint;
  size: bigint;
}

/** A device tree: the root node, memory reservations, and the boot CPU's id. */
export class DeviceTree {
  root: DtNode;
  reservations: Reservation[] = [];
  /** boot_cpuid_phys of the header: physical id of the CPU that boots. */
  bootCpuidPhys = 0;
  /** How the blob that this tree was read from is laid out; `writeFdt` uses it while it still describes the tree. */
  layout: FdtLayout | undefined;

  constructor(root: DtNode = new DtNode()) {
    this.root = root;
  }

  /**
   * The node at `path`, or undefined. A component may leave out its unit address where that names one node only.
   * A path that does not begin with `/` begins with an alias: `serial0`, `pci0/nic`.
   */
  node(path: string): DtNode | undefined {
    if (path.startsWith('/')) return descend(this.root, path);
    const slash = path.indexOf('/');
    const alias = slash < 0 ? path : path.slice(0, slash);
    const aliases = this.#aliasesNode();
    if (alias === '' || isBookkeeping(alias) || aliases?.has(alias) !== true) return undefined;
    const target = aliases.string(alias);
    if (target?.startsWith('/') !== true) return undefined;
    const start = descend(this.root, target);
    return start === undefined || slash < 0 ? start : descend(start, path.slice(slash));
  }

  /** The node with this phandle, or undefined. Nodes whose phandle property is malformed are passed over. */
  nodeByPhandle(phandle: number): DtNode | undefined {
    for (const node of this.root.walk()) {
      for (const name of ['phandle', 'linux,phandle']) {
        if (node.prop(name)?.value.length === 4 && node.u32(name) === phandle) return node;
      }
    }
    return undefined;
  }

  /** Aliases, by name, with the paths they stand for. Throws FDT_ERR_BADVALUE when one is not a string. */
  get aliases(): Map<string, string> {
    const aliases = new Map<string, string>();
    const node = this.#aliasesNode();
    for (const { name } of node?.properties ?? []) {
      if (!isBookkeeping(name)) aliases.set(name, node!.string(name)!);
    }
    return aliases;
  }

  /** A deep copy; it writes the same bytes. */
  clone(): DeviceTree {
    const copy = new DeviceTree(this.root.clone());
    copy.reservations = this.reservations.map((reservation) => ({ ...reservation }));
    copy.bootCpuidPhys = this.bootCpuidPhys;
    copy.layout = this.layout;
    return copy;
  }

  #aliasesNode(): DtNode | undefined {
    return this.root.children.find((child) => child.name === 'aliases');
  }
}

const isBookkeeping = (name: string): boolean => name === 'phandle' || name === 'linux,phandle' || name === 'name';

function descend(start: DtNode, path: string): DtNode | undefined {
  let node: DtNode | undefined = start;
  for (const component of path.split('/')) {
    if (component !== '') node = node?.child(component);
  }
  return node;
}
