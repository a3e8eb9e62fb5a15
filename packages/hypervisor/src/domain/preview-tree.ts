/** The device tree of one domain, without a board. */
import type { BootPlan, ValidDomain } from '@dom0less/multiboot';
import type { BoardDiagnostic } from '../board/diagnostic.ts';
import type { ModuleBytes } from '../board/module-bytes.ts';
import { DeviceOwners } from './plan-devices.ts';
import { placeDomain, planParts, readImages } from './plan-domain.ts';

/** What {@link guestTree} gives: a blob, and everything that was found. */
export interface GuestTreeResult {
  /** Absent if the domain can't be built; an error says why. */
  readonly dtb?: Uint8Array;
  readonly diagnostics: readonly BoardDiagnostic[];
}

/**
 * Makes the device tree that a domain gets when its board boots, on a host with a GICv2 or a GICv3, and boots nothing.
 *
 * @param plan the boot plan that `domain` is from
 * @param modules files in host memory, by the host physical address of their first byte. Where the ramdisk lies depends
 *   on the kernel's header; a module without its file is assumed to be as its node says, with a remark.
 */
export const guestTree = (
  plan: BootPlan,
  domain: ValidDomain,
  modules: ReadonlyMap<number, ModuleBytes> = new Map(),
): GuestTreeResult => {
  const diagnostics: BoardDiagnostic[] = [];
  const report = (diagnostic: BoardDiagnostic): void => void diagnostics.push(diagnostic);
  const images = readImages(domain, { modules, report, assumeModules: true });
  const context = { host: plan.host, owners: new DeviceOwners(), report };
  const parts = images && planParts(domain, images.fragment, context);
  const placed = images && parts && placeDomain(domain, images.kernel, images.initrdSize, parts, context);
  return placed === undefined ? { diagnostics } : { dtb: placed.dtb, diagnostics };
};
