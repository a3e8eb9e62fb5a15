import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { library } from '../../tools/tsup.ts';
import { buildCore } from '../arm64-cpu/src/interpreter/build.ts';
import { buildDeviceCode } from '../hypervisor/src/device-code/module.ts';

const SRC = join(import.meta.dirname, 'src');
const DIST = join(import.meta.dirname, 'dist');

/** Stands in for core-image.ts of arm64-cpu: the same function over files beside the command. */
const CORE_FROM_FILES = `
  import { readFileSync } from 'node:fs';
  const read = (name) => readFileSync(new URL(name, import.meta.url));
  export const coreImage = () => ({ module: read('./core.wasm'), constants: read('./core-constants.bin') });`;

/** The same for device-code/image.ts of hypervisor. */
const DEVICE_CODE_FROM_FILE = `
  import { readFileSync } from 'node:fs';
  export const deviceCodeImage = () => readFileSync(new URL('./device-code.wasm', import.meta.url));`;

const coreFiles: Plugin = {
  name: 'core-files',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]core-image\.ts$/ }, () => ({ contents: CORE_FROM_FILES, loader: 'js' }));
    onLoad({ filter: /[\\/]device-code[\\/]image\.ts$/ }, () => ({ contents: DEVICE_CODE_FROM_FILE, loader: 'js' }));
  },
};

/** Leaves imports of one of our source files alone: it is a file of its own beside the importer. */
const apart = (source: string, built: string): Plugin => ({
  name: `apart-${built}`,
  setup({ onResolve }) {
    onResolve({ filter: /^\..*\.ts$/ }, ({ path, resolveDir }) =>
      join(resolveDir, path) === join(SRC, source) ? { path: built, external: true } : undefined,
    );
  },
});

/** What is bundled of this repository's packages are their sources: then only what is used gets into the command. */
const BUNDLE = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  conditions: ['@dom0less/source'],
  sourcemap: true,
  logLevel: 'error',
} satisfies BuildOptions;

/** What is to start soonest: Node reads CommonJS with less ado. */
const commonJs = (before = '', behind = ''): BuildOptions => ({
  ...BUNDLE,
  format: 'cjs',
  define: { 'import.meta.url': 'HERE' },
  banner: { js: `${before}'use strict'; const HERE = require('node:url').pathToFileURL(__filename);` },
  footer: { js: behind },
});

/** Text of a KeptScript. */
const SCRIPT = {
  ...commonJs('(function (exports, require, module, __filename) {', '})'),
  // It has no loader of modules: import() becomes require().
  supported: { 'dynamic-import': false },
} satisfies BuildOptions;

/** What starts a board: few files load faster than many. */
async function addFiles(): Promise<void> {
  const { module, constants } = buildCore();
  writeFileSync(join(DIST, 'core.wasm'), module);
  writeFileSync(join(DIST, 'core-constants.bin'), constants);
  writeFileSync(join(DIST, 'device-code.wasm'), buildDeviceCode());
  // Commander is in the bundle.
  copyFileSync(join(SRC, '../node_modules/commander/LICENSE'), join(DIST, 'commander-LICENSE'));
  const bundle = (name: string, options: BuildOptions, plugins: Plugin[] = [], source = name) =>
    build({
      ...options,
      entryPoints: [join(SRC, `${source}.ts`)],
      outfile: join(DIST, `${name}.cjs`),
      plugins: [coreFiles, ...plugins],
    });
  await bundle('main', commonJs(), [apart('all-commands.ts', './all-commands.js')]);
  // Under this name the command is started from the repository.
  writeFileSync(join(DIST, 'main.js'), "import './main.cjs';\n");
  await bundle('sessions', SCRIPT, [
    apart('translations/pack-maker.ts', './pack-maker.cjs'),
    apart('small-guests/index.ts', './small-guests.cjs'),
  ]);
  // What not every session needs.
  await bundle('pack-maker', commonJs(), [], 'translations/pack-maker');
  await bundle('small-guests', commonJs(), [], 'small-guests/index');
  await bundle('pcpu-worker', commonJs());
  await bundle('pcpu', SCRIPT);
  // Translations that another build made are not taken: the engine's code tells them apart.
  const hash = createHash('sha256');
  for (const name of ['core.wasm', 'pcpu.cjs']) hash.update(readFileSync(join(DIST, name)));
  writeFileSync(join(DIST, 'build-id'), hash.digest('hex'));
}

export default {
  ...library({ platform: 'node', entry: ['src/index.ts', 'src/all-commands.ts'] }),
  // What a command needs is loaded when it runs: cli.ts is small, the rest are chunks.
  splitting: true,
  noExternal: [/./],
  // CommonJS packages in the bundle ask for Node's modules by require.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  esbuildPlugins: [coreFiles],
  esbuildOptions: (options: BuildOptions) => {
    options.conditions = BUNDLE.conditions;
  },
  onSuccess: addFiles,
};
