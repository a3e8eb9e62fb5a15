/**
 * `npm run check:packages`: packs every built package as the registry would get it and checks what came out: it holds
 * what its package.json names, only that; installed alone with its dependencies all of it loads, and the example of its
 * README, or its command where it has one, runs.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { transform } from 'esbuild';
import { packPackage, root, run } from './steps.mjs';

const EXPECTED = ['package.json', 'README.md', 'LICENSE'];
const ALLOWED = /^(?:package\.json|README\.md|CHANGELOG\.md|LICENSE|dist\/.+)$/;
const TEST_MATERIAL = /(?:^|\/)(?:tests?|fixtures?|bench)(?:\/|$)|\.test\./;
const BLOCK = 512;

/** Regular files of a tar archive as npm and pnpm write it (POSIX ustar; paths begin with `package/`). */
function readTar(tar) {
  const files = new Map();
  const text = (from, length) => tar.toString('utf8', from, from + length).split('\0')[0];
  let longName;
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12).trim() || '0', 8);
    const type = text(at + 156, 1);
    const prefix = text(at + 345, 155);
    const name = longName ?? (prefix === '' ? text(at, 100) : `${prefix}/${text(at, 100)}`);
    const data = tar.subarray(at + BLOCK, at + BLOCK + size);
    longName = type === 'x' ? /^\d+ path=(.*)$/m.exec(data.toString('utf8'))?.[1] : undefined;
    if (type === '0' || type === '') files.set(name.replace(/^package\//, ''), data);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

/** Every path that an `exports` value leads to, whatever the condition. */
const targetsOf = (value) => (typeof value === 'string' ? [value] : Object.values(value ?? {}).flatMap(targetsOf));
const conditionsOf = (value) =>
  typeof value === 'object' ? Object.entries(value).flatMap(([key, inner]) => [key, ...conditionsOf(inner)]) : [];
const plain = (path) => path.replace(/^\.\//, '');

/** Everything that is wrong with one packed package. */
function defectsOf(files) {
  const manifest = JSON.parse(files.get('package.json').toString('utf8'));
  const commands = typeof manifest.bin === 'string' ? [manifest.bin] : Object.values(manifest.bin ?? {});
  const code = Object.entries(manifest.exports ?? {}).filter(([entry]) => entry !== './package.json');
  const defects = [
    ...EXPECTED.filter((file) => !files.has(file)).map((file) => `${file} is missing`),
    ...[...files.keys()].filter((file) => !ALLOWED.test(file)).map((file) => `${file} has no business in a package`),
    ...[...files.keys()].filter((file) => TEST_MATERIAL.test(file)).map((file) => `${file} is test material`),
    ...[...targetsOf(manifest.exports), ...commands]
      .filter((target) => !files.has(plain(target)))
      .map((target) => `package.json leads to ${target}, which is not packed`),
    ...code.filter(([, value]) => !value.types?.endsWith('.d.ts')).map(([entry]) => `exports["${entry}"] has no types`),
    ...conditionsOf(manifest.exports)
      .filter((condition) => condition.startsWith('@dom0less/'))
      .map((condition) => `exports keep the condition ${condition}, which is for this repository only`),
    ...Object.entries(manifest.dependencies ?? {})
      .filter(([, range]) => range.startsWith('workspace:'))
      .map(([name, range]) => `the range of ${name} is still ${range}`),
    ...commands
      .filter((command) => files.has(plain(command)) && !files.get(plain(command)).toString('latin1').startsWith('#!'))
      .map((command) => `${command} is a command but has no #! line`),
  ];
  if (code.length === 0) defects.push('package.json exports nothing');
  return { manifest, defects, entries: code.map(([entry]) => manifest.name + entry.slice(1)) };
}

/** Runs a script of the user's home in a process of its own; a wrong import fails there as it would for a user. */
async function runDefects(home, file, what) {
  const { code, log } = await run(process.execPath, [join(home, file)]);
  return code === 0 ? [] : [`${what}:\n${log.trim()}`];
}

/** The first TypeScript block of a README, as JavaScript. */
async function exampleOf(readme) {
  const source = /```ts\n([\s\S]*?)```/.exec(readme)?.[1];
  return source === undefined ? undefined : (await transform(source, { loader: 'ts', format: 'esm' })).code;
}

/** Loads all entries of the one installed package, and runs its example or its command. */
async function useDefects(home, { manifest, entries, files }) {
  writeFileSync(join(home, 'load.mjs'), `for (const entry of ${JSON.stringify(entries)}) await import(entry);`);
  const defects = await runDefects(home, 'load.mjs', "can't be imported");
  const command = Object.values(manifest.bin ?? {})[0];
  if (command !== undefined) {
    const { code, log } = await run(process.execPath, [
      join(home, 'node_modules', manifest.name, command),
      '--version',
    ]);
    if (code !== 0 || log.trim() !== manifest.version) defects.push(`${command} --version gives ${log.trim()}`);
    return defects;
  }
  const example = await exampleOf(files.get('README.md').toString('utf8'));
  if (example === undefined) return [...defects, 'README.md has no example'];
  writeFileSync(join(home, 'example.mjs'), example);
  defects.push(...(await runDefects(home, 'example.mjs', 'the example of the README fails')));
  return defects;
}

/** The package and everything of this repository that it depends on, directly or not. */
function closure(packed, { manifest }) {
  const names = new Set([manifest.name]);
  for (const name of names) {
    const { dependencies = {} } = packed.find((one) => one.manifest.name === name).manifest;
    for (const dependency of Object.keys(dependencies)) if (dependency.startsWith('@dom0less/')) names.add(dependency);
  }
  return packed.filter((one) => names.has(one.manifest.name));
}

function installFiles(home, name, files) {
  for (const [file, data] of files) {
    const path = join(home, 'node_modules', name, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
  }
}

/** Other people's packages that a package depends on come from where pnpm put them. */
function linkForeign(home, folder, manifest) {
  for (const name of Object.keys(manifest.dependencies ?? {}).filter((name) => !name.startsWith('@dom0less/'))) {
    const path = join(home, 'node_modules', name);
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) symlinkSync(join(root, 'packages', folder, 'node_modules', name), path, 'junction');
  }
}

const home = mkdtempSync(join(tmpdir(), 'dom0less-packages-'));
try {
  const folders = readdirSync(join(root, 'packages'));
  const packed = [];
  for (const folder of folders) {
    const tarball = await packPackage(folder, home);
    const files = readTar(gunzipSync(readFileSync(tarball)));
    packed.push({ folder, files, ...defectsOf(files), kilobytes: Math.ceil(statSync(tarball).size / 1024) });
  }
  for (const one of packed) {
    const { manifest, defects, kilobytes } = one;
    const alone = join(home, 'alone', one.folder);
    for (const needed of closure(packed, one)) {
      installFiles(alone, needed.manifest.name, needed.files);
      linkForeign(alone, needed.folder, needed.manifest);
    }
    defects.push(...(await useDefects(alone, one)));
    console.log(
      `${manifest.name} ${manifest.version}: ${defects.length === 0 ? `good, ${kilobytes} KiB packed` : 'BAD'}`,
    );
    for (const defect of defects) console.error(`  ${defect}`);
    if (defects.length > 0) process.exitCode = 1;
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
