/**
 * `npm run check:packages`: packs every built package as the registry would get it and checks what came out: it holds
 * what its package.json names, only that, and all of it loads when installed beside the others and nothing else.
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

/** Loads entries of the installed package in a process of its own; a wrong import fails there as it would for a user. */
async function loadDefects(home, entries) {
  const source = `for (const entry of ${JSON.stringify(entries)}) await import(entry);`;
  writeFileSync(join(home, 'load.mjs'), source);
  const { code, log } = await run(process.execPath, [join(home, 'load.mjs')]);
  return code === 0 ? [] : [`can't be imported:\n${log.trim()}`];
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
    const { manifest, defects, entries } = defectsOf(files);
    installFiles(home, manifest.name, files);
    linkForeign(home, folder, manifest);
    packed.push({ manifest, defects, entries, kilobytes: Math.ceil(statSync(tarball).size / 1024) });
  }
  for (const { manifest, defects, entries, kilobytes } of packed) {
    defects.push(...(await loadDefects(home, entries)));
    console.log(
      `${manifest.name} ${manifest.version}: ${defects.length === 0 ? `good, ${kilobytes} KiB packed` : 'BAD'}`,
    );
    for (const defect of defects) console.error(`  ${defect}`);
    if (defects.length > 0) process.exitCode = 1;
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
