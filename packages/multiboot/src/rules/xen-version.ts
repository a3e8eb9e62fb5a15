/** A release of Xen: its minor number, 17 for 4.17. All of dom0less is in releases of Xen 4. */
export type XenVersion = number;

/** The last release that the tables of this package know. */
export const LATEST_XEN: XenVersion = 22;

/** Reads `4.17`, also with a patch level; undefined for anything else. */
export const parseXenVersion = (text: string): XenVersion | undefined => {
  const minor = /^4\.(\d{1,3})(?:\.\d+)?$/.exec(text)?.[1];
  return minor === undefined ? undefined : Number(minor);
};

/** The release as people write it. */
export const showXenVersion = (version: XenVersion): string => `4.${version}`;

/** When Xen learnt something, and what it needs for it besides. */
export interface XenSupport {
  /** First release that knows it. */
  readonly since: XenVersion;
  /** Build option without which no release does, off unless Xen is configured so. */
  readonly config?: string;
}

/** Properties of a domain node. */
export const DOMAIN_PROPERTY_SUPPORT: Readonly<Record<string, XenSupport>> = {
  memory: { since: 12 },
  cpus: { since: 12 },
  '#address-cells': { since: 12 },
  '#size-cells': { since: 12 },
  vpl011: { since: 12 },
  nr_spis: { since: 13 },
  'xen,static-mem': { since: 16, config: 'CONFIG_STATIC_MEMORY' },
  'direct-map': { since: 17 },
  'domain-cpupool': { since: 17, config: 'CONFIG_BOOT_TIME_CPUPOOLS' },
  'xen,enhanced': { since: 17 },
  'xen,domain-p2m-mem-mb': { since: 17 },
  max_grant_version: { since: 18 },
  max_grant_frames: { since: 18 },
  max_maptrack_frames: { since: 18 },
  sve: { since: 18, config: 'CONFIG_ARM64_SVE' },
  passthrough: { since: 19 },
  'llc-colors': { since: 20, config: 'CONFIG_LLC_COLORING' },
  capabilities: { since: 21 },
  'trap-unmapped-accesses': { since: 21 },
  'xen,sci_type': { since: 21 },
  v8r_el1_msa: { since: 22 },
};

/** Properties of /chosen. */
export const CHOSEN_PROPERTY_SUPPORT: Readonly<Record<string, XenSupport>> = {
  'xen,xen-bootargs': { since: 4 },
  'xen,dom0-bootargs': { since: 4 },
  'xen,static-heap': { since: 17, config: 'CONFIG_STATIC_MEMORY' },
  'xen,uefi-cfg-load': { since: 16 },
};

/** Nodes, by a string of their `compatible`. */
export const NODE_SUPPORT: Readonly<Record<string, XenSupport>> = {
  'xen,domain': { since: 12 },
  'multiboot,device-tree': { since: 13 },
  'xen,cpupool': { since: 17, config: 'CONFIG_BOOT_TIME_CPUPOOLS' },
  'xen,domain-shared-memory-v1': { since: 17, config: 'CONFIG_STATIC_SHM' },
  'xen,evtchn-v1': { since: 17 },
  'xen,vcpu': { since: 21 },
};

/** Words that a property took later than others. */
export const WORD_SUPPORT: Readonly<Record<string, Readonly<Record<string, XenSupport>>>> = {
  'xen,enhanced': { legacy: { since: 21 } },
};

/** First release that boots domains without a dom0. */
export const DOM0_OPTIONAL_SINCE: XenVersion = 16;
/** First release that has a page for the xenstore of a domain itself, so that direct-map domains can have one. */
export const XENSTORE_PAGE_SINCE: XenVersion = 21;
/** First release whose buffer for a guest's tree grows with its vCPUs; before, it had 4 KiB. */
export const BIG_TREES_SINCE: XenVersion = 22;
/** About as many vCPUs as fit into a tree of 4 KiB. */
export const SMALL_TREE_VCPUS = 32;
