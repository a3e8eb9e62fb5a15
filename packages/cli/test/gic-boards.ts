/** Debian's kernel on boards with either GIC, and in domains that choose theirs. */
import { findGuests } from '../src/guests/index.ts';
import type { Folder } from './boards.ts';
import { Command } from './command.ts';

const KERNEL_ADDRESS = 0x4800_0000;
const RAMDISK_ADDRESS = 0x5000_0000;
const MODULE_BYTES = 0x800_0000;

/** One domU: `gic` is what its node asks for; absent: it has what the board has. */
export interface GicDomain {
  readonly cpus: number;
  readonly gic?: 'v2' | 'v3';
  readonly memoryMiB?: number;
  /** It is direct-mapped, with its memory at this host physical address. */
  readonly directAt?: number;
}

const GICS = {
  v2: { compatible: 'arm,gic-400', reg: '0 0x8000000 0 0x1000 0 0x8010000 0 0x2000 0 0x8030000 0 0x2000' },
  v3: { compatible: 'arm,gic-v3', reg: '0 0x8000000 0 0x10000 0 0x80a0000 0 0xf60000' },
} as const;

/** A board with domU1, domU2, …, which boot Debian's kernel with its usual ramdisk. */
const boardSource = (gic: 'v2' | 'v3', domains: readonly GicDomain[]): string => `/dts-v1/;
/ {
	#address-cells = <2>; #size-cells = <2>; interrupt-parent = <&gic>;
	memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x80000000>; };
	cpus {
		#address-cells = <1>; #size-cells = <0>;
		cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <0>; };
	};
	gic: interrupt-controller@8000000 {
		compatible = "${GICS[gic].compatible}"; interrupt-controller; #interrupt-cells = <3>; reg = <${GICS[gic].reg}>;
	};
	serial@9000000 { compatible = "arm,pl011", "arm,primecell"; reg = <0 0x9000000 0 0x1000>; interrupts = <0 1 4>; };
	timer { compatible = "arm,armv8-timer"; interrupts = <1 13 0xf08 1 14 0xf08 1 11 0xf08 1 10 0xf08>; };
	chosen {
		#address-cells = <2>; #size-cells = <2>; stdout-path = "/serial@9000000";
${domains
  .map(
    ({ cpus, gic: own, memoryMiB = 192, directAt }, n) => `		domU${n + 1} {
			compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>;
			memory = <0 ${memoryMiB * 1024}>; cpus = <${cpus}>; vpl011;
			${directAt === undefined ? '' : `xen,static-mem = <0 ${directAt} 0 ${memoryMiB * 2 ** 20}>; direct-map;`}
			${own === undefined ? '' : `dom0less,gic-version = "${own}";`}
			module@${KERNEL_ADDRESS.toString(16)} {
				compatible = "multiboot,kernel", "multiboot,module";
				reg = <0 ${KERNEL_ADDRESS} 0 ${MODULE_BYTES}>; bootargs = "console=ttyAMA0 name=domU${n + 1}";
			};
			module@${RAMDISK_ADDRESS.toString(16)} {
				compatible = "multiboot,ramdisk", "multiboot,module"; reg = <0 ${RAMDISK_ADDRESS} 0 ${MODULE_BYTES}>;
			};
		};`,
  )
  .join('\n')}
	};
};
`;

/** Has a domain tell of its CPUs and interrupts, and power off. */
export const QUESTIONS = 'nproc; grep -E "arch_timer|uart-pl011|IPI[01]:" /proc/interrupts; poweroff -f';

/**
 * Boots the domains to their shells, types `lines` into each, one after the other, and waits for all to power off. Without
 * `lines`, each tells of its CPUs and interrupts.
 */
export async function bootGic(
  folder: Folder,
  gic: 'v2' | 'v3',
  domains: readonly GicDomain[],
  timeoutSeconds: number,
  lines: readonly string[] = [QUESTIONS],
): Promise<{ code: number | null; consoles: string[]; stderr: string }> {
  const search = await findGuests({ flavour: 'cloud' });
  if (!search.found) throw new Error(`no guests: ${search.reason}`);
  const { kernel, ramdisk } = search.guests;
  const board = folder.put(`${gic}-${domains.length}.dts`, boardSource(gic, domains));
  const load = [`${KERNEL_ADDRESS}=${kernel}`, `${RAMDISK_ADDRESS}=${ramdisk}`].flatMap((one) => ['--load', one]);
  // Where text is given to --send, = and \ are escaped.
  const typed = lines.map((line) => line.replaceAll('\\', '\\\\').replaceAll('=', '\\='));
  const sends = domains.flatMap((_, n) =>
    typed.flatMap((line) => ['--send', `domU${n + 1}=domU${n + 1}:\\S+# =${line}\\n`]),
  );
  const command = new Command(['run', board, ...load, ...sends, '--json', '--timeout', String(timeoutSeconds)]);
  const code = await command.exited;
  const events = command.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; domain?: string; base64?: string });
  const consoles = domains.map((_, n) =>
    events
      .filter(({ event, domain }) => event === 'console' && domain === `domU${n + 1}`)
      .map(({ base64 }) => Buffer.from(base64!, 'base64').toString('latin1'))
      .join(''),
  );
  return { code, consoles, stderr: command.stderr };
}

/** What a console says of CPUs and interrupts: `nproc`, the controller's name, and counts of a line by CPU. */
export function interruptsOf(console: string) {
  const counts = (pattern: RegExp): number[] =>
    (pattern.exec(console)?.[1] ?? '').trim().split(/\s+/).filter(Boolean).map(Number);
  return {
    nproc: Number(/^(\d+)\r*$/m.exec(console.slice(console.indexOf('nproc;')))?.[1]),
    controller: /(GICv3|GIC-0)\s+27 Level\s+arch_timer/.exec(console)?.[1],
    timer: counts(/^\s*\d+:((?:\s+\d+)+)\s+\S+\s+27 Level\s+arch_timer/m),
    uart: counts(/^\s*\d+:((?:\s+\d+)+)\s+\S+\s+3[23] Level\s+uart-pl011/m),
    calls: counts(/^IPI1:((?:\s+\d+)+)/m),
  };
}
