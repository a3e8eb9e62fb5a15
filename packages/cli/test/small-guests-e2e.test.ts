/** The built command boots guests of our own: every layer in a second or two. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type SmallGuest, smallGuest } from '../src/small-guests/index.ts';
import { Folder, hostTree } from './boards.ts';
import { Command } from './command.ts';

const folder = new Folder();
const BASE = 0x48000000;

/** Arguments that run these guests, each as a domain of its name. */
function runArgs(...guests: readonly SmallGuest[]): string[] {
  const at = (n: number): number => BASE + n * 2 ** 21;
  const board = folder.put(`${guests.join('-')}.dts`, hostTree(guests.map((name, n) => ({ name, kernel: at(n) }))));
  const loads = guests.flatMap((name, n) => [
    '--load',
    `0x${at(n).toString(16)}=${folder.put(name, smallGuest(name))}`,
  ]);
  return ['run', board, ...loads];
}

describe('small guests', () => {
  it('banner says hello and powers off: exit code 0, and its log holds what it wrote', async () => {
    const logs = join(folder.path, 'logs');
    const command = new Command([...runArgs('banner'), '--console-log', logs]);
    expect(await command.exited).toBe(0);
    const text = 'banner: a guest that says hello and powers off\r\n';
    expect(command.stdout).toBe(text);
    expect(readFileSync(join(logs, 'banner.log'), 'latin1')).toBe(text);
  });

  it('ticker counts five interrupts of its timer, a fifth of a second apart', async () => {
    const command = new Command(runArgs('ticker'));
    await command.shows(/tick 1/);
    const start = performance.now();
    expect(await command.exited).toBe(0);
    // Four ticks; the tail of it is the process's own.
    expect(performance.now() - start).toBeGreaterThan(600);
    expect(command.stdout).toBe([1, 2, 3, 4, 5].map((n) => `ticker: tick ${n}\r\n`).join(''));
  });

  it('echo answers what is typed, gets a paste of 64 KiB whole, outlives the end of its input, and ends on SIGTERM', async () => {
    const command = new Command(runArgs('echo'));
    await command.shows(/powers off\r\n/);
    command.type('hello\r');
    await command.shows(/hello\r\n$/);
    const before = command.stdout.length;
    const paste = Array.from({ length: 2 ** 16 }, (_, n) => 'abcdefghijklmnopqrstuvwxyz'[(n * 7) % 26]).join('');
    command.type(paste);
    command.endInput();
    await command.shows((stdout) => stdout.length >= before + paste.length);
    expect(command.stdout.slice(before) === paste).toBe(true);
    command.kill('SIGTERM');
    expect(await command.exited).toBe(143);
  });

  it('Ctrl-D powers echo off', async () => {
    const command = new Command(runArgs('echo'));
    command.type('\x04');
    expect(await command.exited).toBe(0);
  });

  it('--expect ends the run as soon as all was seen, --timeout ends it with 1', async () => {
    const met = new Command([
      ...runArgs('echo', 'ticker'),
      '--expect',
      'echo=^echo: type',
      '--expect',
      'ticker=tick 2',
    ]);
    expect(await met.exited).toBe(0);
    expect(met.stdout).not.toContain('tick 5');
    const unmet = new Command([...runArgs('echo'), '--expect', 'echo=never', '--timeout', '1']);
    expect(await unmet.exited).toBe(1);
    expect(unmet.stderr).toContain('echo did not show /never/');
  });

  it('--deterministic gives the same consoles and the same counts of instructions each time, whatever is typed by --send', async () => {
    const run = async (): Promise<unknown> => {
      const command = new Command([
        ...[...runArgs('echo', 'ticker', 'banner'), '--deterministic', '--json'],
        ...['--send', 'echo=powers off=hello, world\\r', '--send', 'echo=world=\\x04'],
      ]);
      expect(await command.exited).toBe(0);
      const events = command.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { event: string; domain?: string; base64?: string });
      const consoleOf = (name: string): string =>
        events
          .filter(({ event, domain }) => event === 'console' && domain === name)
          .map(({ base64 }) => Buffer.from(base64!, 'base64').toString('latin1'))
          .join('');
      const consoles = ['echo', 'ticker', 'banner'].map(consoleOf);
      expect(consoles[0]).toMatch(/hello, world\r\n$/);
      expect(consoles[1]).toMatch(/tick 5\r\n$/);
      return { consoles, instructions: events.filter(({ event }) => event === 'instructions') };
    };
    expect(await run()).toEqual(await run());
  });

  it('three of them run side by side with `start`, their lines told apart', async () => {
    const command = new Command(['start', '--small-guests']);
    await command.shows(/DOM2: ticker: tick 5/);
    expect(command.stdout).toContain('(XEN) DOM1: echo: type');
    expect(command.stdout).toContain('(XEN) DOM3: banner: a guest');
    command.type('\x04');
    expect(await command.exited).toBe(0);
  });

  it('at a terminal keys are raw, Ctrl-C goes to the guest, Ctrl-] quits, and the terminal is as before', async () => {
    const command = new Command(runArgs('echo'), { terminal: true });
    await command.shows(/press Ctrl-\] to quit[\s\S]*powers off\r/);
    command.type('one\x03two');
    await command.shows((stdout) => stdout.includes('one\x03two'));
    command.type('\x1d');
    expect(await command.exited).toBe(0);
    expect(command.stdout).toMatch(/code 0/);
    expect(command.stdout).toMatch(/(?<!-)\bisig icanon .* echo /);
  });
});
