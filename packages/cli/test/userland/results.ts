/** Declares the tests of a run: one for each result, and one for the domU's end. */
import { beforeAll, expect, it } from 'vitest';
import { runUserland, type UserlandOptions, type UserlandRun } from './domu.ts';

/** Fetching, building the ramdisk and stopping, on top of the time that the domain has. */
const MARGIN_SECONDS = 300;

/** A process that died of a signal, or a kernel that found itself wrong. */
const TROUBLE =
  /^.*(?:Oops|BUG:|Kernel panic|unhandled (?:exception|signal)|undefined instruction|segfault|rcu: INFO|Call trace).*$/gim;

export function userlandTests(options: UserlandOptions): void {
  let run: UserlandRun;
  beforeAll(
    async () => {
      run = await runUserland(options);
    },
    (options.timeoutSeconds + MARGIN_SECONDS) * 1000,
  );

  it('powers off by itself, without a complaint of its kernel', () => {
    expect(run.results.get('end'), `${run.console.slice(-3000)}\n${run.stderr}`).toBe('ok');
    expect(run.console.match(TROUBLE) ?? []).toEqual([]);
    expect(run.code, run.stderr).toBe(0);
  });
  it.each(options.suites.flatMap((suite) => [...suite.expected]))('%s', (name, text) => {
    expect(run.results.get(name), detail(run.console, name)).toBe(text);
  });
}

/** What a failed command wrote: the console's lines before its result. */
function detail(console: string, name: string): string {
  const lines = console.replaceAll('\r', '').split('\n');
  const at = lines.findIndex((line) => line.startsWith(`RESULT ${name} FAIL`));
  if (at < 0) return name;
  const before = lines
    .slice(0, at)
    .map((line) => line.startsWith('RESULT '))
    .lastIndexOf(true);
  return [name, ...lines.slice(before + 1, at)].join('\n');
}
