import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../src/cli.ts';
import { smallGuest } from '../src/small-guests/index.ts';
import { Folder } from './boards.ts';
import { Command } from './command.ts';
import { fakeIo } from './fake-io.ts';

const folder = new Folder();
const kernel = folder.put('kernel', smallGuest('banner'));
const ramdisk = folder.put("it's a ramdisk", new Uint8Array(5_000_000));

const call = async (...args: string[]) => {
  const io = fakeIo();
  const code = await main(args, io);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
};

/** The words of the command that a board's first comment names, as a shell reads them. */
const commandOf = (source: string, name: string): string[] => {
  const line = new RegExp(`^ \\* {3}dom0less (${name} .*)$`, 'm').exec(source)![1]!;
  return execFileSync('sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' })
    .trimEnd()
    .split('\n');
};

describe('init', () => {
  it.each([
    ['without a file', []],
    ['with a kernel', ['--kernel', kernel]],
    ['with kernel and ramdisk, for eight domains', ['--kernel', kernel, '--ramdisk', ramdisk, '--domains', '8']],
    ['with much memory', ['--kernel', kernel, '--memory', '3000', '--domains', '1', '--cpus', '8']],
  ])('%s writes a board that checks clean', async (_what, args) => {
    const board = join(folder.path, 'clean.dts');
    expect(await call('init', ...args, '-o', board, '--force')).toMatchObject({ code: 0, stdout: '' });
    const { code, stdout } = await call('check', board, '--strict');
    expect(stdout).toContain('0 errors, 0 warnings');
    expect(code).toBe(0);
  });

  it('says how to check and boot it, and that works', async () => {
    const board = join(folder.path, 'boots.dts');
    await call('init', '--kernel', kernel, '--ramdisk', ramdisk, '-o', board);
    const source = readFileSync(board, 'utf8');
    const checked = await call(...commandOf(source, 'check'), '--strict');
    expect(checked.stdout).toContain('0 errors, 0 warnings, 0 remarks');
    const command = new Command([...commandOf(source, 'run'), '--timeout', '60']);
    expect(await command.exited).toBe(0);
    expect(command.stdout).toContain('DOM1: banner: a guest');
    expect(command.stdout).toContain('DOM2: banner: a guest');
  });

  it('does not replace a file unless told', async () => {
    const board = folder.put('mine.dts', 'mine');
    const { code, stderr } = await call('init', '-o', board);
    expect([code, readFileSync(board, 'utf8')]).toEqual([2, 'mine']);
    expect(stderr).toContain('--force replaces it');
  });

  it.each([
    ['--domains', '0', 'from 1 to 32'],
    ['--cpus', '9', 'from 1 to 8'],
    ['--gic', '4', 'expected 2 or 3'],
    ['--memory', 'much', 'from 1 to'],
    ['--kernel', ramdisk, 'in no known format'],
    ['--kernel', '/nonexistent', "can't read /nonexistent"],
  ])('%s %s is bad input', async (option, value, says) => {
    const { code, stderr } = await call('init', option, value);
    expect(code).toBe(2);
    expect(stderr).toContain(says);
  });
});
