/** Diagnostics of preparing a board: those of the boot plan, and those that show when a domain is built. */
import { type Diagnostic, type DiagnosticPlace, formatDiagnostic, type Severity } from '@dom0less/multiboot';

interface Row {
  readonly severity: Severity;
  readonly message: string;
  readonly remedy: string;
}

/** The diagnostics that this package adds to those of `@dom0less/multiboot`; `{name}` stands for a parameter. */
export const BUILD_DIAGNOSTICS = {
  'module-not-loaded': {
    severity: 'error',
    message: 'no file is loaded at {address}, where the {kind} module of the domain is said to be',
    remedy: 'load the file at {address}, or correct reg',
  },
  'module-unreadable': {
    severity: 'error',
    message: 'a boot module can not be read: {detail}',
    remedy: 'leave the file as it is, and readable, while the board uses it',
  },
  'module-truncated': {
    severity: 'warning',
    message: 'the {kind} module is {size} bytes long in the tree, the file loaded at {address} has {found}',
    remedy: 'set the size in reg to the size of the file, which counts',
  },
  'module-cut': {
    severity: 'warning',
    message: 'the {kind} file loaded at {address} has {found} bytes, but only the {size} that reg says are used',
    remedy: 'set the size in reg to the size of the file: {found}',
  },
  'module-assumed': {
    severity: 'info',
    message: 'no file is loaded at {address}; the {kind} is taken to have the {size} bytes that reg says',
    remedy: 'load the file to be exact',
  },
  'domains-too-many': {
    severity: 'error',
    message: 'this is domain {found}; the board tells {limit} apart by VMID',
    remedy: 'split the domains over several boards',
  },
  'cpupool-without-pcpus': {
    severity: 'error',
    message: 'the board has {pcpus} pCPUs, and none of Pool-{id}, which the domain is in',
    remedy: 'give the board more pCPUs, or the pool others',
  },
  'affinity-without-pcpus': {
    severity: 'error',
    message: 'vCPU {vcpu} may run on pCPU {found} only, and the board has {pcpus}, the first of them pCPU 0',
    remedy: 'give the board more pCPUs, or the vCPU another hard-affinity',
  },
  'affinity-pcpus-missing': {
    severity: 'warning',
    message: 'hard-affinity of vCPU {vcpu} names pCPU {found}, and the board has {pcpus}, the first of them pCPU 0',
    remedy: 'give the board more pCPUs, or correct hard-affinity; the vCPU runs on the others that it names',
  },
  'scheduler-replaced': {
    severity: 'warning',
    message: 'the scheduler {found} is not there; vCPUs get equal shares of their pool',
    remedy: 'choose credit2, credit or null, or accept the difference',
  },
  'host-memory-exhausted': {
    severity: 'error',
    message: 'the domain needs {found} KiB of host memory in blocks of 2 MiB, and {available} KiB are left',
    remedy: 'lower memory, or give the board more',
  },
  'board-memory-exhausted': {
    severity: 'error',
    message: "the images of the domain do not fit into what is left of the board's {available} MiB",
    remedy: 'use smaller images or fewer domains',
  },
  'direct-map-gic': {
    severity: 'error',
    message: "a direct-map domain has its GIC at the host's addresses, and the host tree gives none",
    remedy: 'give the GIC node reg with distributor and CPU interface, or distributor and redistributors',
  },
  'direct-map-redistributors': {
    severity: 'error',
    message:
      "a direct-map domain has its GIC's redistributors where the host's first region is, which has room for {limit}, and the domain has {found} vCPUs",
    remedy: 'give the domain fewer vCPUs, or the GIC node a larger first region of redistributors',
  },
  'direct-map-uart': {
    severity: 'error',
    message:
      "a direct-map domain has its UART where Xen's is, and the host tree names none with registers of 4 KiB and an interrupt (Xen: Unable to re-use the Xen UART information)",
    remedy: 'name it by stdout-path in /chosen or dtuart= in xen,xen-bootargs, or remove vpl011',
  },
  'guest-map-overlap': {
    severity: 'error',
    message: '{name} of the domain, {range}, lies over {other}, {otherRange}',
    remedy: 'choose other guest addresses',
  },
  'device-not-modelled': {
    severity: 'warning',
    message:
      '{what} ({found}) is a device that there is no model of: its registers read as zero, and it raises no interrupt',
    remedy: 'pass through a device of the board that there is a model of: {known}',
  },
  'device-taken': {
    severity: 'error',
    message: '{what} belongs to {other} already',
    remedy: 'give each device to one domain',
  },
  'device-is-xens': {
    severity: 'error',
    message: '{what} is the UART that the hypervisor itself uses (Xen: IRQ is already used by Xen)',
    remedy: 'pass through another UART, or name another one by stdout-path',
  },
  'interrupt-clash': {
    severity: 'error',
    message: "the device raises interrupt {intid} (SPI {spi}), which is that of the domain's own UART",
    remedy: 'remove vpl011, or pass through another device',
  },
  'interrupt-range': {
    severity: 'error',
    message: 'the device raises interrupt {intid}, for which nr_spis has to be at least {needed}; it is {found}',
    remedy: 'raise nr_spis, or remove it',
  },
  'memory-budget': {
    severity: 'warning',
    message: 'the domains may use {found} MiB together, and the board can back {available} MiB',
    remedy: 'lower memory; a domain that touches more than there is stops',
  },
} as const satisfies Record<string, Row>;

/** Codes that this package adds to those of `@dom0less/multiboot`. */
export type BuildCode = keyof typeof BUILD_DIAGNOSTICS;

/** A defect or remark about the user's input that shows when a domain is built. */
export interface BuildDiagnostic extends Omit<Diagnostic, 'code'> {
  readonly code: BuildCode;
}

export type BoardDiagnostic = Diagnostic | BuildDiagnostic;

/** Makes a diagnostic of this package. */
export const buildDiagnostic = (
  code: BuildCode,
  place: DiagnosticPlace,
  parameters: Readonly<Record<string, string | number>> = {},
): BuildDiagnostic => {
  const { severity, message, remedy }: Row = BUILD_DIAGNOSTICS[code];
  const fill = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (whole, name: string) => `${parameters[name] ?? whole}`);
  return {
    code,
    severity,
    path: place.path,
    ...(place.property === undefined ? {} : { property: place.property }),
    ...(place.value === undefined ? {} : { value: place.value }),
    message: fill(message),
    remedy: fill(remedy),
    ...(place.domain === undefined ? {} : { domain: place.domain }),
  };
};

/** One line of text, in the form of `formatDiagnostic` of `@dom0less/multiboot`. */
export const formatBoardDiagnostic = (diagnostic: BoardDiagnostic): string =>
  formatDiagnostic(diagnostic as Diagnostic);
