/**
 * Names follow libfdt's error codes where one exists; `DTS_ERR_*` are for the source language.
 *
 * | code | when |
 * |---|---|
 * | FDT_ERR_BADMAGIC | the blob does not start with 0xd00dfeed |
 * | FDT_ERR_BADVERSION | version below 16, or last_comp_version above 17 |
 * | FDT_ERR_TRUNCATED | a block or an item reaches beyond its end |
 * | FDT_ERR_BADOFFSET | a string offset points outside of the strings block |
 * | FDT_ERR_ALIGNMENT | a block is not aligned as the format demands |
 * | FDT_ERR_BADSTRUCTURE | tags in an impossible order, bad names, too deep |
 * | FDT_ERR_BADVALUE | a property whose value does not have the asked type, or an argument that cannot be stored |
 * | FDT_ERR_BADNCELLS | #address-cells or #size-cells outside of 0..4 |
 * | FDT_ERR_EXISTS | a child of that name exists already |
 * | FDT_ERR_NOTFOUND | a node or symbol that an overlay or an edit needs is not there |
 * | FDT_ERR_BADPHANDLE | a phandle that is not one cell, or cannot be one |
 * | FDT_ERR_NOPHANDLES | the phandles of an overlay do not fit behind those of the base tree |
 * | FDT_ERR_BADOVERLAY | an overlay whose fragments or fixups contradict themselves |
 * | DTS_ERR_SYNTAX | a source text that does not parse |
 * | DTS_ERR_SEMANTIC | a source text that parses and means nothing (unknown label, duplicate name, …) |
 * | DTS_ERR_INCLUDE | a file that cannot be included |
 * | DTS_ERR_PREPROCESSOR | a directive or macro of the preprocessor that does not work out, or `#error` |
 */
export type FdtErrorCode =
  | 'FDT_ERR_BADMAGIC'
  | 'FDT_ERR_BADVERSION'
  | 'FDT_ERR_TRUNCATED'
  | 'FDT_ERR_BADOFFSET'
  | 'FDT_ERR_ALIGNMENT'
  | 'FDT_ERR_BADSTRUCTURE'
  | 'FDT_ERR_BADVALUE'
  | 'FDT_ERR_BADNCELLS'
  | 'FDT_ERR_EXISTS'
  | 'FDT_ERR_NOTFOUND'
  | 'FDT_ERR_BADPHANDLE'
  | 'FDT_ERR_NOPHANDLES'
  | 'FDT_ERR_BADOVERLAY'
  | 'DTS_ERR_SYNTAX'
  | 'DTS_ERR_SEMANTIC'
  | 'DTS_ERR_INCLUDE'
  | 'DTS_ERR_PREPROCESSOR';

/** Where an {@link FdtError} happened; each field is there when it is known. */
export interface FdtErrorPlace {
  /** Byte offset from the start of the blob. */
  readonly offset?: number;
  /** Path of the node. */
  readonly path?: string;
  /** Name of the property. */
  readonly property?: string;
}

/** The one error class of this package: malformed blobs, values and sources, and impossible edits. */
export class FdtError extends Error {
  override readonly name: string = 'FdtError';
  readonly code: FdtErrorCode;
  /** Byte offset from the start of the blob, for errors of the reader. */
  readonly offset: number | undefined;
  /** Path of the node, for errors of accessors and edits. */
  readonly path: string | undefined;
  /** Name of the property, for errors of accessors and edits. */
  readonly property: string | undefined;

  constructor(code: FdtErrorCode, message: string, place: FdtErrorPlace = {}) {
    super(place.offset === undefined ? message : `${message} (at offset 0x${place.offset.toString(16)})`);
    this.code = code;
    this.offset = place.offset;
    this.path = place.path;
    this.property = place.property;
  }
}
