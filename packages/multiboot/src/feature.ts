/**
 * Parts of the binding that are always read and checked, but that a hypervisor may not provide. Each text says what a
 * domain misses without it.
 */
export const FEATURES = {
  capabilities: 'the domain gets no privilege',
  enhanced: 'the guest sees no hypervisor node and no Xen interface',
  'grant-table': 'without a Xen interface the guest has no grant table to be limited',
  'p2m-pool': 'tables for stage 2 are allotted by what the domain maps',
  'cache-coloring': 'the caches of the host are not partitioned',
  sci: 'the guest gets no SCMI firmware interface',
  'event-channels': 'the channel is not set up',
} as const;

/** Name of a part of the binding that a hypervisor may not provide. */
export type Feature = keyof typeof FEATURES;
