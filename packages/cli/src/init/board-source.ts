import { showSize } from '../sizes.ts';

/** A file that is loaded into host memory. */
export interface InitFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** False: there is no file yet, and the size is a guess. */
  readonly known: boolean;
}

/** What a new board is made from. */
export interface InitOptions {
  /** File that the board will be in, for the command lines in its comments. */
  readonly file: string;
  readonly kernel: InitFile;
  readonly ramdisk: InitFile | undefined;
  readonly domains: number;
  /** RAM and vCPUs of each domain. */
  readonly memoryMiB: number;
  readonly cpus: number;
  /** Physical CPUs of the host. */
  readonly pcpus: number;
  readonly gic: 2 | 3;
  readonly bootargs: string;
}

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const RAM_BASE = 0x4000_0000;
/** Modules begin on multiples of this. */
const MODULE_ALIGN = 2 * MIB;
/** The host's RAM is a multiple of this. */
const RAM_ALIGN = 256 * MIB;
/** Left for Xen: its heap, the pools for stage-2 tables, and what U-Boot keeps at the end of RAM. */
const XEN_BYTES = 96 * MIB;

const hex = (value: number): string => `0x${value.toString(16)}`;
/** A number in two cells. */
const cells = (value: number): string => `${hex(Math.floor(value / 2 ** 32))} ${hex(value % 2 ** 32)}`;
const alignUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** Where the files go. */
interface Layout {
  readonly kernel: number;
  readonly ramdisk: number | undefined;
  readonly ramBytes: number;
}

function layOut({ kernel, ramdisk, domains, memoryMiB, cpus }: InitOptions): Layout {
  const behindKernel = alignUp(RAM_BASE + kernel.size, MODULE_ALIGN);
  const end = ramdisk === undefined ? behindKernel : alignUp(behindKernel + ramdisk.size, MODULE_ALIGN);
  const guests = domains * (memoryMiB + Math.ceil(cpus + memoryMiB / 256 + 1)) * MIB;
  const ramBytes = alignUp(end - RAM_BASE + guests + XEN_BYTES, RAM_ALIGN);
  return { kernel: RAM_BASE, ramdisk: ramdisk === undefined ? undefined : behindKernel, ramBytes };
}

/** Characters of a path that could end a comment or break a line. */
const inComment = (text: string): string => text.replaceAll('*/', '* /').replace(/[\r\n]/g, ' ');
/** A word of a shell command. */
const quoted = (word: string): string => (/^[\w./=:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

const sizeComment = ({ path, size, known }: InitFile): string =>
  known
    ? `${inComment(path)}: ${size} bytes`
    : `no file was given: ${showSize(size)} are assumed; --fix of check puts in its size`;

function moduleSource(kind: 'kernel' | 'ramdisk', address: number, file: InitFile, bootargs?: string): string {
  return `
			/* ${sizeComment(file)} */
			module@${address.toString(16)} {
				compatible = "multiboot,${kind}", "multiboot,module";
				reg = <${cells(address)} ${cells(file.size)}>;${bootargs === undefined ? '' : `\n				bootargs = ${JSON.stringify(bootargs)};`}
			};`;
}

function domainSource(n: number, options: InitOptions, layout: Layout): string {
  const { kernel, ramdisk, memoryMiB, cpus, bootargs } = options;
  const first = n === 1;
  const note = (text: string): string => (first ? ` /* ${text} */` : '');
  return `
		domU${n} {
			compatible = "xen,domain";
			#address-cells = <2>;${note('cells of the reg of the modules below')}
			#size-cells = <2>;
			memory = <${cells(memoryMiB * KIB)}>;${note(`KiB, in two cells: ${memoryMiB} MiB`)}
			cpus = <${cpus}>;
			vpl011;${note('a UART: ttyAMA0 of Linux')}
${moduleSource('kernel', layout.kernel, kernel, bootargs)}${ramdisk === undefined ? '' : `\n${moduleSource('ramdisk', layout.ramdisk!, ramdisk)}`}
		};`;
}

/** The options that load the files, for a command line. */
export function loadOptions(options: InitOptions): string[] {
  const { kernel, ramdisk } = layOut(options);
  return [
    '--load',
    quoted(`${hex(kernel)}=${options.kernel.path}`),
    ...(options.ramdisk === undefined ? [] : ['--load', quoted(`${hex(ramdisk!)}=${options.ramdisk.path}`)]),
  ];
}

const cpuSource = (n: number): string => `
		cpu${n}: cpu@${n} {
			device_type = "cpu";
			compatible = "arm,cortex-a57";
			reg = <${n}>;
			enable-method = "psci";
		};`;

const gicSource = (version: 2 | 3, pcpus: number): string =>
  version === 2
    ? `compatible = "arm,gic-400";
		reg = <0 0x8000000 0 0x1000>, <0 0x8010000 0 0x2000>, <0 0x8030000 0 0x2000>, <0 0x8040000 0 0x2000>;`
    : `compatible = "arm,gic-v3";
		reg = <0 0x8000000 0 0x10000>, <0 0x80a0000 ${cells(pcpus * 0x20000)}>;`;

/** A commented source to start from; all addresses and sizes are computed. */
export function boardSource(options: InitOptions): string {
  const layout = layOut(options);
  const { file, domains, pcpus, gic } = options;
  const loads = inComment(loadOptions(options).join(' '));
  const name = inComment(quoted(file));
  return `/*
 * A host with ${domains === 1 ? 'one domU' : `${domains} domUs`}. Check it, look at it, boot it:
 *
 *   dom0less check ${name} ${loads}
 *   dom0less map ${name} ${loads}
 *   dom0less run ${name} ${loads}
 */
/dts-v1/;

/ {
	#address-cells = <2>;
	#size-cells = <2>;
	model = "dom0less";
	compatible = "dom0less,board";
	interrupt-parent = <&gic>;

	/* ${showSize(layout.ramBytes)}: images, guests, and room for Xen */
	memory@${RAM_BASE.toString(16)} {
		device_type = "memory";
		reg = <${cells(RAM_BASE)} ${cells(layout.ramBytes)}>;
	};

	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
${Array.from({ length: pcpus }, (_, n) => cpuSource(n)).join('\n')}
	};

	psci {
		compatible = "arm,psci-1.0", "arm,psci-0.2";
		method = "smc";
	};

	timer {
		compatible = "arm,armv8-timer";
		interrupts = <1 13 0xf08>, <1 14 0xf08>, <1 11 0xf08>, <1 10 0xf08>;
	};

	gic: interrupt-controller@8000000 {
		${gicSource(gic, pcpus)}
		#interrupt-cells = <3>;
		#address-cells = <0>;
		interrupt-controller;
		interrupts = <1 9 0xf04>;
	};

	chosen {
		#address-cells = <2>;
		#size-cells = <2>;
		/* Options of Xen, if it is to boot this tree: xen,xen-bootargs = "..."; */
${Array.from({ length: domains }, (_, n) => domainSource(n + 1, options, layout)).join('\n')}
	};
};
`;
}
