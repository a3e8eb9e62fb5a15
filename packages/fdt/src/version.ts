import { HEADER_SIZE_V16, HEADER_SIZE_V17 } from './format.ts';
import type { DtNode, DtProperty } from './node.ts';
import { propStrings } from './values.ts';

/** Versions of the flattened format that there are; 16 and 17 are in use. */
export const FDT_VERSIONS = [1, 2, 3, 16, 17] as const;
export type FdtVersion = (typeof FDT_VERSIONS)[number];

/** How a version differs from others (dtc and libfdt agree on it; the Devicetree Specification has 17 only). */
export interface FdtForm {
  readonly version: FdtVersion;
  readonly lastCompVersion: 1 | 16;
  /** In bytes. */
  readonly headerSize: number;
  /** Nodes are named by their whole path. */
  readonly fullPaths: boolean;
  /** Values of 8 bytes and more begin at a multiple of 8. */
  readonly alignValues: boolean;
  /** The header has boot_cpuid_phys, size_dt_strings, size_dt_struct. */
  readonly bootCpu: boolean;
  readonly stringsSize: boolean;
  readonly structSize: boolean;
  /** A node's properties as they are written: before version 16 it has a `name`. */
  propertiesOf(node: DtNode): readonly DtProperty[];
}

const HEADER_SIZES: Readonly<Record<FdtVersion, number>> = {
  1: 28,
  2: 32,
  3: HEADER_SIZE_V16,
  16: HEADER_SIZE_V16,
  17: HEADER_SIZE_V17,
};

export function formOf(version: FdtVersion): FdtForm {
  const old = version < 16;
  return {
    version,
    lastCompVersion: old ? 1 : 16,
    headerSize: HEADER_SIZES[version],
    fullPaths: old,
    alignValues: old,
    bootCpu: version >= 2,
    stringsSize: version >= 3,
    structSize: version >= 17,
    propertiesOf: (node) =>
      old && !node.has('name')
        ? [...node.properties, { name: 'name', value: propStrings(node.baseName) }]
        : node.properties,
  };
}
