import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileDts, writeFdt } from '@dom0less/fdt';
import { describe, expect, it } from 'vitest';
import { main } from '../src/cli.ts';
import { parseLoad, parseTimeout } from '../src/option-values.ts';
import { Folder, hostTree } from './boards.ts';
import { fakeIo } from './fake-io.ts';

const folder = new Folder();
const source = hostTree([{ name: 'domU1', kernel: 0x48000000 }]);
const board = folder.put('board.dts', source);
const blob = folder.put('board.dtb', writeFdt(compileDts(source)));
const image = folder.put('Image', new Uint8Array(4096));
const missing = join(folder.path, 'missing');

const run = async (args: readonly string[]) => {
  const io = fakeIo({
    script: (fake) => {
      for (const { id } of fake.domains) fake.end(id, 'poweroff');
      fake.notify();
    },
  });
  const code = await main(args, io);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text, io };
};

describe('values', () => {
  it.each([
    ['0x48000000=Image', { address: 0x48000000, file: 'Image' }],
    ['0X4A=a=b', { address: 0x4a, file: 'a=b' }],
    ['1207959552=Image', { address: 0x48000000, file: 'Image' }],
    ['0xffffffffffff=x', { address: 2 ** 48 - 1, file: 'x' }],
  ])('--load %s is a load', (text, value) => expect(parseLoad(text)).toEqual({ value }));

  it.each([
    'Image',
    '=Image',
    '0x=Image',
    '-1=Image',
    '1e3=Image',
    '48g=Image',
    ' 1=Image',
    '0x1000000000000=x',
    '0x1=',
  ])('--load %s is refused', (text) => expect(parseLoad(text)).toHaveProperty('problem'));

  it.each([
    ['10', 10],
    ['0.5', 0.5],
  ])('--timeout %s is a time', (text, value) => expect(parseTimeout(text)).toEqual({ value }));

  it.each(['0', '-1', '1e3', 'ten', '', '99999999'])('--timeout %s is refused', (text) =>
    expect(parseTimeout(text)).toHaveProperty('problem'),
  );
});

describe('good command lines', () => {
  it('--help and --version print to stdout and exit 0', async () => {
    const help = await run(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/run \[options\] \[BOARD\][\s\S]*start[\s\S]*dt [\s\S]*Exit codes/);
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    const runHelp = await run(['run', '--help']);
    expect(runHelp.code).toBe(0);
    const options = [
      '--load',
      '--console-log',
      '--expect',
      '--send',
      '--timeout',
      '--json',
      '--strict',
      '--boot-script',
    ];
    for (const option of options) expect(runHelp.stdout).toContain(option);
  });

  it.each([
    ['a source', board],
    ['a blob', blob],
  ])('run boots %s with the files where --load says', async (_what, path) => {
    const { code, io } = await run(['run', path, '--load', `0x48000000=${image}`, '--load', `1207963648=${image}`]);
    expect(code).toBe(0);
    expect([...io.boards[0]!.options.modules.keys()]).toEqual([0x48000000, 0x48001000]);
    expect(io.boards[0]!.options.tree.node('/chosen/domU1')?.has('vpl011')).toBe(true);
  });

  it('includes of a source are found beside the file that names them', async () => {
    mkdirSync(join(folder.path, 'sub'), { recursive: true });
    writeFileSync(join(folder.path, 'sub', 'outer.dtsi'), '/include/ "inner.dtsi"\n');
    writeFileSync(join(folder.path, 'sub', 'inner.dtsi'), '/ { inner; };\n');
    const path = folder.put('including.dts', source.replace('/dts-v1/;', '/dts-v1/;\n/include/ "sub/outer.dtsi"\n'));
    const { code, io, stderr } = await run(['run', path]);
    expect(stderr).not.toContain('inner');
    expect(code).toBe(0);
    expect(io.boards[0]!.options.tree.root.has('inner')).toBe(true);
  });
});

