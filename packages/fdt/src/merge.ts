import { attachChild, attachProperty, type DtNode } from './node.ts';
import type { DeviceTree } from './tree.ts';

/**
 * A new tree: `base`, changed by all that `over` has, as a second `/ { … };` in a source changes the first. Properties
 * of `over` replace those of the same name in their place; what is new goes last; reservations are added unless they
 * are there. Phandles stay as they are, so that both trees have to agree on them; see {@link applyOverlay} for trees
 * that do not.
 */
export function mergeTrees(base: DeviceTree, over: DeviceTree): DeviceTree {
  const merged = base.clone();
  const pending: { to: DtNode; from: DtNode }[] = [{ to: merged.root, from: over.root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { to, from } = next;
    const properties = new Map(to.properties.map((property) => [property.name, property]));
    for (const { name, value } of from.properties) {
      const known = properties.get(name);
      if (known === undefined) attachProperty(to, { name, value: value.slice() });
      else known.value = value.slice();
    }
    const children = new Map(to.children.map((child) => [child.name, child]));
    for (const child of from.children) {
      const known = children.get(child.name);
      if (known === undefined) attachChild(to, child.clone());
      else pending.push({ to: known, from: child });
    }
  }
  const isKnown = ({ address, size }: { address: bigint; size: bigint }): boolean =>
    merged.reservations.some((other) => other.address === address && other.size === size);
  for (const reservation of over.reservations) if (!isKnown(reservation)) merged.reservations.push({ ...reservation });
  return merged;
}
