import { defineDiagnostics } from './row.ts';

/** Diagnostics about the board and about /chosen itself. */
export const HOST_DIAGNOSTICS = defineDiagnostics({
  'cells-unsupported': {
    severity: 'error',
    message: '{name} is {found}; Xen reads addresses and sizes of one or two cells',
    remedy: 'set {name} to <1> or <2>',
    xen: 'panics: Early FDT parsing failed',
  },
  'chosen-missing': {
    severity: 'error',
    message: 'the tree has no /chosen node, so it describes nothing to boot',
    remedy: 'add /chosen with one child per domain, each compatible with "xen,domain"',
    xen: 'tries to build dom0 and panics: Could not set up d0 guest OS',
  },
  'domains-missing': {
    severity: 'error',
    message: '/chosen describes no domain that could be started',
    remedy: 'add a child of /chosen with compatible = "xen,domain", memory, cpus and a kernel module',
    xen: 'tries to build dom0 and panics: Could not set up d0 guest OS',
  },
  'domain-misplaced': {
    severity: 'warning',
    message: 'a node compatible with "xen,domain" is not a direct child of /chosen and is ignored',
    remedy: 'move the node directly below /chosen',
    xen: 'ignores the node and says nothing',
  },
  'container-like-domain': {
    severity: 'warning',
    message:
      'the node has {found} like a domain, but is not compatible with "xen,domain": its modules count as those of dom0',
    remedy: 'add compatible = "xen,domain"',
    xen: 'takes the modules for dom0',
  },
  'host-property-invalid': {
    severity: 'warning',
    message: '{found}; expected {expected}',
    remedy: 'correct the property; it is left out for now',
    xen: 'depends on the property: an invalid initrd range panics, others are ignored',
  },
  'memory-node-type': {
    severity: 'warning',
    message: 'the memory node has no device_type = "memory"; its banks are not used',
    remedy: 'add device_type = "memory"',
    xen: 'ignores the node',
  },
  'host-memory-missing': {
    severity: 'error',
    message: 'the tree names no host memory',
    remedy: 'add a node memory@… with device_type = "memory" and reg below the root',
    xen: 'panics: No memory bank',
  },
  'cpus-missing': {
    severity: 'warning',
    message: 'the tree has no node with device_type = "cpu" below /cpus; one CPU is assumed',
    remedy: 'add /cpus/cpu@0 with device_type, compatible and reg',
    xen: 'boots on the CPU that it runs on',
  },
  'gic-missing': {
    severity: 'error',
    message: 'the tree has no interrupt controller that is compatible with a GICv2 or GICv3',
    remedy: 'describe the GIC, e.g. compatible = "arm,gic-v3" with interrupt-controller',
    xen: 'panics: Unable to find compatible GIC in the device tree',
  },
  'reserved-overlap': {
    severity: 'error',
    message: 'the reserved region [{start}, {end}) of {owner} overlaps [{otherStart}, {otherEnd}) of {other}',
    remedy: 'make the regions disjoint',
    xen: 'panics: Early FDT parsing failed (-22)',
  },
  'dom0-described': {
    severity: 'warning',
    message: '/chosen also describes dom0; it is not started',
    remedy: 'remove the modules outside the domain nodes, or describe dom0 as a domain',
    xen: 'starts dom0 beside the domains',
  },
  'static-heap-invalid': {
    severity: 'error',
    message:
      'xen,static-heap is no list of {address} address and {size} size cells, each a multiple of 64 KiB and not empty',
    remedy: "write address and size in the root's cells, aligned to 0x10000",
    xen: 'says nothing, or panics: invalid #address-cells or #size-cells',
  },
  'static-heap-outside': {
    severity: 'error',
    message: 'the static heap [{start}, {end}) is not inside host memory ({memory})',
    remedy: 'choose a region of host memory',
    xen: 'panics while it sets its heap up',
  },
  'static-heap-overlap': {
    severity: 'error',
    message: 'the static heap [{start}, {end}) overlaps [{otherStart}, {otherEnd}) of {other}',
    remedy: 'make the regions disjoint',
    xen: 'panics: Early FDT parsing failed (-22)',
  },
  'uart-missing': {
    severity: 'warning',
    message: '{property} names {found}, which is no UART of the board',
    remedy: 'give the path of a UART node, or an alias of it',
    xen: 'has no console: Unable to find device',
  },
  'xen-option-unknown': {
    severity: 'warning',
    message: 'Xen has no option {found}{hint}',
    remedy: 'correct it, or remove it; command lines of guests are bootargs of their kernel modules',
    xen: 'ignores it and says nothing',
  },
  'xen-option-invalid': {
    severity: 'warning',
    message: '{found}: expected {expected}',
    remedy: 'correct the value',
    xen: 'uses the default',
  },
  'uefi-config-ignored': {
    severity: 'info',
    message: 'xen,uefi-cfg-load has a meaning for UEFI firmware only, which does not start this board',
    remedy: 'nothing to do',
    xen: 'loads its configuration file too, when UEFI starts it',
  },
});
