import type { DomainDescription } from '../boot-plan.ts';
import { type Finding, finding } from '../diagnostic.ts';
import { textAfter } from '../images/text-in-image.ts';
import type { KernelImage } from '../kernel-image.ts';
import { hex } from '../property.ts';

/** A guest that knows addresses from its build, in a domain that has others: Zephyr does not read its device tree. */
export const adviseFixedAddresses = (
  { directMap, staticMem }: Pick<DomainDescription, 'directMap' | 'staticMem'>,
  kernel: Pick<KernelImage, 'payload'>,
): Finding | undefined => {
  const [bank] = staticMem;
  if (!directMap || bank === undefined || textAfter(kernel.payload, 'Booting Zephyr OS').next().done === true)
    return undefined;
  return finding('guest-fixed-addresses', { ram: hex(bank.start) });
};
