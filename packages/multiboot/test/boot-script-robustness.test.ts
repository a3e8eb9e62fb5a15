import { compileDts, writeFdt } from '@dom0less/fdt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DIAGNOSTICS, formatDiagnostic, runBootScript } from '../src/index.ts';
import { makeScriptImage, makeUImage } from './images.ts';

const TREE = writeFdt(
  compileDts('/dts-v1/; / { #address-cells = <2>; chosen { a = "b"; }; aliases { c = "/chosen"; }; };'),
);
const FILES = new Map<string, Uint8Array>([
  ['t.dtb', TREE],
  ['cut.dtb', TREE.slice(0, 60)],
  ['Image', new Uint8Array(5000)],
  ['rd', makeUImage(new Uint8Array(50), { type: 3 })],
  ['s.scr', makeScriptImage('source 1000; setenv v $v$v$v; run v')],
  ['empty', new Uint8Array()],
]);

/** Steps that a script gets if nothing else is said. */
const MAX_STEPS = 10_000;

const WORDS = [
  ...[
    'if',
    'then',
    'else',
    'elif',
    'fi',
    'while',
    'until',
    'for',
    'in',
    'do',
    'done',
    ';',
    '&&',
    '||',
    '\n',
    '#',
    '\\\n',
  ],
  ...[
    '"',
    "'",
    '\\',
    '$',
    '${',
    '}',
    '$v',
    '"$v"',
    `\${v:-1}`,
    '$?',
    '<1 2>',
    '<$v>',
    '[00',
    ']',
    '0x0x1000',
    'a=b',
    '-',
    '*',
  ],
  ...[
    'tftpb 1000 t.dtb',
    'tftpb 1000 cut.dtb',
    'load mmc 0 2000 Image',
    'tftpb 9000 rd',
    'tftpb $v none',
    'tftpb 1000 s.scr',
  ],
  ...[
    'source 1000',
    'setenv v',
    'setenv v $v$v',
    'run v',
    'echo',
    'test',
    '!',
    '-n',
    'true',
    'false',
    'exit',
    'env import 1000',
  ],
  ...[
    'fdt addr 1000',
    'fdt resize',
    'fdt resize fffffff',
    'fdt set /chosen',
    'fdt set / a',
    'fdt mknode /chosen',
    'fdt rm',
    'p',
  ],
  ...[
    'fdt print',
    'fdt get value v / a',
    'fdt get name v /',
    'fdt chosen 1 2',
    'fdt memory',
    'fdt rsvmem add 1',
    'fdt move 1000',
  ],
  ...[
    'booti 8000 - 1000',
    'bootm 8000 9000 1000',
    'bootefi',
    'boot',
    'setexpr v 1 +',
    '1',
    'c',
    '/chosen/x',
    'setenv bootcmd',
  ],
];
const anyScript = fc.oneof(
  fc.array(fc.constantFrom(...WORDS), { maxLength: 40 }).map((words) => words.join(' ')),
  fc.array(fc.constantFrom(...WORDS), { maxLength: 20 }).map((words) => words.join('')),
  fc.array(fc.constantFrom(...WORDS), { maxLength: 30 }).map((words) => words.join('\n')),
  fc.string({ maxLength: 200, unit: 'binary' }),
  fc.uint8Array({ maxLength: 200 }),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => makeUImage(bytes, { type: 6 })),
);

test('any script ends, throws nothing, and leaves memory in which nothing overlaps', () => {
  fc.assert(
    fc.property(anyScript, (script) => {
      const result = runBootScript(script, {
        files: (path) => FILES.get(path),
        maxSteps: 300,
        scriptAddress: 0x700000,
      });
      for (const diagnostic of result.diagnostics) {
        expect(diagnostic.severity).toBe(DIAGNOSTICS[diagnostic.code].severity);
        expect(`${diagnostic.message} ${diagnostic.remedy}`).not.toMatch(/undefined|NaN|\[object/);
        expect(formatDiagnostic(diagnostic)).not.toMatch(/\p{Cc}/u);
      }
      let end = 0;
      for (const { address, size } of result.files) {
        expect(address).toBeGreaterThanOrEqual(end);
        end = address + size;
      }
      const failed = result.diagnostics.some(({ severity }) => severity === 'error');
      if (result.boot !== undefined) expect(result.dtb).toBeDefined();
      else expect(failed || result.diagnostics.some(({ code }) => code === 'script-boot-missing')).toBe(true);
      if (result.dtb !== undefined) writeFdt(result.dtb);
    }),
    { numRuns: 1500 },
  );
});

test.each<[string, string]>([
  ['quotes that do not end', '"\n'.repeat(20_001)],
  ['braces that do not end', `echo \${\n`.repeat(20_000)],
  ['doubling variables', `setenv v x\n${'setenv v $v$v\n'.repeat(5000)}`],
  ['long lines', `setenv v ${'y'.repeat(16_000)}\n${'echo $v $v\n'.repeat(5000)}`],
  ['nesting', 'if true; then '.repeat(20_000)],
  ['loads', Array.from({ length: 5000 }, (_, i) => `tftpb ${(i * 0x2000).toString(16)} Image`).join('\n')],
  ['trees', `tftpb 1000 t.dtb; fdt addr 1000; while true; do fdt resize; fdt print; done`],
  ['nodes', `tftpb 1000 t.dtb; fdt addr 1000; for i in ${'n '.repeat(4000)}; do setenv k x$k; fdt mknode / $k; done`],
  ['a script that runs itself twice', 'tftpb 1000 s.scr; setenv v "run v; run v"; run v; source 1000'],
])(
  'a script full of %s ends with bounded work',
  (_, script) => {
    let loads = 0;
    const files = (path: string): Uint8Array | undefined => {
      loads++;
      return FILES.get(path);
    };
    const { diagnostics, output, dtb } = runBootScript(script, { files });
    // It may be run twice, each time with as many steps as are allowed.
    expect(loads).toBeLessThanOrEqual(2 * MAX_STEPS);
    expect(output.length).toBeLessThanOrEqual(2 ** 18 + 2 ** 15);
    if (dtb !== undefined) expect(writeFdt(dtb).length).toBeLessThanOrEqual(2 ** 25);
    expect(diagnostics.length).toBeGreaterThan(0);
    expect(diagnostics.length).toBeLessThanOrEqual(500);
  },
  // Only what does not end takes so long, however loaded the machine is.
  300_000,
);
