import { FdtError, writeFdt } from '@dom0less/fdt';
import { isUImage, readUImageHeader, UIMAGE_HEADER_SIZE } from '../../images/uimage.ts';
import { hex } from '../../property.ts';
import type { BootCommand, Call, CommandRow, Handler, Machine, Outcome } from '../machine.ts';
import { setChosen } from './chosen.ts';

type Kind = BootCommand['command'];
type Ramdisk = NonNullable<BootCommand['ramdisk']>;

/** The ramdisk behind `ADDRESS[:SIZE]`: without the header of a U-Boot image, if it has one. */
const findRamdisk = (machine: Machine, call: Call, text: string): Ramdisk | 1 => {
  const [addressText = '', sizeText] = text.split(/[:#]/);
  const address = machine.number(call, addressText);
  const size = sizeText === undefined ? undefined : machine.number(call, sizeText);
  if (address === undefined || (sizeText !== undefined && size === undefined)) return 1;
  const file = machine.ram.at(address);
  if (file === undefined) {
    if (machine.missing.some((missing) => missing.address === address)) return 1;
    return machine.report(call.place, 'script-ramdisk-missing', { address: hex(address) });
  }
  if (isUImage(file.bytes)) {
    const wrapped = Math.min(readUImageHeader(file.bytes).size, file.bytes.length - UIMAGE_HEADER_SIZE);
    return { address: address + UIMAGE_HEADER_SIZE, size: wrapped };
  }
  if (size === undefined) {
    machine.report(call.place, 'script-ramdisk-size', {
      file: file.path,
      argument: `${text}:${file.size.toString(16)}`,
    });
  }
  return { address, size: Math.min(size ?? file.size, file.size) };
};

/** Where the tree is: the address given, else the one that fdt works on, else the board's own. */
const treeAddress = (machine: Machine, call: Call, text: string | undefined): number | undefined => {
  if (text !== undefined) return machine.number(call, text);
  const own = machine.environment.get('fdtcontroladdr');
  const address = machine.working ?? (own === undefined ? undefined : machine.number(call, own));
  if (address === undefined) machine.report(call.place, 'script-tree-not-set');
  return address;
};

/** Warns if an edited tree is larger than the space that it has in memory. */
const checkRoom = (machine: Machine, call: Call, address: number): void => {
  const { tree, edited } = machine.trees.get(address)!;
  const file = machine.ram.at(address);
  if (!edited || file === undefined) return;
  const size = writeFdt(tree, { layout: 'dtc' }).length;
  if (size <= file.size) return;
  const extra = Math.ceil((size - file.size) / 4096) * 4096;
  machine.report(call.place, 'script-fdt-no-room', { size, room: file.size, extra: hex(extra) });
};

const start = (
  machine: Machine,
  call: Call,
  command: Kind,
  [kernel, ramdisk, dtb]: readonly (string | undefined)[],
): Outcome => {
  const kernelAddress = machine.number(call, kernel?.split(/[:#]/)[0] ?? machine.environment.get('loadaddr') ?? '');
  if (kernelAddress === undefined) return 1;
  machine.hypervisor = kernelAddress;
  const found = ramdisk === undefined || ramdisk === '-' ? undefined : findRamdisk(machine, call, ramdisk);
  const dtbAddress = treeAddress(machine, call, dtb?.split(/[:#]/)[0]);
  if (found === 1 || dtbAddress === undefined) return 1;
  const loaded = machine.treeAt(call, dtbAddress);
  if (loaded === undefined) return 1;
  try {
    checkRoom(machine, call, dtbAddress);
    setChosen(machine, loaded.tree, found && { start: found.address, end: found.address + found.size });
  } catch (error) {
    if (!(error instanceof FdtError)) throw error;
    return machine.report(call.place, 'script-tree-edit', { command: call.name, detail: error.message });
  }
  machine.boot = { command, kernelAddress, ...(found === undefined ? {} : { ramdisk: found }), dtbAddress };
  machine.halted = 'boot';
  return 0;
};

/** booti and bootm: KERNEL [RAMDISK] [TREE]. */
const bootWith =
  (command: Kind): Handler =>
  (machine, args, call) =>
    args.length > 3 ? 'usage' : start(machine, call, command, args);

/** bootefi KERNEL[:SIZE] [TREE], or KERNEL RAMDISK:SIZE TREE. */
const bootefi: Handler = (machine, args, call) => {
  if (args.length === 0 || args.length > 3) return 'usage';
  const [kernel, second, third] = args;
  return start(machine, call, 'bootefi', third === undefined ? [kernel, '-', second] : [kernel, second, third]);
};

const boot: Handler = (machine, _args, call) => {
  const text = machine.environment.get('bootcmd');
  if (text !== undefined) return machine.shell.run(text, '$bootcmd', call.tested);
  return machine.report(call.place, 'script-variable-undefined', { command: call.name, variable: 'bootcmd' });
};

/** Commands that start a system. */
export const BOOT_COMMANDS: readonly CommandRow[] = [
  { names: ['booti'], usage: 'booti KERNEL [RAMDISK[:SIZE]|-] TREE', run: bootWith('booti') },
  { names: ['bootm'], usage: 'bootm KERNEL [RAMDISK[:SIZE]|-] TREE', run: bootWith('bootm') },
  { names: ['bootefi'], usage: 'bootefi KERNEL [TREE]', run: bootefi },
  { names: ['boot', 'bootd'], usage: 'boot', run: boot },
];
