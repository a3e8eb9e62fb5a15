import type { DomainDescription } from '../boot-plan.ts';
import type { Finding } from '../diagnostic.ts';
import type { KernelImage } from '../kernel-image.ts';
import { adviseFixedAddresses } from './fixed-address-guest.ts';
import { adviseOldEnhancedKernel } from './old-enhanced-kernel.ts';

const RULES = [adviseOldEnhancedKernel, adviseFixedAddresses];

/**
 * Remarks about a kernel that can be loaded, and is probably not one for this domain. Its payload is looked at only where
 * the domain gives a reason to.
 */
export const adviseKernel = (domain: DomainDescription, kernel: Pick<KernelImage, 'payload'>): Finding[] =>
  RULES.flatMap((rule) => rule(domain, kernel) ?? []);
