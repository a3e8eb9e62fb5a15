/** The examples of docs/rules, and the pages that show them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { compileDts } from '@dom0less/fdt';
import { BUILD_DIAGNOSTICS, planBoard } from '@dom0less/hypervisor/plan';
import { checkXenVersion, DIAGNOSTICS, parseXenVersion, type Severity } from '@dom0less/multiboot';

const beside = fileURLToPath(new URL('../../../docs/rules', import.meta.url));
/** docs/rules; seen from the repository's root if this file was bundled. */
export const FOLDER = existsSync(beside) ? beside : join(process.cwd(), 'docs/rules');
const EXAMPLES = join(FOLDER, 'examples');
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

const KERNEL_ADDRESS = 0x48000000;
const KERNEL_BYTES = 0x1000000;

/** The header of an arm64 Image (Linux, Documentation/arch/arm64/booting.rst), in so many bytes. */
function image(bytes: number, { flags = 0n, imageSize = BigInt(bytes) } = {}): Uint8Array {
  const content = new Uint8Array(bytes);
  const view = new DataView(content.buffer);
  view.setUint32(0, 0x14000010, true);
  view.setBigUint64(16, imageSize, true);
  view.setBigUint64(24, flags, true);
  view.setUint32(56, 0x644d5241, true);
  return content;
}

const padded = (content: Uint8Array, bytes: number): Uint8Array => {
  const all = new Uint8Array(bytes);
  all.set(content.subarray(0, bytes));
  return all;
};

/** What a line `// at 0x48000000 lies: …` of an example stands for. */
const LOADS: Readonly<Record<string, () => Uint8Array>> = {
  image: () => image(KERNEL_BYTES),
  short: () => image(0x100000),
  long: () => image(KERNEL_BYTES + 4096),
  garbage: () => new Uint8Array(KERNEL_BYTES).fill(0x55),
  elf: () => padded(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46), KERNEL_BYTES),
  'big-endian': () => image(KERNEL_BYTES, { flags: 1n }),
  'old-image': () => image(KERNEL_BYTES, { imageSize: 0n }),
  gzip: () => gzipSync(image(0x1000)),
  'gzip-padded': () => padded(gzipSync(image(0x1000)), KERNEL_BYTES),
  'gzip-cut': () => gzipSync(Buffer.from(Array.from({ length: 0x4000 }, (_, i) => (i * 7919) % 251))).subarray(0, 200),
  elsewhere: () => new Uint8Array(0),
};

/** Codes of everything that a check finds in an example. */
export function codesOf(source: string): string[] {
  const tree = compileDts(source, {
    filename: 'example.dts',
    include: (name) => readFileSync(join(EXAMPLES, name), 'utf8'),
  });
  const what = /^\/\/ at 0x48000000 lies: (.*)$/m.exec(source)?.[1];
  const bytes = what === undefined ? undefined : LOADS[what]!();
  const modules = new Map(bytes === undefined || bytes.length === 0 ? [] : [[KERNEL_ADDRESS, bytes]]);
  const { plan, diagnostics } = planBoard({ tree, modules, assumeModules: what === undefined });
  const version = /^\/\/ check with --xen (.*)$/m.exec(source)?.[1];
  const history = version === undefined ? [] : checkXenVersion(tree, plan, parseXenVersion(version)!);
  return [...diagnostics, ...history].map(({ code }) => code);
}

/** The page of a rule, what people wrote kept. */
export function page(code: string, old: string | undefined): string {
  const { severity, message, remedy, xen } = RULES[code]!;
  const written = old?.split(MARKER)[0] ?? `# ${code}\n\n`;
  const shown = (kind: 'bad' | 'good', title: string): string => {
    const source = example(code, kind);
    return source === undefined
      ? ''
      : `\n## ${title}\n\n[examples/${code}.${kind}.dts](examples/${code}.${kind}.dts), on [board.dtsi](examples/board.dtsi):\n\n\`\`\`dts\n${source.trimEnd()}\n\`\`\`\n`;
  };
  return `${written}${MARKER}
| | |
|---|---|
| severity | ${severity} |
| message | ${cell(message)} |
| repair | ${cell(remedy)} |
${xen === undefined ? '' : `| Xen | ${cell(xen)} |\n`}${shown('bad', 'Found here')}${shown('good', 'Not here')}`;
}

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
`;
}

/** Pages that are there, by code. */
export const pagesThere = (): string[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .map((name) => name.slice(0, -3));
