import { type DeviceTree, type DtNode, propReg, propStrings } from '@dom0less/fdt';
import type { Machine } from '../machine.ts';

/** A number of as many cells as addresses of the root have. */
const addressValue = (root: DtNode, address: number): Uint8Array =>
  propReg([{ address: BigInt(address), size: 0n }], { address: root.addressCells === 2 ? 2 : 1, size: 0 });

/**
 * What U-Boot writes to /chosen before it starts a system: ${bootargs} if it is set, and where the ramdisk is.
 *
 * @throws FdtError if the tree has no sane cell counts
 */
export const setChosen = (machine: Machine, tree: DeviceTree, ramdisk?: { start: number; end: number }): void => {
  const { root } = tree;
  const chosen = root.child('chosen') ?? root.addChild('chosen');
  const bootargs = machine.environment.get('bootargs');
  if (bootargs !== undefined) chosen.setProperty('bootargs', propStrings(bootargs.replaceAll('\0', '')));
  if (ramdisk === undefined) return;
  chosen.setProperty('linux,initrd-start', addressValue(root, ramdisk.start));
  chosen.setProperty('linux,initrd-end', addressValue(root, ramdisk.end));
};
