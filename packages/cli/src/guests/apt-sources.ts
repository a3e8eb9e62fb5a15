/**
 * apt's source entries (sources.list(5)), rewritten so that they serve another architecture: every option that pins
 * one is removed, and what is left out besides is source code (`deb-src`), discs (`cdrom:`) and disabled entries.
 */

/** Options and fields of sources.list(5) that say for which architectures an entry is meant. */
const ARCHITECTURE_OPTION = /^(?:arch|architectures)(?:[+-]|-add|-remove)?$/i;
const CDROM = /^cdrom:/i;
const OFF = /^(?:no|false|without|off|disable|0)$/i;

/** Suites that Debian names by their role, beside its code names. */
const ROLES = ['stable', 'oldstable', 'oldoldstable', 'testing', 'unstable', 'sid'];

/** A file of source entries: its name (ending in `.list` or `.sources`) and its text. */
export interface SourcesFile {
  readonly name: string;
  readonly text: string;
}

interface Entry {
  readonly text: string;
  readonly suites: readonly string[];
  /** Text of the entry with a suite more. */
  withSuite(suite: string): string;
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

function oneLineEntry(line: string): Entry | undefined {
  const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?([^#]*)/.exec(line);
  if (match === null) return undefined;
  const [uri, suite, ...components] = words(match[2] ?? '');
  if (uri === undefined || suite === undefined || CDROM.test(uri)) return undefined;
  const options = words(match[1] ?? '').filter((option) => !ARCHITECTURE_OPTION.test(option.split(/[+-]?=/)[0] ?? ''));
  const bracket = options.length === 0 ? [] : [`[${options.join(' ')}]`];
  const text = (name: string): string => ['deb', ...bracket, uri, name, ...components].join(' ');
  return { text: text(suite), suites: [suite], withSuite: (more) => `${text(suite)}\n${text(more)}` };
}

/** Fields of one deb822 stanza, in order; a value keeps its continuation lines, comments are gone. */
function fieldsOf(stanza: string): { name: string; value: string }[] {
  const fields: { name: string; value: string }[] = [];
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue;
    const last = fields.at(-1);
    const match = /^([^\s:]+):(.*)$/.exec(line);
    if (match !== null) fields.push({ name: match[1] ?? '', value: match[2] ?? '' });
    else if (last !== undefined && /^[ \t]/.test(line)) last.value += `\n${line}`;
  }
  return fields;
}

function stanzaEntry(stanza: string): Entry | undefined {
  const fields = fieldsOf(stanza);
  const value = (name: string): string => fields.find((field) => field.name.toLowerCase() === name)?.value ?? '';
  if (!words(value('types')).includes('deb') || OFF.test(value('enabled').trim())) return undefined;
  const uris = words(value('uris')).filter((uri) => !CDROM.test(uri));
  const suites = words(value('suites'));
  if (uris.length === 0 || suites.length === 0) return undefined;
  const text = (replaced: ReadonlyMap<string, string>): string =>
    fields
      .filter((field) => !ARCHITECTURE_OPTION.test(field.name))
      .map((field) => `${field.name}:${replaced.get(field.name.toLowerCase()) ?? field.value}`)
      .join('\n');
  const own = [
    ['types', ' deb'],
    ['uris', ` ${uris.join(' ')}`],
  ] as const;
  return {
    text: text(new Map(own)),
    suites,
    withSuite: (more) => text(new Map([...own, ['suites', ` ${[...suites, more].join(' ')}`]])),
  };
}

const isDeb822 = (file: SourcesFile): boolean => file.name.endsWith('.sources');

function entriesOf(file: SourcesFile): Entry[] {
  const text = file.text.replaceAll('\r\n', '\n');
  const found = isDeb822(file) ? text.split(/\n[ \t]*\n/).map(stanzaEntry) : text.split('\n').map(oneLineEntry);
  return found.filter((entry) => entry !== undefined);
}

function servesRelease(entry: Entry, codename: string): boolean {
  return entry.suites.some((suite) => {
    const base = suite.split(/[-/]/)[0] ?? '';
    return base === codename || ROLES.includes(base);
  });
}

/** Name of the suite with newer packages for a release. */
export const backportsOf = (codename: string): string => `${codename}-backports`;

/** Copies of entries with, beside the release itself, its backports: those are in the same archive, in a suite apart. */
function withBackports(entries: readonly Entry[], codename: string): Entry[] {
  const backports = backportsOf(codename);
  const role = (suite: string): boolean => suite === 'stable' || suite === 'oldstable' || suite === 'oldoldstable';
  return entries.map((entry) =>
    entry.suites.some((suite) => suite === codename || role(suite)) && !entry.suites.includes(backports)
      ? { ...entry, text: entry.withSuite(backports) }
      : entry,
  );
}

/**
 * Private copies of source entries without their architecture options. Where entries for the running release
 * (`codename`, or a suite named by role) exist, entries for anything else are left out: a third party's repository is
 * not asked for an architecture that it may lack. Files without a remaining entry are left out.
 *
 * @param backports whether the entries that serve the release also get the suite of its backports.
 */
export function rewriteSources(files: readonly SourcesFile[], codename: string, backports = false): SourcesFile[] {
  const parsed = files.map((file) => ({ file, entries: entriesOf(file) }));
  const some = parsed.some(({ entries }) => entries.some((entry) => servesRelease(entry, codename)));
  return parsed.flatMap(({ file, entries }) => {
    const serving = some ? entries.filter((entry) => servesRelease(entry, codename)) : entries;
    if (serving.length === 0) return [];
    const kept = backports ? withBackports(serving, codename) : serving;
    return [{ name: file.name, text: `${kept.map((entry) => entry.text).join(isDeb822(file) ? '\n\n' : '\n')}\n` }];
  });
}
