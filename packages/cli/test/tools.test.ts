import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const checker = fileURLToPath(new URL('../../../tools/check-layers.mjs', import.meta.url));

describe('check-layers', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dom0less-layers-'));
    manifest('fdt');
    manifest('multiboot', { '@dom0less/fdt': 'workspace:^' });
    manifest('cli', { '@dom0less/multiboot': 'workspace:^' });
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const manifest = (name: string, dependencies: Record<string, string> = {}): void =>
    put(
      `packages/${name}/package.json`,
      JSON.stringify({ name: `@dom0less/${name}`, exports: { '.': './dist/index.js' }, dependencies }, undefined, 2),
    );
  const check = (): { status: number | null; lines: string[] } => {
    const { status, stderr } = spawnSync(process.execPath, [checker, root], { encoding: 'utf8' });
    return { status, lines: stderr.split('\n').filter((line) => line !== '') };
  };

  it('accepts imports to the left, own files, and Node in the cli, in adapters and in tests', () => {
    put(
      'packages/multiboot/src/index.ts',
      "export { parse } from './parse.ts';\nimport { Tree } from '@dom0less/fdt';\n",
    );
    put('packages/multiboot/src/file.node.ts', "import { readFile } from 'node:fs/promises';\n");
    put('packages/multiboot/src/parse.test.ts', "import { readFile } from 'node:fs/promises';\n");
    put('packages/cli/src/main.ts', "import { readFile } from 'node:fs/promises';\nimport '@dom0less/multiboot';\n");
    expect(check()).toEqual({ status: 0, lines: [] });
  });

  it('takes no comment and no string for an import', () => {
    put(
      'packages/fdt/src/index.ts',
      "/** import { x } from '@dom0less/cli'; */\nexport const text = \"import 'node:fs'\";\n",
    );
    expect(check()).toEqual({ status: 0, lines: [] });
  });

  const refused: readonly (readonly [what: string, statement: string, message: string])[] = [
    ['a package to the right', "import '@dom0less/cli';", 'multiboot may not import cli: it is not below'],
    [
      'a package beside it',
      "import type { X } from '@dom0less/vgic';",
      'multiboot may not import vgic: it is not below',
    ],
    [
      'a package to the right, in a type',
      "export type X = import('@dom0less/cli').X;",
      'multiboot may not import cli: it is not below',
    ],
    [
      'a package to the right, when it runs',
      "await import('@dom0less/cli');",
      'multiboot may not import cli: it is not below',
    ],
    [
      'a package to the right, to pass it on',
      "export * from '@dom0less/cli';",
      'multiboot may not import cli: it is not below',
    ],
    [
      'internals by name',
      "import '@dom0less/fdt/src/read.ts';",
      '@dom0less/fdt/src/read.ts reaches into fdt: it exports no ./src/read.ts',
    ],
    [
      'internals by path',
      "import '../../fdt/src/read.ts';",
      "../../fdt/src/read.ts leaves the package's src: import the package by its name",
    ],
    ['itself', "import '@dom0less/multiboot';", 'multiboot imports itself by name: use a relative path'],
    ['Node', "import 'node:fs';", 'multiboot runs in browsers too: node:fs belongs in a *.node.ts adapter'],
    ['Node, unprefixed', "import 'fs';", 'multiboot runs in browsers too: fs belongs in a *.node.ts adapter'],
    ['what is undeclared', "import '@scope/thing/sub';", "@scope/thing is not among the package's dependencies"],
  ];

  it('refuses imports of what is not below, not declared or internal, each with file and line', () => {
    const path = 'packages/multiboot/src/deep/index.ts';
    put(path, refused.map(([, statement]) => `${statement}\n`).join(''));
    expect(check()).toEqual({
      status: 1,
      lines: refused.map(([what, , message], index) =>
        expect.toSatisfy((line) => line === `${path}:${index + 1}: ${message}`, what),
      ),
    });
  });

  it('refuses an import of a lower package that is not declared', () => {
    put('packages/cli/src/index.ts', "import '@dom0less/fdt';\n");
    const message = "packages/cli/src/index.ts:1: @dom0less/fdt is not among the package's dependencies";
    expect(check()).toEqual({ status: 1, lines: [message] });
  });

  it('refuses a declared dependency that is not below, and a range that pins it', () => {
    manifest('fdt', { '@dom0less/multiboot': 'workspace:^' });
    manifest('multiboot', { '@dom0less/fdt': '1.0.0' });
    expect(check()).toEqual({
      status: 1,
      lines: [
        'packages/fdt/package.json:7: fdt may not depend on multiboot: it is not below',
        'packages/multiboot/package.json:7: the range of @dom0less/fdt is workspace:^ and not 1.0.0',
      ],
    });
  });

  it('refuses a package that has no place in the table', () => {
    manifest('common');
    const { status, lines } = check();
    expect(status).toBe(1);
    expect(lines).toEqual([expect.stringContaining('common has no place in the table of layers')]);
  });
});
