/** Debian's own kernels in domUs, from `start` to power-off. Fails where its packages can't be had. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { findGuests, type Guests, type KernelFlavour } from '../src/guests/index.ts';
import { Folder } from './boards.ts';
import { Command } from './command.ts';

const FETCH_MS = 300_000;
const BOOT_MS = 180_000;
/** /proc/PID/stat counts in hundredths of a second (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

/** Processor time that a process has used, in seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

const folder = new Folder();

const guestsOf = async (flavour: KernelFlavour): Promise<Guests> => {
  const search = await findGuests({ flavour, onProgress: (line) => process.stderr.write(`${line}\n`) });
  if (!search.found) throw new Error(`no guests: ${search.reason}`);
  return search.guests;
};
/** Options that expect each domain's init to be up. */
const expectUp = (...names: readonly string[]): string[] =>
  names.flatMap((name) => ['--expect', `${name}=DOMU-UP \\S+ ${name}`]);
const TIMEOUT = ['--timeout', String(BOOT_MS / 1000)];

beforeAll(() => guestsOf('cloud'), FETCH_MS);

it(
  'boots to its shell, answers a command, idles without host CPU, and powers off with exit code 0',
  async () => {
    const logs = join(folder.path, 'logs');
    const command = new Command([
      'start',
      '--domains',
      '1',
      '--console-log',
      logs,
      '--timeout',
      String(BOOT_MS / 1000),
    ]);
    await command.shows(/DOMU-UP \S+ domU1/);
    await command.shows(/domU1:\S+# /);
    command.type('echo $((6*7))-ok\n');
    await command.shows(/^42-ok\r?$/m);
    // Behind a boot translations are written for the next one; then there is nothing left to do.
    const used = async (): Promise<number> => {
      const before = cpuSeconds(command.pid);
      await new Promise((resolve) => setTimeout(resolve, 2000));
      return cpuSeconds(command.pid) - before;
    };
    await expect.poll(used, { timeout: 40_000, interval: 1 }).toBeLessThan(0.2);
    command.type('poweroff -f\n');
    expect(await command.exited).toBe(0);
    expect(command.stderr).not.toContain('error');
    expect(statSync(join(logs, 'domU1.log')).size).toBe(Buffer.byteLength(command.stdout, 'latin1'));
  },
  BOOT_MS,
);

/** Lines of `--json`, with a domain's console as text. */
function readEvents(stdout: string) {
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; domain?: string; base64?: string; state?: string });
  const consoleOf = (name: string): string =>
    events
      .filter(({ event, domain }) => event === 'console' && domain === name)
      .map(({ base64 }) => Buffer.from(base64!, 'base64').toString('latin1'))
      .join('');
  return { events, consoleOf };
}

it(
  'two domUs boot side by side; what is sent is typed, and what they write comes as events',
  async () => {
    const sends = ['domU1', 'domU2'].flatMap((name) => [
      '--send',
      `${name}=${name}:\\S+# =echo $((6*7))-$(hostname)\\n`,
    ]);
    const wanted = ['--expect', 'domU1=^42-domU1', '--expect', 'domU2=^42-domU2'];
    const options = ['--json', '--deterministic', ...expectUp('domU1', 'domU2'), ...sends, ...wanted, ...TIMEOUT];
    const command = new Command(['start', ...options]);
    expect(await command.exited).toBe(0);
    const { events, consoleOf } = readEvents(command.stdout);
    for (const name of ['domU1', 'domU2']) {
      expect(consoleOf(name)).toMatch(new RegExp(`Linux version [\\s\\S]*DOMU-UP \\S+ ${name}[\\s\\S]*\\n42-${name}`));
      expect(events).toContainEqual({ event: 'domain', domain: name, id: Number(name.at(-1)), state: 'running' });
    }
    expect(events.at(-1)).toEqual({ event: 'exit', code: 0 });
  },
  BOOT_MS,
);

