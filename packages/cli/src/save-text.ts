import { writeFile } from './board-files.ts';
import type { CliIo } from './io.ts';

/** Where a text goes. */
export interface SaveFlags {
  /** Absent or `-`: standard output. */
  readonly out?: string;
  /** Replace a file that exists. */
  readonly force?: boolean;
}

/**
 * Writes a text to the file that -o names, or to standard output.
 *
 * @throws {InputError} if the file exists and is not to be replaced, or can't be written.
 */
export function saveText(text: string, { out, force }: SaveFlags, io: CliIo): void {
  if (out === undefined || out === '-') io.stdout.write(text);
  else writeFile(out, text, force === true);
}
