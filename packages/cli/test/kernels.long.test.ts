/**
 * Kernels of Debian's that nothing here was written for: real-time, a later release's, pages of 16 KiB. Each boots in
 * two domUs to its shell, is what it says it is, computes what its ramdisk's busybox really hashes to, and powers off.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { fetchDebianGuests, guestCacheDir, type KernelFlavour } from '../src/guests/index.ts';
import { Command } from './command.ts';

const FETCH_MS = 600_000;
const BOOT_MS = 300_000;
/** What a kernel writes when it finds something wrong with the machine or itself. */
const TROUBLE = /^.*(?:Oops|BUG:|WARNING:|cut here|panic|Call trace|unhandled|rcu: INFO|not responding).*$/gim;

interface Kernel {
  readonly flavour: KernelFlavour;
  readonly backports: boolean;
  /** Of `uname -r`. */
  readonly release: RegExp;
  /** Of `uname -v`. */
  readonly version: RegExp;
  readonly pageKiB: number;
}

const RT = /SMP PREEMPT_RT/;
const PLAIN = /SMP(?! PREEMPT_RT)/;
const KERNELS: readonly Kernel[] = [
  { flavour: 'rt', backports: false, release: /-rt-arm64$/, version: RT, pageKiB: 4 },
  { flavour: 'stock', backports: true, release: /\+deb\d+-arm64$/, version: PLAIN, pageKiB: 4 },
  { flavour: 'cloud', backports: true, release: /\+deb\d+-cloud-arm64$/, version: PLAIN, pageKiB: 4 },
  { flavour: 'rt', backports: true, release: /\+deb\d+-rt-arm64$/, version: RT, pageKiB: 4 },
  { flavour: '16k', backports: true, release: /\+deb\d+-arm64-16k$/, version: PLAIN, pageKiB: 16 },
];
const names = ['domU1', 'domU2'];

/** Lines that a domain answered to commands with, by their first word. */
function answersOf(console: string): Map<string, string> {
  return new Map([...console.matchAll(/^ANSWER-(\w+) (.*?)\r*$/gm)].map(([, name, text]) => [name!, text!]));
}

/** A domain's console in the lines of several domains. */
const consoleOf = (stdout: string, domain: number): string =>
  [...stdout.matchAll(new RegExp(`^(?:\\(XEN\\) )?DOM${domain}: (.*)$`, 'gm'))].map(([, line]) => line).join('\n');

describe.each(KERNELS)("Debian's kernel $flavour, backports: $backports", (kernel) => {
  let busybox = '';
  beforeAll(async () => {
    const { flavour, backports } = kernel;
    const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
    busybox = (await fetchDebianGuests({ cacheDir: guestCacheDir(), flavour, backports, onProgress })).busybox;
  }, FETCH_MS);

  it(
    'boots to user space in two domUs, computes right, and powers off',
    async () => {
      const questions = [
        'release $(uname -r)',
        'version $(uname -v)',
        'page $(sed -n "s/^KernelPageSize: *//p" /proc/self/smaps | sort -u)',
        'hash $(sha256sum </bin/busybox)',
        'tick $(awk "/arch_timer/ {print (\\$2 > 10)}" /proc/interrupts)',
      ];
      // The prompt answers one question after the other; the marker is put together so that its echo isn't taken for it.
      const typed = [...questions.map((question) => `echo ANSWER""-${question}`), 'poweroff -f'];
      const sends = names.flatMap((name) =>
        typed.flatMap((line) => [
          '--send',
          `${name}=${name}:\\S+# =${line.replaceAll('\\', '\\\\').replaceAll('=', '\\=')}\\n`,
        ]),
      );
      const options = ['--kernel', kernel.flavour, ...(kernel.backports ? ['--backports'] : [])];
      const command = new Command(['start', ...options, ...sends, '--timeout', String(BOOT_MS / 1000)]);
      const code = await command.exited;
      expect(code, `${command.stdout.slice(-3000)}\n${command.stderr}`).toBe(0);
      const hash = createHash('sha256').update(readFileSync(busybox)).digest('hex');
      for (const [n, name] of names.entries()) {
        const console = consoleOf(command.stdout, n + 1);
        const answers = answersOf(console);
        expect(console).toMatch(/Linux version \d/);
        expect(console).toMatch(new RegExp(`DOMU-UP \\S+ ${name}`));
        expect(answers.get('release')).toMatch(kernel.release);
        expect(answers.get('version')).toMatch(kernel.version);
        expect(answers.get('page')).toBe(`${kernel.pageKiB} kB`);
        expect(answers.get('hash')).toBe(`${hash} -`);
        expect(answers.get('tick')).toBe('1');
        expect(console.match(TROUBLE) ?? []).toEqual([]);
      }
    },
    BOOT_MS + 30_000,
  );
});
