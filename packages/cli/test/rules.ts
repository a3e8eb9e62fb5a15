/** The examples of docs/rules, and the pages that show them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileDts, writeFdt } from '@dom0less/fdt';
import { BUILD_DIAGNOSTICS, planBoard } from '@dom0less/hypervisor/plan';
import { checkXenVersion, DIAGNOSTICS, parseXenVersion, type Severity } from '@dom0less/multiboot';
import { LOADS } from './rule-images.ts';

const beside = fileURLToPath(new URL('../../../docs/rules', import.meta.url));
/** docs/rules; seen from the repository's root if this file was bundled. */
export const FOLDER = existsSync(beside) ? beside : join(process.cwd(), 'docs/rules');
const EXAMPLES = join(FOLDER, 'examples');
/** Bytes that examples give the module of a fragment. */
const FRAGMENT_BYTES = 0x1000;
const MARKER = '<!-- generated -->\n';

interface Rule {
  readonly severity: Severity;
  readonly message: string;
  readonly remedy: string;
  readonly xen?: string;
}

/** Every rule of `check`: what scripts of U-Boot can have wrong is in the README of @dom0less/multiboot. */
export const RULES: Readonly<Record<string, Rule>> = Object.fromEntries(
  Object.entries<Rule>({ ...DIAGNOSTICS, ...BUILD_DIAGNOSTICS }).filter(([code]) => !code.startsWith('script-')),
);

/** Source of an example, undefined if there is none. */
export function example(code: string, kind: 'bad' | 'good'): string | undefined {
  const path = join(EXAMPLES, `${code}.${kind}.dts`);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** Rules that no source can trigger by itself, and why. */
export const WITHOUT_EXAMPLE: Readonly<Record<string, string>> = {
  'board-memory-exhausted': 'depends on how much memory the host gives when the board is made',
  'module-unreadable': 'depends on what becomes of a file while the board uses it',
  'placement-no-memory': 'is for callers of `placeImages`: `check` says `domain-memory-zero` before',
};

/** Pitfalls that no tree and no image shows, and what there is for them. */
const NOT_STATIC: readonly (readonly [string, string])[] = [
  [
    'who has the keyboard',
    'a question of a running board: at its start and at each change the console says `*** Serial input to DOM1`, and Ctrl-A three times moves on; a `conswitch` that can not work is found as `xen-option-invalid`',
  ],
  [
    'which message is of which domain',
    "each domain is named as its node, or as `dom0less,name` says, wherever a person or a program is told of it; only Xen's own lines say DOM1, in the order of the nodes, as Xen does",
  ],
  [
    'a guest that died unseen',
    'shows when it runs: `run` says `dom0less: domU1 crashed: …` or `panicked`, with `--json` as an event, and its exit code is 1; what is to happen then is `dom0less,on-crash`',
  ],
  [
    'a host tree from which Xen makes no dom0 (a disabled PCI bridge, registers behind a bus without ranges)',
    'no dom0 is made here: `dom0-described` says so; a UART that is disabled is found as `uart-missing`',
  ],
  [
    'a guest built for another interrupt controller or timer frequency',
    'an image does not tell what it was built for; that Zephyr has addresses of its own is found as `guest-fixed-addresses`',
  ],
];

/** A line of an example that says what lies where: a word of {@link LOADS}, or a source of a device tree. */
const LIES = /^\/\/ at (0x[\da-f]+) lies: (\S+)$/gm;

const liesIn = (source: string): { address: string; what: string }[] =>
  [...source.matchAll(LIES)].map(([, address, what]) => ({ address: address!, what: what! }));

const isTree = (what: string): boolean => what.endsWith('.dts');

const sourceOf = (name: string): string => readFileSync(join(EXAMPLES, name), 'utf8');

/** The bytes that stand for a word; a compiled tree is as long as the reg of its module says. */
const bytesOf = (what: string): Uint8Array => {
  if (!isTree(what)) return LOADS[what]!.bytes();
  const bytes = new Uint8Array(FRAGMENT_BYTES);
  bytes.set(writeFdt(compileDts(sourceOf(what), { filename: what })));
  return bytes;
};

const noteOf = (source: string, pattern: RegExp): string | undefined => pattern.exec(source)?.[1];

/** Codes of everything that a check finds in an example. */
export function codesOf(source: string): string[] {
  const tree = compileDts(source, { filename: 'example.dts', include: sourceOf });
  const lies = liesIn(source);
  const files = lies.map(({ address, what }) => [Number(address), bytesOf(what)] as const);
  const modules = new Map(files.filter(([, bytes]) => bytes.length > 0));
  const pcpus = noteOf(source, /^\/\/ check with --pcpus (\d+)$/m);
  const { plan, diagnostics } = planBoard({
    ...{ tree, modules, assumeModules: lies.length === 0 },
    ...(pcpus === undefined ? {} : { pcpus: Number(pcpus) }),
  });
  const version = noteOf(source, /^\/\/ check with --xen (.*)$/m);
  const history = version === undefined ? [] : checkXenVersion(tree, plan, parseXenVersion(version)!);
  return [...diagnostics, ...history].map(({ code }) => code);
}

/** What lies where in an example, for its page. */
const liesText = (source: string): string =>
  liesIn(source)
    .map(({ address, what }) =>
      isTree(what)
        ? `\nAt ${address} lies [examples/${what}](examples/${what}), compiled:\n\n\`\`\`dts\n${sourceOf(what).trimEnd()}\n\`\`\`\n`
        : `\nAt ${address} lies \`${what}\`: ${LOADS[what]!.what}.\n`,
    )
    .join('');

/** The page of a rule, what people wrote kept. */
export function page(code: string, old: string | undefined): string {
  const { severity, message, remedy, xen } = RULES[code]!;
  const written = old?.split(MARKER)[0] ?? `# ${code}\n\n`;
  const shown = (kind: 'bad' | 'good', title: string): string => {
    const source = example(code, kind);
    return source === undefined
      ? ''
      : `\n## ${title}\n\n[examples/${code}.${kind}.dts](examples/${code}.${kind}.dts), on [board.dtsi](examples/board.dtsi):\n\n\`\`\`dts\n${source.trimEnd()}\n\`\`\`\n${liesText(source)}`;
  };
  return `${written}${MARKER}
| | |
|---|---|
| severity | ${severity} |
| message | ${cell(message)} |
| repair | ${cell(remedy)} |
${xen === undefined ? '' : `| Xen | ${cell(xen)} |\n`}${withoutText(code)}${shown('bad', 'Found here')}${shown('good', 'Not here')}`;
}

/** Why a rule has no example. */
const withoutText = (code: string): string =>
  Object.hasOwn(WITHOUT_EXAMPLE, code) ? `\nWithout an example: it ${WITHOUT_EXAMPLE[code]}.\n` : '';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '\\<');

