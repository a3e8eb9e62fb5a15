/** Debian packages in a domU: their files in a ramdisk, a script that runs them, and the results it reports. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type CpioEntry,
  fetchDebianGuests,
  fetchPackages,
  guestCacheDir,
  makeInitramfs,
  type PackageRoot,
  treeEntries,
} from '../../src/guests/index.ts';
import { LIBRARY, type Suite } from './suite.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.cjs', import.meta.url));
const KERNEL_ADDRESS = 0x4800_0000;
const RAMDISK_ADDRESS = 0x5000_0000;
const MODULE_BYTES = 0x800_0000;
/** Debian's documentation and translations, and Python's tests but those that are asked for. */
const UNUSED =
  /^(?:usr\/share\/(?:doc|man|locale|info|lintian|bash-completion|applications|pixmaps|X11|perl\/[\d.]+\/(?:pod|Pod|CPAN|Unicode\/Collate)|perl\/[\d.]+\/unicore\/lib)|usr\/lib\/aarch64-linux-gnu\/gconv|lib\/aarch64-linux-gnu\/gconv)(?:\/|$)/;
/** Test modules that others take things from. */
const PYTHON_SHARED = ['test_grammar', 'test_math'];
const PYTHON_TEST = /^usr\/lib\/python[\d.]+\/test\/(\w+)/;

