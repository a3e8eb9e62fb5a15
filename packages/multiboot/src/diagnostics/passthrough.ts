import { defineDiagnostics } from './row.ts';

/** Diagnostics about the device-tree module of a domain. */
export const PASSTHROUGH_DIAGNOSTICS = defineDiagnostics({
  'fragment-invalid': {
    severity: 'error',
    message: 'the device-tree module is no device tree: {detail}',
    remedy: 'load a blob that dtc made, and give its whole size in reg',
    xen: 'panics: Could not set up domain (rc = -22)',
  },
  'fragment-empty': {
    severity: 'warning',
    message: 'the fragment has no /passthrough node: no device is assigned',
    remedy: 'put the devices below /passthrough',
    xen: 'goes on and says nothing',
  },
  'fragment-ignored': {
    severity: 'warning',
    message: 'the node {node} of the fragment is ignored; only /gic, /aliases and /passthrough count',
    remedy: 'move it below /passthrough',
    xen: 'ignores it and says nothing',
  },
  'fragment-reg-length': {
    severity: 'error',
    message: 'xen,reg of {node} has {length} bytes, which are no <host size guest> in {cells} of its parent',
    remedy: 'write xen,reg = <host-address size guest-address> in the cells of the parent node',
    xen: 'panics: Device tree generation failed',
  },
  'fragment-reg-unaligned': {
    severity: 'error',
    message: 'xen,reg of {node} has {found}, not all multiples of 4 KiB, or empty',
    remedy: 'give whole pages; the guest finds the registers at the same place in the page',
    xen: 'panics: DomU passthrough config has not page aligned addresses/sizes',
  },
  'fragment-reg-range': {
    severity: 'error',
    message: 'xen,reg of {node} has {found}, which ends past the 48-bit address space',
    remedy: 'correct the addresses and the size',
    xen: 'fails to map the range and panics',
  },
  'fragment-reg-memory': {
    severity: 'error',
    message: 'xen,reg of {node} would give the domain [{start}, {end}), which is memory of the board',
    remedy: 'name registers of a device; memory is shared by static shared memory',
    xen: 'maps it: the domain could then read and write the memory of others',
  },
  'fragment-reg-foreign': {
    severity: 'error',
    message: 'xen,reg of {node} names [{start}, {end}), but the registers of {other} are {registers}',
    remedy: 'correct xen,reg or xen,path',
    xen: 'maps what xen,reg says',
  },
  'fragment-path': {
    severity: 'error',
    message: 'xen,path of {node} is {found}, and the host tree has no such device',
    remedy: 'give the path of a device of the host tree that is not disabled',
    xen: "panics: Couldn't find node in host_dt!",
  },
  'fragment-incomplete': {
    severity: 'error',
    message: '{node} of the fragment has no {missing}',
    remedy: 'give xen,reg and xen,path both, or xen,force-assign-without-iommu to do without one',
    xen: 'panics: xen,reg or xen,path missing',
  },
  'fragment-phandle': {
    severity: 'error',
    message: '{node} of the fragment has phandle {found}; those above {limit} are for nodes that the hypervisor adds',
    remedy: 'use lower phandles',
    xen: 'panics: Phandle allocation overlaps Xen reserved range',
  },
});
