import { styleText } from 'node:util';
import type { Severity } from '@dom0less/multiboot';
import type { CheckFinding } from './finding.ts';

type Style = Parameters<typeof styleText>[0];
/** Colours a text, or leaves it alone. */
export type Paint = (style: Style, text: string) => string;

/** Colours for a terminal, unless NO_COLOR asks for none (https://no-color.org). */
export function paintFor(isTTY: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  const wanted = isTTY && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  return wanted ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
}

const STYLES: Record<Severity, Style> = { error: ['bold', 'red'], warning: ['bold', 'yellow'], info: ['bold', 'cyan'] };
const TAB = '    ';
const MAX_LINE = 160;

/** A source line for a terminal: tabs as spaces, control characters as dots. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not reach the terminal
const plain = (text: string): string => text.replaceAll('\t', TAB).replace(/[\u0000-\u001f\u007f-\u009f]/g, '·');

/** Length of what is marked on the line that the finding begins on. */
function markedLength({ location, span }: CheckFinding): number {
  if (span === undefined || location === undefined) return 1;
  const marked = span.text.slice(span.start, span.end).split('\n', 1)[0]!.trimEnd();
  return Math.max(1, plain(marked).length);
}

/** The line of the source, with what is meant marked below it. */
function excerpt(finding: CheckFinding, paint: Paint): string[] {
  const { location, severity } = finding;
  if (location === undefined) return [];
  const { file, line, column, sourceLine } = location;
  const number = String(line);
  const gutter = ' '.repeat(number.length);
  const bar = paint('blue', '|');
  const before = plain(sourceLine.slice(0, column - 1)).length;
  const shown = plain(sourceLine).slice(0, MAX_LINE);
  const length = Math.min(markedLength(finding), Math.max(1, shown.length - before));
  const mark =
    before < MAX_LINE ? [`${gutter} ${bar} ${' '.repeat(before)}${paint(STYLES[severity], '^'.repeat(length))}`] : [];
  return [
    `${gutter}${paint('blue', '-->')} ${file}:${line}:${column}`,
    `${gutter} ${bar}`,
    `${paint('blue', number)} ${bar} ${shown}`,
    ...mark,
  ];
}

/** One finding as a compiler shows it: what, where, the value as read, the repair, what Xen does. */
export function renderFinding(finding: CheckFinding, paint: Paint): string {
  const { severity, code, message, path, property, value, location, remedy, xen, fix } = finding;
  const gutter = ' '.repeat(location === undefined ? 1 : String(location.line).length);
  const note = (what: string, text: string): string =>
    `${gutter} ${paint('blue', '=')} ${paint('bold', what)}: ${text}`;
  const at = path === undefined ? undefined : property === undefined ? path : `${path} ${property}`;
  const read = value === undefined ? '' : ` = ${value}`;
  const lines = [
    `${paint(STYLES[severity], `${severity}[${code}]`)}${paint('bold', `: ${message}`)}`,
    ...excerpt(finding, paint),
    ...(at === undefined ? [] : [note(location === undefined ? 'at' : 'node', `${at}${read}`)]),
    ...(remedy === undefined ? [] : [note('help', remedy)]),
    ...(fix === undefined ? [] : [note('fix', `${fix.description} (--fix does it)`)]),
    ...(xen === undefined ? [] : [note('Xen', xen)]),
  ];
  return `${lines.join('\n')}\n`;
}