const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mkdir -p /dev/shm
/bin/busybox mount -t tmpfs tmpfs /dev/shm
/bin/busybox --install -s /bin
export PATH=/usr/bin:/usr/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
ip link set lo up
hostname domU1
# A process that dies of a signal nobody expects is told on the console.
echo 1 >/proc/sys/debug/exception-trace
cd /test
sh ./run.sh
cd /
echo "RESULT end ok"
sync
poweroff -f
`;

const tree = (cpus: number, memoryMiB: number, ramdiskBytes: number): string => `/dts-v1/;
/ {
	#address-cells = <2>; #size-cells = <2>;
	memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x50000000>; };
	cpus {
		#address-cells = <1>; #size-cells = <0>;
		cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <0>; };
	};
	interrupt-controller@8000000 {
		compatible = "arm,gic-400"; interrupt-controller; #interrupt-cells = <3>;
		reg = <0 0x8000000 0 0x1000 0 0x8010000 0 0x2000 0 0x8030000 0 0x2000 0 0x8040000 0 0x2000>;
	};
	timer { compatible = "arm,armv8-timer"; interrupts = <1 13 0xf08 1 14 0xf08 1 11 0xf08 1 10 0xf08>; };
	chosen {
		#address-cells = <2>; #size-cells = <2>;
		domU1 {
			compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>;
			memory = <0 ${memoryMiB * 1024}>; cpus = <${cpus}>; vpl011;
			module@${KERNEL_ADDRESS.toString(16)} {
				compatible = "multiboot,kernel", "multiboot,module";
				reg = <0 ${KERNEL_ADDRESS} 0 ${MODULE_BYTES}>; bootargs = "console=ttyAMA0 loglevel=4";
			};
			module@${RAMDISK_ADDRESS.toString(16)} {
				compatible = "multiboot,ramdisk", "multiboot,module"; reg = <0 ${RAMDISK_ADDRESS} 0 ${ramdiskBytes}>;
			};
		};
	};
};
`;

const progress = (line: string): void => void process.stderr.write(`${line}\n`);

/** Packages by name, from the cache after the first time. `python-testsuite` stands for the one of Debian's python3. */
export async function packages(names: readonly string[]): Promise<PackageRoot> {
  const options = { cacheDir: guestCacheDir(), onProgress: progress };
  if (!names.includes('python-testsuite')) return fetchPackages(names, options);
  const python = await fetchPackages(['python3-minimal'], options);
  const version = python.packages
    .map((name) => /^python(3\.\d+)-minimal=/.exec(name)?.[1])
    .find((found) => found !== undefined);
  if (version === undefined) throw new Error(`python3-minimal brought no version: ${python.packages.join(', ')}`);
  const resolved = names.map((name) => (name === 'python-testsuite' ? `libpython${version}-testsuite` : name));
  return fetchPackages(resolved, options);
}

export interface UserlandOptions {
  /** Names of Debian packages; {@link packages}. */
  readonly packages: readonly string[];
  readonly suites: readonly Suite[];
  /** Modules of Python's test package that the ramdisk holds, such as `test_math`. */
  readonly pythonTests?: readonly string[];
  readonly memoryMiB?: number;
  /** vCPUs; 1 if absent. */
  readonly cpus?: number;
  readonly timeoutSeconds: number;
}

/** What the domain said, and how the command ended. */
export interface UserlandRun {
  readonly results: ReadonlyMap<string, string>;
  readonly console: string;
  /** Everything of the command's that is not console. */
  readonly stderr: string;
  /** Exit code; null if a signal ended it. */
  readonly code: number | null;
}

/** Whether a path of the packages goes into the ramdisk. */
function kept(path: string, pythonTests: readonly string[]): boolean {
  // /bin and /sbin are the ramdisk's own; in a release without /usr merged they hold what busybox has too.
  if (UNUSED.test(path) || path === 'bin' || path === 'sbin') return false;
  const test = PYTHON_TEST.exec(path)?.[1];
  if (test === undefined) return true;
  return !test.startsWith('test_') || pythonTests.includes(test) || PYTHON_SHARED.includes(test);
}

async function ramdisk(options: UserlandOptions, root: string, busybox: string): Promise<Uint8Array> {
  const bytes = (content: string | Uint8Array): Uint8Array =>
    typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const run = [LIBRARY, ...options.suites.map((suite) => suite.script)].join('\n');
  const files = Object.entries(Object.assign({ 'run.sh': run }, ...options.suites.map((suite) => suite.files)));
  const extra: CpioEntry[] = [
    ...(await treeEntries(root, (path) => kept(path, options.pythonTests ?? []))),
    { type: 'directory', path: 'test', mode: 0o755 },
    ...files.map(
      ([name, content]): CpioEntry => ({
        type: 'file',
        path: `test/${name}`,
        mode: 0o644,
        data: bytes(content as string | Uint8Array),
      }),
    ),
  ];
  return makeInitramfs({ busybox: readFileSync(busybox), init: INIT, extra });
}

function resultsOf(console: string): Map<string, string> {
  return new Map(
    [...console.matchAll(/^RESULT (\S+) (.*?)\r*$/gm)].map(([, name = '', text = '']): [string, string] => [
      name,
      text,
    ]),
  );
}

/** Boots Debian's cloud kernel with the packages and the suites' scripts, and waits for its power-off. */
export async function runUserland(options: UserlandOptions): Promise<UserlandRun> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is not there: build the package first (pnpm build)`);
  const { kernel, busybox } = await fetchDebianGuests({ cacheDir: guestCacheDir(), onProgress: progress });
  const { root } = await packages(options.packages);
  const folder = mkdtempSync(join(tmpdir(), 'dom0less-userland-'));
  try {
    const disk = await ramdisk(options, root, busybox);
    writeFileSync(join(folder, 'ramdisk'), disk);
    const source = tree(options.cpus ?? 1, options.memoryMiB ?? 512, disk.length);
    writeFileSync(join(folder, 'board.dts'), source);
    const load = [`${KERNEL_ADDRESS}=${kernel}`, `${RAMDISK_ADDRESS}=${join(folder, 'ramdisk')}`];
    const args = ['run', join(folder, 'board.dts'), ...load.flatMap((one) => ['--load', one])];
    return await finished([...args, '--timeout', String(options.timeoutSeconds)]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function finished(args: readonly string[]): Promise<UserlandRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const stop = (): void => void child.kill('SIGKILL');
    process.once('exit', stop);
    let console = '';
    let stderr = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      console += text;
      if (process.env.DOM0LESS_USERLAND_CONSOLE === '1') process.stderr.write(text);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      process.removeListener('exit', stop);
      resolve({ results: resultsOf(console), console, stderr, code });
    });
  });
}
