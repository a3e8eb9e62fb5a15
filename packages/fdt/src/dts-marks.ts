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

/** For each mark where its stretch ends in a value of `length` bytes: at the next mark of a type, or at the end. */
export function stretchEnds(marks: readonly DtsMark[], length: number): number[] {
  const ends: number[] = [];
  let end = length;
  for (let index = marks.length - 1; index >= 0; index--) {
    ends[index] = end;
    if (marks[index]!.kind === 'type') end = marks[index]!.offset;
  }
  return ends;
}
