import { defineDiagnostics } from './row.ts';

/** Diagnostics about boards that are well-formed and probably do something else than their author wants. */
export const ADVICE_DIAGNOSTICS = defineDiagnostics({
  'domain-console-other': {
    severity: 'warning',
    message: 'bootargs has console={found}, which the guest does not have; its UART is ttyAMA0',
    remedy: 'write console=ttyAMA0',
    xen: 'starts it; the guest stays silent',
  },
  'domain-console-hvc': {
    severity: 'info',
    message: 'the only console is hvc0, that of the hypercall interface',
    remedy: 'add console=ttyAMA0 and vpl011, or give Xen guest_loglvl=all',
    xen: 'shows what a guest writes there in debug builds or with guest_loglvl=all only',
  },
  'domain-earlycon': {
    severity: 'warning',
    message: 'bootargs has earlycon at {found}; the UART of the guest is at {expected}',
    remedy: 'write earlycon=pl011,{expected}',
    xen: 'injects a data abort for the access, and the guest dies before it can say so',
  },
  'domain-memory-unit': {
    severity: 'warning',
    message: 'memory is {found} KiB; did you mean {found} MiB?',
    remedy: 'write memory = <0 {expected}>; the unit is KiB',
    xen: 'takes it for KiB; the kernel does not fit, and Xen panics',
  },
  'p2m-budget': {
    severity: 'warning',
    message:
      "the domains leave {available} KiB of host memory; Xen's pools for their stage-2 tables take {needed} KiB and its heap more",
    remedy: 'lower the memory of the domains by {missing} KiB or more',
    xen: 'panics: Failed to allocate requested domain memory, or Could not set up domain (rc = -12)',
  },
  'static-heap-p2m': {
    severity: 'warning',
    message:
      'the domains leave {available} KiB of xen,static-heap; the pools for their stage-2 tables alone take {needed} KiB',
    remedy: 'enlarge xen,static-heap by {missing} KiB and some MiB for Xen itself',
    xen: 'panics: Could not set up domain (rc = -12)',
  },
  'module-near-ram-end': {
    severity: 'info',
    message: 'the {kind} module ends at {end}, in the last 16 MiB below {limit}, where U-Boot moves itself',
    remedy: 'load the file at a lower address if U-Boot loads it',
    xen: 'is not concerned; U-Boot refuses the load, or is overwritten',
  },
  'placement-xen-bss': {
    severity: 'warning',
    message: 'Xen would put the {what} at {at}, in what the kernel clears for its BSS, [{bss}, {end})',
    remedy: 'give the domain more memory',
    xen: 'looks at the length of the file only; the guest clears what it is to read',
  },
  'enhanced-old-kernel': {
    severity: 'warning',
    message: 'the kernel is Linux {found}; an enhanced domain gets its xenstore late, which Linux knows since {since}',
    remedy: 'use a newer kernel, or set xen,enhanced = "no-xenstore"',
    xen: 'starts it; the guest goes on without xenstore, or crashes as it takes the absent page for one',
  },
  'guest-fixed-addresses': {
    severity: 'warning',
    message: 'the kernel is Zephyr, which has its addresses from its build; this direct-map domain has RAM at {ram}',
    remedy: "remove direct-map, or build Zephyr for a board with the host's addresses",
    xen: 'starts it; the guest stays silent unless it was built for these addresses',
  },
});
