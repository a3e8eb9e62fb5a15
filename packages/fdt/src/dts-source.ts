import { FdtError, type FdtErrorCode } from './errors.ts';

/** A place in a source text, for error messages; lines and columns count from 1. */
export interface DtsLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The whole line of text. */
  readonly sourceLine: string;
}

export type DtsErrorCode = Extract<FdtErrorCode, `DTS_${string}`>;

/** An error in device tree source. The message begins with `file:line:column` and shows the line with a caret. */
export class DtsError extends FdtError {
  override readonly name = 'DtsError';
  readonly location: DtsLocation;

  constructor(code: DtsErrorCode, message: string, location: DtsLocation) {
    const { file, line, column, sourceLine } = location;
    const shown = sourceLine.length > 200 ? `${sourceLine.slice(0, 200)}…` : sourceLine;
    const caret = column <= 200 ? `\n  ${shown.slice(0, column - 1).replace(/[^\t]/g, ' ')}^` : '';
    super(code, `${file}:${line}:${column}: ${message}\n  ${shown}${caret}`);
    this.location = location;
  }
}

/** A position that can be turned into a {@link DtsLocation} when it is needed. */
export interface DtsPosition {
  readonly source: DtsText;
  readonly offset: number;
}

/** `# 12 "file.dtsi"`, which the C preprocessor leaves behind: the next line is line 12 of that file. */
const LINE_MARKER = /^#(?:line)?[ \t]+([0-9]+)[ \t]+"([^"\n]*)"/;

/** One source file. */
export class DtsText {
  readonly file: string;
  readonly text: string;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  locate(offset: number): DtsLocation {
    let { file } = this;
    let line = 0;
    let start = 0;
    let end: number;
    for (;;) {
      const newline = this.text.indexOf('\n', start);
      end = newline < 0 ? this.text.length : newline;
      line++;
      if (offset <= end || newline < 0) break;
      const marker = LINE_MARKER.exec(this.text.slice(start, end));
      if (marker !== null) {
        line = Number(marker[1]) - 1;
        file = marker[2]!;
      }
      start = newline + 1;
    }
    return { file, line, column: offset - start + 1, sourceLine: this.text.slice(start, end).replace(/\r$/, '') };
  }
}

/** Throws the error of a text that parses and means nothing. */
export function refuse(message: string, at: DtsPosition): never {
  throw new DtsError('DTS_ERR_SEMANTIC', message, at.source.locate(at.offset));
}
