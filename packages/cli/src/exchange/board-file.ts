import { type DeviceTree, printDts } from '@dom0less/fdt';

/** A board as it goes into a file: a tree, and the files that are loaded. */
export interface ExchangedBoard {
  readonly tree: DeviceTree;
  readonly loads: readonly { readonly address: number; readonly file: string }[];
}

const quoted = (word: string): string => (/^[\w./=:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
const inComment = (text: string): string => text.replaceAll('*/', '* /').replace(/[\r\n]/g, ' ');

/** The options that load the files, for a command line. */
export const loadWords = ({ loads }: ExchangedBoard): string =>
  loads.map(({ address, file }) => `--load ${quoted(`0x${address.toString(16)}=${file}`)}`).join(' ');

/**
 * The source of a board, with the commands that check and boot it in its first comment.
 *
 * @param from what it was made from
 * @param name file that it will be in
 */
export function boardFile(board: ExchangedBoard, from: string, name: string): string {
  const words = `${inComment(quoted(name))} ${inComment(loadWords(board))}`.trimEnd();
  const comment = `/*
 * Made from ${inComment(from)}. Check it, boot it:
 *
 *   dom0less check ${words}
 *   dom0less run ${words}
 */
`;
  return `${comment}${printDts(board.tree)}`;
}
