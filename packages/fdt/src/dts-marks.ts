/** How a stretch of a value is written: `[bytes]` or `/bits/ 8`, `/bits/ 16`, `<cells>`, `/bits/ 64`, `"string"`. */
export type DtsValueType = 'u8' | 'u16' | 'u32' | 'u64' | 'string';

/**
 * Something that a value's bytes do not tell, at an offset of theirs: here begins a stretch of a type, stands a label,
 * a reference as a phandle or a path, or what a file gives (`/incbin/`: its type is not known).
 */
export type DtsMark = { readonly offset: number } & (
  | { readonly kind: 'type'; readonly type: DtsValueType }
  | { readonly kind: 'label'; readonly label: string }
  | { readonly kind: 'phandle' | 'path' | 'file' }
);

/** A mark as a piece of a value that is not resolved yet: it stands before the next piece. */
export type DtsMarkPiece =
  | { readonly kind: 'type'; readonly type: DtsValueType }
  | { readonly kind: 'label'; readonly label: string }
  | { readonly kind: 'file' };

/** The mark of a value that is of one type throughout. */
export const typeMark = (type: DtsValueType, offset = 0): DtsMark => ({ offset, kind: 'type', type });

/** The length of a mark's stretch of `length` bytes in all: to the next mark of a type. */
export function typedLength(marks: readonly DtsMark[], index: number, length: number): number {
  const next = marks.slice(index + 1).find(({ kind }) => kind === 'type');
  return (next?.offset ?? length) - marks[index]!.offset;
}
