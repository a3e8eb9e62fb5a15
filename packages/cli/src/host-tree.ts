import { compileDts } from '@dom0less/fdt';
import type { ModuleBytes } from '@dom0less/hypervisor/plan';
import type { BoardInput } from './commands/board-input.ts';

/** One domU of {@link hostBoard}. */
export interface DomainSpec {
  /** Node name. */
  readonly name: string;
  readonly memoryMiB: number;
  /** vCPUs; 1 if absent. */
  readonly cpus?: number;
  readonly bootargs: string;
  readonly kernel: ModuleBytes;
  readonly ramdisk?: ModuleBytes | undefined;
}

const RAM_BASE = 0x4000_0000;
const MIB = 2 ** 20;
/** Modules are put on multiples of this, as boot scripts do. */
const MODULE_ALIGN = 2 * MIB;

const cells = (value: number): string =>
  `0x${Math.floor(value / 2 ** 32).toString(16)} 0x${(value % 2 ** 32).toString(16)}`;

/** Gives modules their places in host memory, one behind the other; the same bytes have one place. */
class ModuleMemory {
  readonly modules = new Map<number, ModuleBytes>();
  readonly #places = new Map<ModuleBytes, number>();
  next = RAM_BASE;

  #placeOf(bytes: ModuleBytes): number {
    const known = this.#places.get(bytes);
    if (known !== undefined) return known;
    const address = this.next;
    this.#places.set(bytes, address);
    this.modules.set(address, bytes);
    this.next += Math.ceil(bytes.length / MODULE_ALIGN) * MODULE_ALIGN;
    return address;
  }

  /** Source of the module's node. */
  add(kind: 'kernel' | 'ramdisk', bytes: ModuleBytes, bootargs?: string): string {
    const address = this.#placeOf(bytes);
    const line = bootargs === undefined ? '' : ` bootargs = ${JSON.stringify(bootargs)};`;
    return `module@${address.toString(16)} { compatible = "multiboot,${kind}", "multiboot,module"; reg = <${cells(address)} ${cells(bytes.length)}>;${line} };`;
  }
}

function domainSource(
  { name, memoryMiB, cpus = 1, bootargs, kernel, ramdisk }: DomainSpec,
  memory: ModuleMemory,
): string {
  return `
		${name} {
			compatible = "xen,domain";
			#address-cells = <2>;
			#size-cells = <2>;
			memory = <${cells(memoryMiB * 1024)}>;
			cpus = <${cpus}>;
			vpl011;
			${memory.add('kernel', kernel, bootargs)}
			${ramdisk === undefined ? '' : memory.add('ramdisk', ramdisk)}
		};`;
}

/**
 * The default board: one CPU, a GICv2, as much memory as its domUs and their modules need, and devices: the hypervisor's
 * PL011, and a PL031, a PL061 and a second PL011 that can be passed through.
 *
 * @returns the host device tree, and the modules where it says that they are.
 */
export function hostBoard(domains: readonly DomainSpec[]): BoardInput {
  const memory = new ModuleMemory();
  const nodes = domains.map((domain) => domainSource(domain, memory)).join('');
  const guests = domains.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0) * MIB;
  // Behind modules and guests some room is left for stage-2 tables.
  const size = memory.next - RAM_BASE + guests + 64 * MIB;
  const source = `/dts-v1/;
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	model = "dom0less";
	compatible = "dom0less,board";
	interrupt-parent = <&gic>;

	memory@${RAM_BASE.toString(16)} {
		device_type = "memory";
		reg = <${cells(RAM_BASE)} ${cells(size)}>;
	};

	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
		cpu@0 {
			device_type = "cpu";
			compatible = "arm,cortex-a57";
			reg = <0>;
			enable-method = "psci";
		};
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
		compatible = "arm,gic-400";
		#interrupt-cells = <3>;
		#address-cells = <0>;
		interrupt-controller;
		reg = <0 0x8000000 0 0x1000>, <0 0x8010000 0 0x2000>, <0 0x8030000 0 0x2000>, <0 0x8040000 0 0x2000>;
		interrupts = <1 9 0xf04>;
	};

	pl011@9000000 {
		compatible = "arm,pl011", "arm,primecell";
		reg = <0 0x9000000 0 0x1000>;
		interrupts = <0 1 4>;
	};

	pl031@9010000 {
		compatible = "arm,pl031", "arm,primecell";
		reg = <0 0x9010000 0 0x1000>;
		interrupts = <0 2 4>;
		xen,passthrough;
	};

	pl061@9030000 {
		compatible = "arm,pl061", "arm,primecell";
		reg = <0 0x9030000 0 0x1000>;
		interrupts = <0 7 4>;
		xen,passthrough;
	};

	pl011@9040000 {
		compatible = "arm,pl011", "arm,primecell";
		reg = <0 0x9040000 0 0x1000>;
		interrupts = <0 8 4>;
		xen,passthrough;
	};

	chosen {
		#address-cells = <2>;
		#size-cells = <2>;
		stdout-path = "/pl011@9000000";${nodes}
	};
};
`;
  return { tree: compileDts(source, { filename: 'dom0less start' }), modules: memory.modules };
}
