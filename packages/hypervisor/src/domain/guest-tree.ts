/** The device tree that a domain gets: nodes, properties and their order as Xen 4.17 makes them. */
import { DeviceTree, type DtNode, propEmpty, propReg, propStrings, propU32, propU64, writeFdt } from '@dom0less/fdt';
import type { GuestRamBank, Passthrough } from '@dom0less/multiboot';
import {
  affinityOf,
  GUEST_GICC_SIZE,
  GUEST_GICD_SIZE,
  GUEST_GICV3_GICD_SIZE,
  GUEST_MAP,
  GUEST_UART_SIZE,
  type GuestMap,
  PHYSICAL_TIMER_INTID,
  SECURE_TIMER_INTID,
  VIRTUAL_TIMER_INTID,
} from './guest-map.ts';

/** What a guest's device tree says of it. */
export interface GuestTreeInput {
  readonly bootargs: string;
  /** Guest physical range of the ramdisk, end exclusive; `{ start: 0, end: 0 }` without one. */
  readonly initrd: { readonly start: number; readonly end: number };
  readonly cpus: number;
  /** `compatible` and clock-frequency of the host's first CPU. */
  readonly hostCpu: { readonly compatible: readonly string[]; readonly clockFrequency?: number };
  readonly banks: readonly GuestRamBank[];
  /** clock-frequency of the host's timer node, if it has one. */
  readonly timerClockFrequency?: number;
  readonly uart: boolean;
  /** Version of the virtual interrupt controller. */
  readonly gicVersion: 2 | 3;
  /** Addresses of GIC and UART; those of Xen's guest memory map if absent. */
  readonly map?: GuestMap;
  /** Static shared memory as the guest sees it (IPA, bytes). */
  readonly shared?: readonly { readonly id: string; readonly start: number; readonly size: number }[];
  /** Nodes for devices of the host that the guest gets. */
  readonly passthrough?: Pick<Passthrough, 'nodes' | 'gicPhandle'>;
}

const CELLS = { address: 2, size: 2 };
const GIC_PHANDLE = 65000;
const FIRST_PPI = 16;
const FIRST_SPI = 32;
/** Interrupt specifiers of the GIC binding: type, number, flags. Level low on any of eight CPUs, and level high. */
const ppi = (intid: number): number[] => [1, intid - FIRST_PPI, 0xf08];
const spi = (intid: number): number[] => [0, intid - FIRST_SPI, 0xf04];
const region = (base: number, size: number) => ({ address: BigInt(base), size: BigInt(size) });

const addChosen = (root: DtNode, { bootargs, initrd }: GuestTreeInput): void => {
  const chosen = root.addChild('chosen');
  if (bootargs !== '') chosen.setProperty('bootargs', propStrings(bootargs));
  chosen.setProperty('linux,initrd-start', propU64(BigInt(initrd.start)));
  chosen.setProperty('linux,initrd-end', propU64(BigInt(initrd.end)));
};

const addPsci = (root: DtNode): void => {
  root
    .addChild('psci')
    .setProperty('compatible', propStrings('arm,psci-1.0', 'arm,psci-0.2', 'arm,psci'))
    .setProperty('method', propStrings('hvc'))
    .setProperty('cpu_off', propU32(1))
    .setProperty('cpu_on', propU32(2));
};

const addCpus = (root: DtNode, { cpus, hostCpu }: GuestTreeInput): void => {
  const parent = root.addChild('cpus');
  parent.setProperty('#address-cells', propU32(1)).setProperty('#size-cells', propU32(0));
  for (let n = 0; n < cpus; n++) {
    const affinity = affinityOf(n);
    const cpu = parent.addChild(`cpu@${affinity.toString(16)}`);
    cpu.setProperty('compatible', propStrings(...hostCpu.compatible));
    cpu.setProperty('device_type', propStrings('cpu'));
    cpu.setProperty('reg', propU32(affinity));
    if (hostCpu.clockFrequency !== undefined) cpu.setProperty('clock-frequency', propU32(hostCpu.clockFrequency));
    cpu.setProperty('enable-method', propStrings('psci'));
  }
};

const addMemory = (root: DtNode, { banks, shared = [] }: GuestTreeInput): void => {
  const ranges = [...banks, ...shared].map(({ start, size }) => region(start, size));
  root
    .addChild(`memory@${banks[0]!.start.toString(16)}`)
    .setProperty('device_type', propStrings('memory'))
    .setProperty('reg', propReg(ranges, CELLS));
};