it(
  'power-off, reset and panic of domUs leave another one answering',
  async () => {
    const last = 'domU4=domU4:\\S+# ';
    const sends = [
      'domU1=domU1:\\S+# =poweroff -f\\n',
      'domU2=domU2:\\S+# =reboot -f\\n',
      'domU3=domU3:\\S+# =echo c > /proc/sysrq-trigger\\n',
      `${last}=while sleep 1; do echo alive-$(hostname); done\\n`,
    ].flatMap((send) => ['--send', send]);
    const command = new Command(['start', '--domains', '4', '--json', ...sends, ...TIMEOUT]);
    const ended = (stdout: string): boolean =>
      /"domU1",.*"poweroff"/.test(stdout) && /"domU2",.*"reboot"/.test(stdout) && /"event":"panic"/.test(stdout);
    await command.shows(ended);
    const before = command.stdout.length;
    const alive = (stdout: string): number => {
      const whole = stdout.slice(before, stdout.lastIndexOf('\n') + 1);
      return whole === ''
        ? 0
        : (readEvents(whole)
            .consoleOf('domU4')
            .match(/^alive-domU4/gm)?.length ?? 0);
    };
    await command.shows((stdout) => alive(stdout.slice(0, stdout.lastIndexOf('\n') + 1)) >= 3);
    command.kill('SIGTERM');
    expect(await command.exited).toBe(143);
    expect(command.stdout).toContain('"line":"Kernel panic - not syncing: sysrq triggered crash"');
    expect(command.stderr).toContain('domU1 powered off');
    expect(command.stderr).toContain('domU2 asked for a reboot');
    expect(command.stderr).toContain('domU3 panicked: Kernel panic');
  },
  BOOT_MS,
);

it(
  'at a terminal Ctrl-A three times moves between two domUs and Xen, and away from one that ends',
  async () => {
    const command = new Command(['start', ...TIMEOUT], { terminal: true });
    const focus = (name: string): RegExp => new RegExp(`Serial input to ${name} \\(type 'CTRL-a' three times`);
    const since = (from: number, pattern: RegExp) => (stdout: string) => pattern.test(stdout.slice(from));
    const step = async (typed: string, pattern: RegExp): Promise<void> => {
      const from = command.stdout.length;
      command.type(typed);
      await command.shows(since(from, pattern));
    };
    const switchKeys = '\x01\x01\x01';
    await command.shows(focus('DOM1'));
    await command.shows((stdout) => /DOMU-UP \S+ domU1/.test(stdout) && /DOMU-UP \S+ domU2/.test(stdout));
    await step('echo one-$(hostname)\n', /\(XEN\) one-domU1/);
    await step(switchKeys, focus('DOM2'));
    await step('echo two-$(hostname)\n', /\(XEN\) two-domU2/);
    await step(switchKeys, focus('Xen'));
    await step('q', /'q' pressed[\s\S]*General information for domain 2/);
    await step(switchKeys, focus('DOM1'));
    await step('poweroff -f\n', focus('DOM2'));
    await step('echo three-$(hostname)\n', /\(XEN\) three-domU2/);
    command.type('poweroff -f\n');
    expect(await command.exited).toBe(0);
    expect(command.stdout).toMatch(/code 0/);
  },
  BOOT_MS,
);

it(
  'the stock kernel, with all its drivers, boots in two domUs',
  async () => {
    const { kernel, ramdisk } = await guestsOf('stock');
    const env = { DOM0LESS_KERNEL: kernel, DOM0LESS_RAMDISK: ramdisk! };
    const command = new Command(['start', '--deterministic', ...expectUp('domU1', 'domU2'), ...TIMEOUT], { env });
    expect(await command.exited).toBe(0);
    expect(command.stdout).toMatch(/DOM2: DOMU-UP \d\S+-arm64 domU2/);
    expect(command.stdout).not.toContain('cloud');
  },
  BOOT_MS + FETCH_MS,
);