/** The list of all pages. */
export function index(): string {
  const rows = Object.entries(RULES).map(
    ([code, { severity, message }]) => `| [${code}](${code}.md) | ${severity} | ${cell(message)} |`,
  );
  return `# Rules of \`dom0less check\`

What is found in a host device tree, its images and its domains; the same before a boot and without one. Each page says
why, what to do, what Xen does, and has an example that triggers the rule and one that does not. Examples can be checked
themselves: \`dom0less check docs/rules/examples/CODE.bad.dts\`.

| rule | severity | message |
|---|---|---|
${rows.join('\n')}

## What lies where

An example may have a line \`// at ADDRESS lies: WORD\`, which says what file stands behind a module:

| word | file |
|---|---|
${Object.entries(LOADS)
  .map(([word, { what }]) => `| ${word} | ${what} |`)
  .join('\n')}
| NAME.dts | that source, compiled |

## Without an example

| rule | it |
|---|---|
${Object.entries(WITHOUT_EXAMPLE)
  .map(([code, why]) => `| [${code}](${code}.md) | ${why} |`)
  .join('\n')}

## What no rule finds

| what goes wrong | why no rule finds it, and what there is instead |
|---|---|
${NOT_STATIC.map((row) => `| ${row.join(' | ')} |`).join('\n')}
`;
}

/** Pages that are there, by code. */
export const pagesThere = (): string[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .map((name) => name.slice(0, -3));
