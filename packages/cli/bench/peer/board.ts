/** The board of the benchmark: what QEMU's `virt` machine with GICv2 has, and domUs that share a kernel and a ramdisk. */
import { compileDts, writeFdt } from '@dom0less/fdt';

const RAM_MIB = 4096;
const MIB = 2 ** 20;
/** Where the boot loader puts the modules. */
export const KERNEL_AT = 0x5000_0000;
export const RAMDISK_AT = 0x5c00_0000;

/** The machine that both hypervisors run on. */
export interface BoardShape {
  readonly pcpus: number;
  readonly domains: number;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly bootargs: string;
  readonly kernelBytes: number;
  readonly ramdiskBytes: number;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function domainSource(shape: BoardShape, name: string): string {
  return `
    ${name} {
      compatible = "xen,domain";
      #address-cells = <2>;
      #size-cells = <2>;
      memory = <0 ${hex(shape.memoryMiB * 1024)}>;
      cpus = <${shape.vcpus}>;
      vpl011;
      module@${KERNEL_AT.toString(16)} {
        compatible = "multiboot,kernel", "multiboot,module";
        reg = <0 ${hex(KERNEL_AT)} 0 ${hex(shape.kernelBytes)}>;
        bootargs = ${JSON.stringify(`${shape.bootargs} name=${name}`)};
      };
      module@${RAMDISK_AT.toString(16)} {
        compatible = "multiboot,ramdisk", "multiboot,module";
        reg = <0 ${hex(RAMDISK_AT)} 0 ${hex(shape.ramdiskBytes)}>;
      };
    };`;
}

/** The board's device tree blob. */
export function boardTree(shape: BoardShape): Uint8Array {
  const cpus = Array.from(
    { length: shape.pcpus },
    (_, n) => `cpu@${n} { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <${n}>; enable-method = "psci"; };`,
  );
  const domains = Array.from({ length: shape.domains }, (_, n) => domainSource(shape, `domU${n + 1}`));
  const source = `/dts-v1/;
/ {
  #address-cells = <2>;
  #size-cells = <2>;
  model = "linux,dummy-virt";
  compatible = "linux,dummy-virt";
  interrupt-parent = <&gic>;
  memory@40000000 { device_type = "memory"; reg = <0 0x40000000 ${hex(Math.floor((RAM_MIB * MIB) / 2 ** 32))} ${hex((RAM_MIB * MIB) % 2 ** 32)}>; };
  cpus { #address-cells = <1>; #size-cells = <0>; ${cpus.join(' ')} };
  psci { compatible = "arm,psci-1.0", "arm,psci-0.2"; method = "smc"; };
  timer { compatible = "arm,armv8-timer"; always-on; interrupts = <1 13 0x104>, <1 14 0x104>, <1 11 0x104>, <1 10 0x104>; };
  gic: interrupt-controller@8000000 {
    compatible = "arm,cortex-a15-gic";
    #interrupt-cells = <3>;
    #address-cells = <0>;
    interrupt-controller;
    reg = <0 0x8000000 0 0x10000>, <0 0x8010000 0 0x10000>, <0 0x8030000 0 0x10000>, <0 0x8040000 0 0x10000>;
    interrupts = <1 9 4>;
  };
  apb_pclk: clock { compatible = "fixed-clock"; #clock-cells = <0>; clock-frequency = <24000000>; };
  uart: serial@9000000 {
    compatible = "arm,pl011", "arm,primecell";
    reg = <0 0x9000000 0 0x1000>;
    interrupts = <0 1 4>;
    clocks = <&apb_pclk>, <&apb_pclk>;
    clock-names = "uartclk", "apb_pclk";
  };
  chosen {
    #address-cells = <2>;
    #size-cells = <2>;
    stdout-path = &uart;
    xen,xen-bootargs = "console=dtuart dtuart=serial0 bootscrub=0";
    ${domains.join('')}
  };
  aliases { serial0 = &uart; };
};
`;
  return writeFdt(compileDts(source, { filename: 'board.dts' }));
}
