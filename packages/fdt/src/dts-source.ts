import { FdtError, type FdtErrorCode } from './errors.ts';

/** A place in a source text, for error messages; lines and columns count from 1. */
export interface DtsLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The whole line of text. */
  readonly sourceLine: string;
}

/** A stretch of a source file, for tools that show or edit it. */
export interface DtsSpan {
  readonly file: string;
  /** The whole text of the file. */
  readonly text: string;
  /** Offsets in `text`; `end` is the first behind. */
  readonly start: number;
  readonly end: number;
}

export type DtsErrorCode = Extract<FdtErrorCode, `DTS_${string}`>;

/** An error in device tree source. The message begins with `file:line:column` and shows the line with a caret. */
export class DtsError extends FdtError {
  override readonly name = 'DtsError';
  readonly location: DtsLocation;
  /** dtc's name of the check that finds this error (`duplicate_label`), where it is one of its checks. */
  readonly check: string | undefined;
  /** The message alone, without place and line. */
  readonly problem: string;
  /** The node, of an error that one of dtc's checks finds. */
  readonly nodePath: string | undefined;
  #errors: readonly DtsError[] = [this];

  constructor(code: DtsErrorCode, message: string, location: DtsLocation, check?: string, nodePath?: string) {
    const { file, line, column, sourceLine } = location;
    const shown = sourceLine.length > 200 ? `${sourceLine.slice(0, 200)}…` : sourceLine;
    const caret = column <= 200 ? `\n  ${shown.slice(0, column - 1).replace(/[^\t]/g, ' ')}^` : '';
    super(code, `${file}:${line}:${column}: ${message}\n  ${shown}${caret}`);
    this.location = location;
    this.problem = message;
    this.nodePath = nodePath;
    this.check = check;
  }

  /** All errors that were found in the source, in order of their finding; the one that is thrown is the first. */
  get errors(): readonly DtsError[] {
    return this.#errors;
  }

  /** Throws the first of these errors, if there is one. */
  static throwFirst(errors: readonly DtsError[]): void {
    const [first] = errors;
    if (first === undefined) return;
    first.#errors = errors;
    throw first;
  }
}

/** A position that can be turned into a {@link DtsLocation} when it is needed. */
export interface DtsPosition {
  readonly source: DtsText;
  readonly offset: number;
}

/** A stretch of source; it may begin in one file and end in another. */
export interface DtsStretch {
  readonly start: DtsPosition;
  /** Behind its last character. */
  readonly end: DtsPosition;
}

export const locationOf = (at: DtsPosition): DtsLocation => at.source.locate(at.offset);

/** Where a stretch of text that the preprocessor made comes from. */
export interface DtsOrigin {
  /** Where the stretch begins in the text that was made. */
  readonly start: number;
  readonly source: DtsText;
  readonly offset: number;
  /** True when the stretch is a copy; else all of it comes from that one place, which uses a macro. */
  readonly copied: boolean;
}

/** `# 12 "file.dtsi"`, which the C preprocessor leaves behind: the next line is line 12 of that file. */
const LINE_MARKER = /^[ \t]*#(?:[ \t]*line)?[ \t]+([0-9]+)(?:[ \t]+"((?:[^"\\\n]|\\[^\n])*)"|[ \t]*\r?$)/;

/** A line marker's effect: from this line (counted from 0) on, lines are `shift` more, of that file. */
interface Renumbering {
  readonly line: number;
  readonly shift: number;
  readonly file: string;
}

/** The last item for which `isAtMost` holds; it holds for none after the first for which it does not. */
function lastAtMost<T>(items: readonly T[], isAtMost: (item: T) => boolean): number {
  let low = -1;
  let high = items.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (isAtMost(items[middle]!)) low = middle;
    else high = middle;
  }
  return low;
}

/** One source file, or what the preprocessor made of it. */
export class DtsText {
  readonly file: string;
  readonly text: string;
  readonly #origins: readonly DtsOrigin[] | undefined;
  #lineStarts: number[] | undefined;
  #renumberings: Renumbering[] = [];

  constructor(file: string, text: string, origins?: readonly DtsOrigin[]) {
    this.file = file;
    this.text = text;
    this.#origins = origins;
  }

  /** The file, by its own name, that this position is in. */
  fileAt(offset: number): string {
    return this.#originAt(offset)?.source.file ?? this.file;
  }

  /** True for text as it is in its file: not made by the preprocessor, ours or another that left line markers. */
  get verbatim(): boolean {
    this.#lineStarts ??= this.#findLines();
    return this.#origins === undefined && this.#renumberings.length === 0;
  }

  /** The stretch between two positions of this text; undefined when the preprocessor made some of it. */
  span(start: number, end: number): DtsSpan | undefined {
    const origin = this.#originAt(start);
    if (origin === undefined) return this.verbatim ? { file: this.file, text: this.text, start, end } : undefined;
    if (!origin.copied || (this.#originAt(end - 1) ?? origin) !== origin) return undefined;
    const shift = origin.offset - origin.start;
    return origin.source.span(start + shift, end + shift);
  }

  locate(offset: number): DtsLocation {
    const origin = this.#originAt(offset);
    if (origin !== undefined) {
      return origin.source.locate(origin.offset + (origin.copied ? offset - origin.start : 0));
    }
    this.#lineStarts ??= this.#findLines();
    const index = Math.max(
      lastAtMost(this.#lineStarts, (start) => start <= offset),
      0,
    );
    const start = this.#lineStarts[index]!;
    const end = (this.#lineStarts[index + 1] ?? this.text.length + 1) - 1;
    const marker = this.#renumberings[lastAtMost(this.#renumberings, ({ line }) => line <= index)];
    return {
      file: marker?.file ?? this.file,
      line: index + 1 + (marker?.shift ?? 0),
      column: Math.min(offset, end) - start + 1,
      sourceLine: this.text.slice(start, end).replace(/\r$/, ''),
    };
  }

  #originAt(offset: number): DtsOrigin | undefined {
    if (this.#origins === undefined) return undefined;
    return this.#origins[lastAtMost(this.#origins, ({ start }) => start <= offset)] ?? this.#origins[0];
  }

  #findLines(): number[] {
    const starts = [0];
    const { text } = this;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
      const from = starts.at(-1)!;
      const marker = text.slice(from, from + 8).includes('#') ? LINE_MARKER.exec(text.slice(from, at)) : null;
      if (marker !== null) {
        const file = marker[2]?.replace(/\\(["\\])/g, '$1') ?? this.#renumberings.at(-1)?.file ?? this.file;
        this.#renumberings.push({ line: starts.length, shift: Number(marker[1]) - 1 - starts.length, file });
      }
      starts.push(at + 1);
    }
    return starts;
  }
}

/** After so many, a source is given up. */
const MAX_ERRORS = 1000;

/** The errors of a source that do not end its reading. */
export class DtsReports {
  readonly errors: DtsError[] = [];

  /** Notes the error of a text that parses and means nothing. Throws when there are too many. */
  report(message: string, at: DtsPosition, check?: string, nodePath?: string): void {
    const error = new DtsError('DTS_ERR_SEMANTIC', message, locationOf(at), check, nodePath);
    if (this.errors.length >= MAX_ERRORS) throw error;
    this.errors.push(error);
  }
}
