import { attachChild, attachProperty, DtNode } from './node.ts';
import { DeviceTree, type Reservation } from './tree.ts';

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

function byAddress(a: Reservation, b: Reservation): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1;
  return a.size < b.size ? -1 : a.size > b.size ? 1 : 0;
}

/** A copy with reservations by address, and properties and nodes by name, as dtc's -s puts them. */
export function sortTree(tree: DeviceTree): DeviceTree {
  const root = new DtNode(tree.root.name);
  const pending = [{ from: tree.root, to: root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { from, to } = next;
    for (const { name, value } of [...from.properties].sort(byName)) {
      attachProperty(to, { name, value: value.slice() });
    }
    for (const child of [...from.children].sort(byName)) {
      const copy = new DtNode(child.name);
      attachChild(to, copy);
      pending.push({ from: child, to: copy });
    }
  }
  const sorted = new DeviceTree(root);
  sorted.reservations = tree.reservations.map((reservation) => ({ ...reservation })).sort(byAddress);
  sorted.bootCpuidPhys = tree.bootCpuidPhys;
  return sorted;
}
