import type { Parsed } from './option-values.ts';

/** Bytes that are typed into a domain when its console shows a pattern. */
export interface Send {
  /** The domain's node name, with or without unit address. */
  readonly domain: string;
  readonly regex: RegExp;
  readonly bytes: Uint8Array;
}

/** What stands for a byte behind a backslash, besides `xNN`. */
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '=': '=' };
const ESCAPE = /\\(?:x([\da-f]{2})|(.?))/giu;

/** Where the first `=` is that no backslash stands before; -1 if there is none. */
function separatorAt(text: string): number {
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '=') return at;
  }
  return -1;
}

/** The bytes that a text with escapes means, as UTF-8; an escape that means nothing is given instead. */
export function unescapeText(text: string): { readonly bytes: Uint8Array } | { readonly unknown: string } {
  const encoder = new TextEncoder();
  const bytes: number[] = [];
  let done = 0;
  for (const match of text.matchAll(ESCAPE)) {
    const [whole, hex, letter] = match;
    const meant = letter === undefined ? '' : ESCAPES[letter];
    if (meant === undefined) return { unknown: whole };
    bytes.push(...encoder.encode(text.slice(done, match.index)));
    bytes.push(...(hex === undefined ? encoder.encode(meant) : [Number.parseInt(hex, 16)]));
    done = match.index + whole.length;
  }
  bytes.push(...encoder.encode(text.slice(done)));
  return { bytes: Uint8Array.from(bytes) };
}

/**
 * Parses `DOMAIN=REGEX=TEXT`. REGEX is JavaScript's, with `^` and `$` at line ends. `\=` is a literal `=` in both; TEXT
 * has also `\n`, `\r`, `\t`, `\xNN` and `\\`.
 */
export function parseSend(text: string): Parsed<Send> {
  const option = `--send ${text}`;
  const domainEnd = text.indexOf('=');
  const rest = text.slice(domainEnd + 1);
  const regexEnd = separatorAt(rest);
  if (domainEnd <= 0 || regexEnd < 0) {
    return { problem: `${option}: expected DOMAIN=REGEX=TEXT, e.g. --send 'domU1=# $=uname -a\\n'` };
  }
  const source = rest.slice(0, regexEnd).replace(/\\([\s\S])/g, (whole, char) => (char === '=' ? '=' : whole));
  if (source === '') return { problem: `${option}: the regular expression is empty` };
  const typed = unescapeText(rest.slice(regexEnd + 1));
  if ('unknown' in typed) {
    return { problem: `${option}: ${typed.unknown} is no escape; there are \\n, \\r, \\t, \\xNN, \\\\ and \\=` };
  }
  try {
    return { value: { domain: text.slice(0, domainEnd), regex: new RegExp(source, 'gm'), bytes: typed.bytes } };
  } catch (error) {
    return { problem: `${option}: ${(error as Error).message}` };
  }
}
