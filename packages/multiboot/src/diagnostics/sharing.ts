import { defineDiagnostics } from './row.ts';

/** Diagnostics about static shared memory and static event channels. */
export const SHARING_DIAGNOSTICS = defineDiagnostics({
  'shm-id': {
    severity: 'error',
    message: 'xen,shm-id is {found}; it is a string of 1 to 15 characters',
    remedy: 'give the region a name: xen,shm-id = "my-region"',
    xen: 'panics: Early FDT parsing failed',
  },
  'shm-role': {
    severity: 'error',
    message: 'role is {found}; it is "owner" or "borrower"',
    remedy: 'correct role, or remove it in all nodes of the region',
    xen: 'panics: Early FDT parsing failed',
  },
  'shm-length': {
    severity: 'error',
    message:
      'xen,shared-mem {found}; with {address} address and {size} size cells it is <host guest size> of {long} bytes or <guest size> of {short}',
    remedy: 'write xen,shared-mem = <host guest size> in the cells of the domain node',
    xen: 'panics: Early FDT parsing failed',
  },
  'shm-unaligned': {
    severity: 'error',
    message: 'addresses and size of xen,shared-mem ({found}) are not all multiples of 4 KiB, or it is empty',
    remedy: 'align all of them to 4 KiB',
    xen: 'panics: Early FDT parsing failed',
  },
  'shm-overflow': {
    severity: 'error',
    message: 'xen,shared-mem ({found}) ends past the 48-bit address space',
    remedy: 'correct the addresses and the size',
    xen: 'panics: Early FDT parsing failed',
  },
  'shm-differs': {
    severity: 'error',
    message: 'the region "{id}" is {found} here and {expected} in {other}',
    remedy: 'give all nodes of one xen,shm-id the same host address and size',
    xen: 'panics: Early FDT parsing failed',
  },
  'shm-owner-twice': {
    severity: 'error',
    message: 'the region "{id}" has an owner already, {other}',
    remedy: 'make this domain a borrower: role = "borrower"',
    xen: 'panics while it gives the pages to the second owner',
  },
  'shm-owner-missing': {
    severity: 'warning',
    message: 'all who name the region "{id}" are borrowers; the hypervisor owns it',
    remedy: 'give one domain role = "owner", or remove role in all nodes',
    xen: 'maps pages that nobody owns',
  },
  'shm-alone': {
    severity: 'warning',
    message: 'no other domain names the region "{id}": it is shared with nobody',
    remedy: 'add a node with the same xen,shm-id to another domain',
    xen: 'maps it',
  },
  'shm-overlap': {
    severity: 'error',
    message: 'shared memory [{start}, {end}) overlaps [{otherStart}, {otherEnd}) of {other}',
    remedy: 'choose a range of host memory that nothing else uses',
    xen: 'panics: Early FDT parsing failed (-22)',
  },
  'shm-outside': {
    severity: 'error',
    message: 'shared memory [{start}, {end}) is not inside host memory ({memory})',
    remedy: 'choose a range of host memory, or leave the host address out',
    xen: 'panics while it maps the pages',
  },
  'shm-guest-overlap': {
    severity: 'error',
    message: 'the guest would see [{start}, {end}) where it has [{otherStart}, {otherEnd}) of {other}',
    remedy: 'choose another guest address, e.g. above the memory of the domain',
    xen: 'maps one over the other',
  },
  'shm-direct-map': {
    severity: 'error',
    message: 'a direct-map domain sees shared memory at its host address; it is {found} at guest address {guest}',
    remedy: 'give a host address that is equal to the guest address',
    xen: 'panics: are not direct-mapped',
  },
  'evtchn-name': {
    severity: 'warning',
    message: 'the node has only "xen,evtchn", the name in Xen\'s documentation; it is taken as "xen,evtchn-v1"',
    remedy: 'write compatible = "xen,evtchn-v1"',
    xen: 'knows "xen,evtchn-v1" only, and ignores the node without a word',
  },
  'evtchn-value': {
    severity: 'error',
    message: 'xen,evtchn is {found}; it is a port and the phandle of the other end',
    remedy: 'write xen,evtchn = <port &remote>',
    xen: 'panics: Could not set up domains evtchn',
  },
  'evtchn-port': {
    severity: 'error',
    message: 'port {found} is not one of 1 to {limit}',
    remedy: 'choose another port',
    xen: 'panics: Could not set up domains evtchn',
  },
  'evtchn-port-twice': {
    severity: 'error',
    message: 'port {found} of the domain is in use by {other}',
    remedy: 'choose another port',
    xen: 'panics: Could not set up domains evtchn',
  },
  'evtchn-remote': {
    severity: 'error',
    message: 'xen,evtchn refers to {found}',
    remedy: 'refer to a node with compatible = "xen,evtchn-v1" in another domain',
    xen: 'panics: could not find remote evtchn phandle',
  },
  'evtchn-one-way': {
    severity: 'error',
    message: 'the other end, {other}, does not point back to this node',
    remedy: 'let each end have the phandle of the other',
    xen: 'panics: xen,evtchn property is not setup correctly.',
  },
  'evtchn-not-enhanced': {
    severity: 'warning',
    message: 'the domain has event channels, and no xen,enhanced, without which a guest can use none',
    remedy: 'add xen,enhanced = "no-xenstore"',
    xen: 'makes the channel; the guest does not find the interface',
  },
});
