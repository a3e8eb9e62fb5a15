/**
 * Checks that every package depends on, and imports, only what lies below it.
 *
 *   node tools/check-layers.mjs [ROOT]
 *
 * Prints one line per violation (file:line: what is wrong) and ends with exit code 1 if there is any.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const SCOPE = '@dom0less/';
const DEVICES_AND_CORES = ['fdt', 'multiboot', 'arm64-mmu', 'arm64-cpu', 'vgic', 'vuart'];

/** Which packages each package may depend on. */
const LAYERS = {
  fdt: [],
  multiboot: ['fdt'],
  'arm64-mmu': [],
  'arm64-cpu': ['arm64-mmu'],
  vgic: [],
  vuart: [],
  hypervisor: DEVICES_AND_CORES,
  cli: [...DEVICES_AND_CORES, 'hypervisor'],
};
/** The package that Node's own modules belong in; elsewhere only adapters named *.node.ts may use them. */
const NODE_PACKAGE = 'cli';
const NODE_ADAPTER = /\.node\.ts$/;
const TEST = /\.test\.ts$/;
const DEPENDENCY_FIELDS = ['dependencies', 'peerDependencies', 'optionalDependencies', 'devDependencies'];

const root = resolve(process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url))));
const violations = [];
const report = (path, line, text) => violations.push(`${relative(root, path)}:${line}: ${text}`);
const workspaceName = (specifier) =>
  specifier.startsWith(SCOPE) ? specifier.slice(SCOPE.length).split('/')[0] : undefined;
/** `@scope/name/sub` -> `@scope/name`, `name/sub` -> `name`. */
const packageName = (specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
const manifestPath = (name) => join(root, 'packages', name, 'package.json');
const manifestOf = (name) => JSON.parse(readFileSync(manifestPath(name), 'utf8'));

function lineOf(text, part) {
  const at = text.indexOf(part);
  return at < 0 ? 1 : text.slice(0, at).split('\n').length;
}

function checkManifest(name) {
  const path = manifestPath(name);
  const text = readFileSync(path, 'utf8');
  const manifest = JSON.parse(text);
  if (manifest.name !== SCOPE + name)
    report(path, lineOf(text, '"name"'), `the package in this folder is called ${SCOPE}${name}`);
  for (const field of DEPENDENCY_FIELDS) {
    for (const [dependency, range] of Object.entries(manifest[field] ?? {})) {
      const other = workspaceName(dependency);
      if (other === undefined) continue;
      const line = lineOf(text, `"${dependency}"`);
      if (!LAYERS[name].includes(other)) report(path, line, `${name} may not depend on ${other}: it is not below`);
      if (range !== 'workspace:^') report(path, line, `the range of ${dependency} is workspace:^ and not ${range}`);
    }
  }
}

/** Every module specifier of a source file, with its position. */
function importsOf(path, text) {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, false);
  const found = [];
  const add = (node) => {
    if (node === undefined || !ts.isStringLiteralLike(node)) return;
    found.push({ specifier: node.text, line: source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1 });
  };
  const visit = (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0]);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function relativeViolation(name, path, specifier) {
  const target = resolve(dirname(path), specifier);
  const folder = join(root, 'packages', name);
  if (target.startsWith(join(folder, 'src') + sep) || target === join(folder, 'package.json')) return undefined;
  return `${specifier} leaves the package's src: import the package by its name`;
}

function workspaceViolation(name, declared, specifier) {
  const other = workspaceName(specifier);
  if (other === name) return `${name} imports itself by name: use a relative path`;
  if (!(other in LAYERS)) return `there is no package ${SCOPE}${other}`;
  if (!LAYERS[name].includes(other)) return `${name} may not import ${other}: it is not below`;
  if (!declared.has(SCOPE + other)) return `${SCOPE}${other} is not among the package's dependencies`;
  const entry = `.${specifier.slice(SCOPE.length + other.length)}`;
  if (!existsSync(manifestPath(other)) || entry in (manifestOf(other).exports ?? {})) return undefined;
  return `${specifier} reaches into ${other}: it exports no ${entry}`;
}

function importViolation(name, declared, path, specifier) {
  if (specifier.startsWith('.')) return relativeViolation(name, path, specifier);
  if (workspaceName(specifier) !== undefined) return workspaceViolation(name, declared, specifier);
  if (isBuiltin(specifier)) {
    const allowed = name === NODE_PACKAGE || NODE_ADAPTER.test(path) || TEST.test(path);
    return allowed ? undefined : `${name} runs in browsers too: ${specifier} belongs in a *.node.ts adapter`;
  }
  if (TEST.test(path) || declared.has(packageName(specifier))) return undefined;
  return `${packageName(specifier)} is not among the package's dependencies`;
}

function checkSources(name) {
  const src = join(root, 'packages', name, 'src');
  if (!existsSync(src)) return 0;
  const manifest = manifestOf(name);
  const declared = new Set(
    ['dependencies', 'peerDependencies', 'optionalDependencies'].flatMap((field) => Object.keys(manifest[field] ?? {})),
  );
  const files = readdirSync(src, { recursive: true }).filter((file) => /\.[cm]?ts$/.test(file));
  for (const file of files) {
    const path = join(src, file);
    for (const { specifier, line } of importsOf(path, readFileSync(path, 'utf8'))) {
      const violation = importViolation(name, declared, path, specifier);
      if (violation !== undefined) report(path, line, violation);
    }
  }
  return files.length;
}

const names = readdirSync(join(root, 'packages')).filter((name) => existsSync(manifestPath(name)));
let files = 0;
for (const name of names) {
  if (!(name in LAYERS)) {
    report(manifestPath(name), 1, `${name} has no place in the table of layers (tools/check-layers.mjs)`);
    continue;
  }
  checkManifest(name);
  files += checkSources(name);
}
if (names.length === 0) report(join(root, 'packages'), 1, 'there are no packages here');
for (const violation of violations) console.error(violation);
if (violations.length > 0) process.exitCode = 1;
else console.log(`${names.length} packages, ${files} files: all imports point to lower layers`);
