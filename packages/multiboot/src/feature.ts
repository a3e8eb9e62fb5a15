/**
 * Parts of the binding that are always read and checked, but that a hypervisor may not provide yet. Each text says what
 * a domain misses without it.
 */
export const FEATURES = {
  capabilities: 'the domain gets no privilege',
  'static-mem': 'the memory comes from the general pool, at other host addresses',
  'direct-map': 'guest addresses are the usual ones, not the host addresses',
  cpupools: 'the domain shares all CPUs with the others',
  passthrough: 'no device is assigned',
  enhanced: 'the guest sees no hypervisor node and no Xen interface',
  'trap-unmapped-accesses': 'an access outside the guest physical map still aborts',
  sci: 'the guest gets no SCMI firmware interface',
  'vcpu-affinity': 'vCPUs run on any CPU',
  'shared-memory': 'the region is not shared, and not in the guest tree',
  'event-channels': 'the channel is not set up',
} as const;

/** Name of a part of the binding that a hypervisor may not provide. */
export type Feature = keyof typeof FEATURES;
