/** dtc's own test sources through its compiler and ours: the same bytes, exit codes and findings. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { applyOverlay, parseFdt, writeFdt } from '@dom0less/fdt';
import { beforeAll, describe, expect, it } from 'vitest';
import { main } from '../src/cli.ts';
import { Folder } from './boards.ts';
import { type DtcSuite, findDtcSuite } from './dtc-suite.ts';
import { fakeIo } from './fake-io.ts';

const FETCH_MS = 300_000;
const RUN_MS = 180_000;
const folder = new Folder();
let suite: DtcSuite;
let sources: string[];
beforeAll(async () => {
  suite = await findDtcSuite();
  // Those that other tests include are no sources by themselves.
  sources = readdirSync(suite.tests).filter((name) => name.endsWith('.dts'));
}, FETCH_MS);

/** Our dtc, in the folder of the tests. */
async function ours(args: readonly string[]) {
  const io = fakeIo();
  const back = process.cwd();
  process.chdir(suite.tests);
  try {
    return { status: await main(['dtc', ...args], io), stdout: io.stdout.bytes, stderr: io.stderr.text };
  } finally {
    process.chdir(back);
  }
}

/** Where dtc's text can't be read back, ours can: see the README of @dom0less/fdt. */
const repaired = (text: Buffer): string => text.toString('latin1').replaceAll('\\xffffff', '\\x');

/** Checks and nodes that a run has complained of. */
const complaints = (stderr: string): string[] => {
  const found = [...stderr.matchAll(/(ERROR|Warning) \(([a-z0-9_]+)\): (\/[^: \n]*)/g)];
  return [...new Set(found.map(([, kind, code, path]) => `${kind} ${code} ${path}`))].sort();
};

/** What is found otherwise, on purpose: the second of two nodes with a label is named, or more is said at once. */
const OTHERWISE: readonly string[] = ['bad-name-property.dts', 'reuse-label.dts', 'reuse-label3.dts'];

describe("dtc's test sources", () => {
  it('are there', () => expect(sources.length).toBeGreaterThan(120));

  it.each([
    '-O dtb',
    '-O asm',
    '-O yaml',
    '-O dts',
    '-T -O dts',
    '-T -T -O dts',
    '-@ -O dtb',
    '-A -@ -O dts',
    '-s -O dts',
    '-f -O dtb',
    '-f -O dts',
    '-H both -O dtb',
    '-V 16 -S 4096 -a 8 -O asm',
    '-R 2 -p 64 -O dtb',
  ])(
    'give the same with %s',
    async (mode) => {
      const different: string[] = [];
      for (const name of sources) {
        const args = ['-q', '-I', 'dts', ...mode.split(' '), name];
        const theirs = suite.run('dtc', args, suite.tests);
        // It aborts where a string is not ASCII and YAML is wanted.
        if (theirs.status >= 128) continue;
        const { status, stdout } = await ours(args);
        const same = stdout.equals(theirs.stdout) || stdout.toString('latin1') === repaired(theirs.stdout);
        if (status !== theirs.status || !same) different.push(`${name}: ${status}, dtc ${theirs.status}`);
      }
      expect(different).toEqual([]);
    },
    RUN_MS,
  );

  it(
    'have the same findings of checks',
    async () => {
      const different: string[] = [];
      for (const name of sources.filter((one) => !OTHERWISE.includes(one))) {
        const args = ['-I', 'dts', '-O', 'null', name];
        const [mine, theirs] = [
          complaints((await ours(args)).stderr),
          complaints(suite.run('dtc', args, suite.tests).stderr),
        ];
        if (mine.join() !== theirs.join()) different.push(`${name}: ${mine} / ${theirs}`);
      }
      expect(different).toEqual([]);
    },
    RUN_MS,
  );

  it('that are overlays are applied as fdtoverlay does', () => {
    const compiled = (name: string, ...more: string[]): string => {
      const path = folder.put(`${basename(name, '.dts')}.dtb`, '');
      suite.run('dtc', ['-q', ...more, '-I', 'dts', '-O', 'dtb', '-o', path, name], suite.tests);
      return path;
    };
    const pairs = [
      ['overlay_base.dts', ...sources.filter((name) => /^overlay_(?:overlay|bad)/.test(name))],
      ['stacked_overlay_base.dts', ...sources.filter((name) => /^stacked_overlay_(?:bar|baz|addlabel)/.test(name))],
    ];
    let applied = 0;
    for (const [base, ...overlays] of pairs) {
      const baseBlob = compiled(base!, '-@');
      for (const name of overlays) {
        const blob = compiled(name, '-@');
        const out = join(folder.path, 'out.dtb');
        const { status } = suite.run('fdtoverlay', ['-i', baseBlob, '-o', out, blob], folder.path);
        const apply = () => applyOverlay(parseFdt(readFileSync(baseBlob)), parseFdt(readFileSync(blob)));
        if (status === 0) {
          applied++;
          // What stands behind values as padding is not theirs to say.
          const theirs = writeFdt(parseFdt(readFileSync(out)), { layout: 'dtc' });
          expect(writeFdt(apply(), { layout: 'dtc' }), name).toEqual(theirs);
        } else {
          expect(apply, name).toThrow(/FDT_ERR|./);
        }
      }
    }
    expect(applied).toBeGreaterThan(8);
  });
});