const addShared = (root: DtNode, { shared = [] }: GuestTreeInput): void => {
  if (shared.length === 0) return;
  const parent = root.addChild('reserved-memory');
  parent.setProperty('#address-cells', propU32(2)).setProperty('#size-cells', propU32(2));
  parent.setProperty('ranges', propEmpty());
  for (const { id, start, size } of shared) {
    parent
      .addChild(`xen-shmem@${start.toString(16)}`)
      .setProperty('compatible', propStrings('xen,shared-memory-v1'))
      .setProperty('reg', propReg([region(start, size)], CELLS))
      .setProperty('xen,id', propStrings(id))
      .setProperty('xen,offset', propU64(0n));
  }
};

const copyNode = (to: DtNode, node: DtNode): void => {
  const copy = to.addChild(node.name);
  for (const { name, value } of node.properties) copy.setProperty(name, value);
  for (const child of node.children) copyNode(copy, child);
};

/** The phandle by which nodes refer to the interrupt controller. */
const gicPhandle = ({ passthrough }: GuestTreeInput): number => passthrough?.gicPhandle ?? GIC_PHANDLE;

const GICS = {
  2: ({ gicd, gicc }: GuestMap) => ({
    compatible: 'arm,gic-400',
    reg: [region(gicd, GUEST_GICD_SIZE), region(gicc, GUEST_GICC_SIZE)],
  }),
  3: ({ gicd, gicr, gicrSize }: GuestMap) => ({
    compatible: 'arm,gic-v3',
    reg: [region(gicd, GUEST_GICV3_GICD_SIZE), region(gicr, gicrSize)],
  }),
} as const;

const addGic = (root: DtNode, input: GuestTreeInput): void => {
  const { gicVersion, map = GUEST_MAP } = input;
  const { compatible, reg } = GICS[gicVersion](map);
  root
    .addChild(`interrupt-controller@${map.gicd.toString(16)}`)
    .setProperty('#address-cells', propU32(0))
    .setProperty('#interrupt-cells', propU32(3))
    .setProperty('interrupt-controller', propEmpty())
    .setProperty('compatible', propStrings(compatible))
    .setProperty('reg', propReg(reg, CELLS))
    .setProperty('linux,phandle', propU32(gicPhandle(input)))
    .setProperty('phandle', propU32(gicPhandle(input)));
};

const addTimer = (root: DtNode, input: GuestTreeInput): void => {
  const interrupts = [SECURE_TIMER_INTID, PHYSICAL_TIMER_INTID, VIRTUAL_TIMER_INTID].flatMap(ppi);
  const timer = root.addChild('timer');
  timer.setProperty('compatible', propStrings('arm,armv8-timer'));
  timer.setProperty('interrupts', propU32(...interrupts));
  timer.setProperty('interrupt-parent', propU32(gicPhandle(input)));
  const { timerClockFrequency } = input;
  if (timerClockFrequency !== undefined) timer.setProperty('clock-frequency', propU32(timerClockFrequency));
};

const addUart = (root: DtNode, input: GuestTreeInput): void => {
  const { uart, uartIntid } = input.map ?? GUEST_MAP;
  root
    .addChild(`sbsa-uart@${uart.toString(16)}`)
    .setProperty('compatible', propStrings('arm,sbsa-uart'))
    .setProperty('reg', propReg([region(uart, GUEST_UART_SIZE)], CELLS))
    .setProperty('interrupts', propU32(...spi(uartIntid)))
    .setProperty('interrupt-parent', propU32(gicPhandle(input)))
    .setProperty('current-speed', propU32(115200));
};

/**
 * Makes the blob. Its length does not depend on the addresses of the ramdisk. `banks` is not empty.
 * Throws FdtError for what a blob can't hold, e.g. bootargs with a NUL.
 */
export const makeGuestTree = (input: GuestTreeInput): Uint8Array => {
  const tree = new DeviceTree();
  const { root } = tree;
  root.setProperty('#address-cells', propU32(2)).setProperty('#size-cells', propU32(2));
  addChosen(root, input);
  addPsci(root);
  addCpus(root, input);
  addMemory(root, input);
  addShared(root, input);
  for (const node of input.passthrough?.nodes ?? []) copyNode(root, node);
  addGic(root, input);
  addTimer(root, input);
  if (input.uart) addUart(root, input);
  return writeFdt(tree, { layout: 'libfdt-sw' });
};
