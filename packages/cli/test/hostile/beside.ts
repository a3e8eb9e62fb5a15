/** Runs the hostile guest and its neighbour side by side with the built command, and judges what came of it. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assemble } from '@dom0less/arm64-cpu';
import { expect } from 'vitest';
import { HOSTILE_MIB, HOSTILE_VCPUS, hostileSource } from './hostile-guest.ts';
import { bufferCrc, NEIGHBOUR_MIB, neighbourSource } from './neighbour.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.cjs', import.meta.url));
/** Both guests, the engine's records and tables, and Node itself take some 200 MiB. */
const RESIDENT_MIB = 500;
/** A domain's share of a slow machine: the neighbour ends when its sum under way is done. */
const MARGIN_SECONDS = 120;

interface Guest {
  readonly name: string;
  readonly address: number;
  readonly image: Uint8Array;
  readonly memoryMiB: number;
  readonly cpus: number;
  /** Version of its interrupt controller. */
  readonly gic: 2 | 3;
}

const node = ({ name, address, image, memoryMiB, cpus, gic }: Guest): string => `
		${name} {
			compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>;
			memory = <0 ${memoryMiB * 1024}>; cpus = <${cpus}>; vpl011; dom0less,gic-version = "v${gic}";
			module@${address.toString(16)} {
				compatible = "multiboot,kernel", "multiboot,module";
				reg = <0 ${address} 0 ${image.length}>; bootargs = "console=ttyAMA0";
			};
		};`;

const board = (guests: readonly Guest[]): string => `/dts-v1/;
/ {
	#address-cells = <2>; #size-cells = <2>;
	memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x10000000>; };
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
		#address-cells = <2>; #size-cells = <2>;${guests.map(node).join('')}
	};
};
`;

/** Resident memory of a process, in MiB; the most it ever was. proc(5), status. */
function peakResidentMiB(pid: number): number {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kib ?? 0) / 1024;
  } catch {
    return 0; // it has ended
  }
}

interface Run {
  /** Exit code; null if a signal ended it. */
  readonly code: number | null;
  readonly stderr: string;
  readonly peakMiB: number;
}

/** Runs the command; its stdout goes to a file in `folder`, since the hostile guest floods its console. */
async function runBoard(args: readonly string[], folder: string): Promise<Run> {
  const stdout = openSync(join(folder, 'stdout'), 'w');
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', stdout, 'pipe'] });
  closeSync(stdout);
  const stop = (): void => void child.kill('SIGKILL');
  process.once('exit', stop);
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let peakMiB = 0;
  const watch = setInterval(() => {
    peakMiB = Math.max(peakMiB, peakResidentMiB(child.pid!));
  }, 200);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    return { code, stderr, peakMiB };
  } finally {
    clearInterval(watch);
    process.removeListener('exit', stop);
  }
}

/** How long {@link besideHostile} may take, in ms. */
export const besideMs = (seconds: number): number => (seconds + MARGIN_SECONDS + 10) * 1000;

/**
 * Lets the hostile guest made from `seed` do its worst for `seconds`, with a GICv2 if the seed is even, else a GICv3, and expects that its neighbour was right all the
 * time, the host's memory bounded, and the board's end as any other's.
 */
export async function besideHostile(seed: number, seconds: number): Promise<void> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is not there: build the package first (pnpm build)`);
  const folder = mkdtempSync(join(tmpdir(), 'dom0less-hostile-'));
  try {
    const image = (source: string): Uint8Array => assemble(source).bytes;
    const gic = seed % 2 === 0 ? 2 : 3;
    const guests: Guest[] = [
      {
        name: 'hostile',
        address: 0x4800_0000,
        image: image(hostileSource(seed, seconds, gic)),
        memoryMiB: HOSTILE_MIB,
        cpus: HOSTILE_VCPUS,
        gic,
      },
      {
        name: 'neighbour',
        address: 0x4810_0000,
        image: image(neighbourSource(seed, seconds)),
        memoryMiB: NEIGHBOUR_MIB,
        cpus: 1,
        gic: 2,
      },
    ];
    const put = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const loads = guests.flatMap(({ name, address, image }) => ['--load', `${address}=${put(name, image)}`]);
    const logs = join(folder, 'logs');
    const wanted = [
      '--expect',
      'neighbour=^neighbour: right [^\\n]*\\n',
      '--timeout',
      String(seconds + MARGIN_SECONDS),
    ];
    const run = await runBoard(
      ['run', put('board.dts', board(guests)), ...loads, '--console-log', logs, ...wanted],
      folder,
    );
    const told = readFileSync(join(logs, 'neighbour.log'), 'latin1');
    const rounds = [
      ...readFileSync(join(logs, 'hostile.log'), 'latin1').matchAll(/^hostile: rounds((?: [\da-f]{8})+)\r$/gm),
    ];
    const context = `seed ${seed}\n${told.slice(-500)}\n${run.stderr.slice(-2000)}`;

    expect(run.code, context).toBe(0);
    const [, crc, sums, ticks] =
      /^neighbour: crc (\w+)\r\n(?:neighbour: 64 sums\r\n)*neighbour: right sums (\w+) ticks (\w+)\r\n$/.exec(told) ??
      [];
    expect(crc && Number.parseInt(crc, 16), context).toBe(bufferCrc(seed));
    expect(Number.parseInt(sums!, 16)).toBeGreaterThan(0);
    // The neighbour has checked the number of its interrupts against the counter; here it is checked that time went by.
    expect(Number.parseInt(ticks!, 16)).toBeGreaterThanOrEqual(seconds * 100 - 1);
    expect(run.stderr).not.toMatch(/bug|neighbour (?!powered off)/);
    expect(run.peakMiB).toBeGreaterThan(0);
    expect(run.peakMiB).toBeLessThan(RESIDENT_MIB);
    // It was hostile: in a minute hundreds of misdeeds even on a busy machine. In seconds vCPU 0 may be lost before it tells.
    const most = rounds.flatMap(([, numbers]) =>
      numbers!
        .trim()
        .split(' ')
        .map((text) => Number.parseInt(text, 16)),
    );
    expect(Math.max(0, ...most), context).toBeGreaterThanOrEqual(seconds < 60 ? 1 : 100);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
