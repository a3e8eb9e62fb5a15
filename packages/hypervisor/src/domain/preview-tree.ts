/** The device tree of one domain, without a board. */
import type { BootModule, BootPlan, ValidDomain } from '@dom0less/multiboot';
import { type BoardDiagnostic, buildDiagnostic } from '../board/diagnostic.ts';
import { DeviceOwners } from './plan-devices.ts';
import { moduleBytes, placeDomain, planParts, readKernel } from './plan-domain.ts';

/** What {@link guestTree} gives: a blob, and everything that was found. */
export interface GuestTreeResult {
  /** Absent if the domain can't be built; an error says why. */
  readonly dtb?: Uint8Array;
  readonly diagnostics: readonly BoardDiagnostic[];
}

/** What is known of a kernel whose file is not there: it is an arm64 Image of the size that its module says. */
const assumeKernel = ({ size }: BootModule) => ({ textOffset: 0, fileSize: size, imageSize: size });

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
  modules: ReadonlyMap<number, Uint8Array> = new Map(),
): GuestTreeResult => {
  const diagnostics: BoardDiagnostic[] = [];
  const report = (diagnostic: BoardDiagnostic): void => void diagnostics.push(diagnostic);
  const { kernel: kernelModule, ramdisk } = domain.modules;
  for (const module of ramdisk === undefined ? [kernelModule] : [kernelModule, ramdisk]) {
    const { address, kind, size, path } = module;
    if (modules.has(address)) continue;
    const place = { path, property: 'reg', domain: domain.nodeName };
    report(buildDiagnostic('module-assumed', place, { address: `0x${address.toString(16)}`, kind, size }));
  }
  const known = modules.has(kernelModule.address);
  const kernel = known ? readKernel(domain, { modules, report }) : assumeKernel(kernelModule);
  const initrdSize =
    ramdisk === undefined
      ? 0
      : Math.min(ramdisk.size, modules.get(ramdisk.address)?.length ?? Number.POSITIVE_INFINITY);
  const context = { host: plan.host, owners: new DeviceOwners(), modules, report };
  const { deviceTree } = domain.modules;
  const fragment = deviceTree && moduleBytes(domain, deviceTree, context);
  if (deviceTree !== undefined && fragment === undefined) return { diagnostics };
  const parts = planParts(domain, fragment, context);
  const placed = kernel && parts && placeDomain(domain, kernel, initrdSize, parts, context);
  return placed === undefined ? { diagnostics } : { dtb: placed.dtb, diagnostics };
};