describe('bad command lines exit with 2 and say on stderr why', () => {
  const bad = folder.put('bad.dts', '/dts-v1/;\n/ { x = <1; };\n');
  const junk = folder.put('junk.dtb', 'no tree');
  const text = folder.put('board.txt', 'no tree');
  const empty = folder.put('empty', '');
  const noInclude = folder.put('no-include.dts', '/dts-v1/;\n/include/ "nowhere.dtsi"\n/ { };\n');
  const silent = folder.put('silent.dts', hostTree([{ name: 'domU1', kernel: 0x48000000, vpl011: false }]));
  const mixed = folder.put(
    'mixed.dts',
    hostTree([
      { name: 'domU1', kernel: 0x48000000 },
      { name: 'domU2', kernel: 0x48200000, memory: '<0x4000>' },
    ]),
  );
  const nothing = folder.put('nothing.dts', hostTree([{ name: 'domU1', kernel: 0x48000000, memory: '<0x4000>' }]));

  const cases: readonly (readonly [what: string, args: readonly string[], messages: readonly string[]])[] = [
    ['no command', [], ['Usage: dom0less']],
    ['an unknown command', ['boot'], ["unknown command 'boot'"]],
    ['an unknown option', ['run', board, '--lod', 'x'], ["unknown option '--lod'", '--load']],
    ['no board', ['run'], ['give a BOARD, or a --boot-script']],
    ['two boards', ['run', board, blob], ['too many arguments']],
    ['an option without value', ['run', board, '--load'], ['argument missing']],
    ['a board that is not there', ['run', missing], [`can't read ${missing}`, 'no such file']],
    ['a folder as board', ['run', folder.path], ['it is a directory']],
    ['a device as board', ['run', '/dev/null'], ['no regular file']],
    ['a source with a mistake', ['run', bad], [`${bad}:2:`]],
    ['a source whose include is not there', ['run', noInclude], ['nowhere.dtsi']],
    ['a blob that is none', ['run', junk], [junk]],
    ['a file that is no tree', ['run', text], ['neither a device tree blob']],
    ['an address that is none', ['run', board, '--load', `kernel=${image}`], ['"kernel" is no address']],
    ['a load without file', ['run', board, '--load', '0x48000000'], ['expected ADDR=FILE']],
    ['a file that is not there', ['run', board, '--load', `0x48000000=${missing}`], ['no such file']],
    ['an empty file', ['run', board, '--load', `0x48000000=${empty}`], ['is empty']],
    [
      'two files that overlap',
      ['run', board, '--load', `0x48000000=${image}`, '--load', `0x48000fff=${image}`],
      ['at [0x48000fff, 0x48001fff) overlaps', 'at [0x48000000, 0x48001000)'],
    ],
    ['a regular expression that is none', ['run', board, '--expect', 'domU1=('], ['Unterminated group']],
    ['an expectation without domain', ['run', board, '--expect', '=x'], ['expected DOMAIN=REGEX']],
    ['an unknown domain', ['run', board, '--expect', 'domU7=x'], ['no such domain', 'domU1']],
    ['a domain without console', ['run', silent, '--expect', 'domU1=x'], ['vpl011']],
    [
      'a domain that can not start',
      ['run', mixed, '--expect', 'domU2=x'],
      ['domain-memory-one-cell', 'not be started'],
    ],
    ['a root without script', ['run', board, '--root', folder.path], ['--root belongs to --boot-script']],
    ['a script that is not there', ['run', '--boot-script', missing], [`can't read ${missing}`]],
    ['a send without text', ['run', board, '--send', 'domU1=x'], ['expected DOMAIN=REGEX=TEXT']],
    ['a send to an unknown domain', ['run', board, '--send', 'domU7=x=y'], ['--send domU7=x: there is no such domain']],
    ['a send to a domain without console', ['run', silent, '--send', 'domU1=x=y'], ['vpl011']],
    ['an error of one domain with --strict', ['run', mixed, '--strict'], ['domain-memory-one-cell', 'with --strict']],
    ['a number of domains that is none', ['start', '--domains', '0'], ['--domains 0: expected a number from 1 to 8']],
    ['a tree of an unknown domain', ['dt', board, 'domU7'], ['there is no domain domU7', 'domU1']],
    ['a tree in an unknown format', ['dt', board, 'domU1', '-O', 'yaml'], ['-O yaml: expected dts or dtb']],
    ['the tree of a bad domain', ['dt', mixed, 'domU2'], ['domain-memory-one-cell', 'can not be built']],
    ['a seed that is none', ['run', board, '--seed', '-1'], ['--seed -1: expected an integer from 0']],
    ['a seed that is too large', ['start', '--seed', '9007199254740992'], ['--seed 9007199254740992']],
    ['a timeout that is none', ['run', board, '--timeout', 'soon'], ['--timeout soon']],
    ['a tree without any good domain', ['run', nothing], ['domain-memory-one-cell', 'no domain can be started']],
    ['a log folder that is a file', ['run', board, '--console-log', image], [`--console-log ${image}`]],
    [
      'several mistakes at once: all are told',
      ['run', mixed, '--load', `0x1=${missing}`, '--load', 'x', '--expect', 'domU9=x', '--timeout', '-1'],
      ['no such file', 'expected ADDR=FILE', 'domU9', '--timeout -1', 'domain-memory-one-cell'],
    ],
    ['start with a bad timeout', ['start', '--timeout', '0'], ['--timeout 0']],
  ];

  it.each(cases)('%s', async (_what, args, messages) => {
    const { code, stdout, stderr } = await run(args);
    expect(stderr).not.toContain('this is a bug');
    for (const message of messages) expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});
