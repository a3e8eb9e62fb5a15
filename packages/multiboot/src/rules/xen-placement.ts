import { type Finding, finding } from '../diagnostic.ts';
import { type PlacementInput, placeImages } from '../placement.ts';
import { hex } from '../property.ts';

/**
 * Where Xen, which looks at the length of a kernel's file only, would put the device tree or the ramdisk into memory
 * that the kernel takes for its BSS, and clears.
 */
export const adviseXenPlacement = (input: PlacementInput): Finding | undefined => {
  const { kernel, dtbSize, initrdSize } = input;
  const { fileSize, imageSize } = kernel;
  if (imageSize <= fileSize) return undefined;
  const result = placeImages({ ...input, kernel: { ...kernel, imageSize: fileSize } });
  if ('finding' in result) return undefined;
  const { kernel: start, dtb, initrd } = result.placement;
  const [bss, end] = [start + fileSize, start + imageSize];
  const parts = [
    { what: 'device tree', at: dtb, size: dtbSize },
    ...(initrd === undefined ? [] : [{ what: 'ramdisk', at: initrd, size: initrdSize }]),
  ];
  const hit = parts.find(({ at, size }) => at < end && bss < at + size);
  if (hit === undefined) return undefined;
  return finding('placement-xen-bss', { what: hit.what, at: hex(hit.at), bss: hex(bss), end: hex(end) });
};
