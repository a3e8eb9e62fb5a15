export type {
  BootModule,
  BootPlan,
  Capabilities,
  CpuPool,
  Dom0Plan,
  DomainDescription,
  DomainModules,
  DomainPlan,
  Enhanced,
  EventChannel,
  HostCpu,
  HostDevice,
  HostFacts,
  HostGic,
  HostInterrupt,
  InvalidDomain,
  MemoryRange,
  ModuleKind,
  NamedRange,
  RestartAction,
  RestartPolicy,
  SharedMemory,
  StartAfter,
  ValidDomain,
  VcpuAffinity,
  XenOptions,
} from './boot-plan.ts';
export { DEFAULT_ENVIRONMENT } from './boot-script/environment.ts';
export type { BootCommand } from './boot-script/machine.ts';
export {
  type BootScriptOptions,
  type BootScriptResult,
  type LoadedFile,
  runBootScript,
} from './boot-script/run-boot-script.ts';
export { type Conswitch, parseConswitch } from './conswitch.ts';
export { type Diagnostic, type DiagnosticPlace, type Finding, formatDiagnostic, locate } from './diagnostic.ts';
export { DIAGNOSTICS, type DiagnosticCode } from './diagnostic-table.ts';
export type { DiagnosticRow, Severity } from './diagnostics/row.ts';
export { FEATURES, type Feature } from './feature.ts';
export { GUEST_RAM_WINDOWS, type GuestRamBank, guestRamBanks, MAX_GUEST_RAM } from './guest-ram.ts';
export type { Arm64ImageHeader } from './images/arm64-image.ts';
export {
  type IdentifyOptions,
  IMAGE_HEAD_BYTES,
  identifyImage,
  identifyKernel,
  type KernelFormat,
  type KernelHead,
  type KernelImage,
} from './kernel-image.ts';
export { type KernelCode, KernelImageError } from './kernel-image-error.ts';
export { nearestName } from './nearest.ts';
export { type ParsedBootPlan, type ParseOptions, parseBootPlan } from './parse-boot-plan.ts';
export { type Passthrough, type PassthroughDevice, type PassthroughRegion, readPassthrough } from './passthrough.ts';
export { type Placement, type PlacementInput, type PlacementResult, placeImages } from './placement.ts';
export { adviseKernel } from './rules/advise-kernel.ts';
export { checkXenVersion } from './rules/check-xen-version.ts';
export { adviseXenPlacement } from './rules/xen-placement.ts';
export {
  CHOSEN_PROPERTY_SUPPORT,
  DOMAIN_PROPERTY_SUPPORT,
  LATEST_XEN,
  NODE_SUPPORT,
  parseXenVersion,
  showXenVersion,
  type XenSupport,
  type XenVersion,
} from './rules/xen-version.ts';
export { parseTimestamps, TIMESTAMP_MODES, type TimestampMode } from './timestamp-mode.ts';
