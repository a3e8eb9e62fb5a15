/** What is measured: the commands that boot the same guests, ours and the peers'. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BoardShape, boardTree, KERNEL_AT, RAMDISK_AT } from './board.ts';
import type { Command } from './measured-process.ts';

/** Guests of one measurement. */
export interface Guest {
  readonly kernel: string;
  readonly ramdisk: string;
}

export interface Subject {
  readonly name: 'ours' | 'qemu' | 'xen';
  command(shape: BoardShape, guest: Guest): Command;
}

const QEMU = 'qemu-system-aarch64';
const hex = (value: number): string => `0x${value.toString(16)}`;

/** Our command, as it is built for publishing. */
export function ours(main: string, work: string, env: Readonly<Record<string, string>> = {}): Subject {
  return {
    name: 'ours',
    command(shape, { kernel, ramdisk }) {
      const board = join(work, `board-${shape.domains}-${shape.vcpus}.dtb`);
      writeFileSync(board, boardTree(shape));
      const load = [`${hex(KERNEL_AT)}=${kernel}`, `${hex(RAMDISK_AT)}=${ramdisk}`].flatMap((l) => ['--load', l]);
      return { file: process.execPath, args: [main, 'run', board, ...load], env };
    },
  };
}

/** QEMU without a hypervisor: one guest on the bare machine. */
export function plainQemu(): Subject {
  return {
    name: 'qemu',
    command(shape, { kernel, ramdisk }) {
      const machine = ['-M', 'virt,gic-version=2', '-cpu', 'cortex-a57', '-smp', String(shape.vcpus)];
      const quiet = ['-display', 'none', '-nodefaults', '-serial', 'stdio', '-monitor', 'none', '-no-reboot'];
      const guest = ['-m', String(shape.memoryMiB), '-kernel', kernel, '-initrd', ramdisk];
      return { file: QEMU, args: [...machine, ...quiet, ...guest, '-append', `${shape.bootargs} name=domU1 nokaslr`] };
    },
  };
}

/** The real Xen on QEMU, with the same device tree as ours. */
export function xenOnQemu(xen: string, work: string): Subject {
  return {
    name: 'xen',
    command(shape, { kernel, ramdisk }) {
      const board = join(work, `xen-${shape.domains}-${shape.vcpus}.dtb`);
      writeFileSync(board, boardTree(shape));
      const machine = ['-M', 'virt,gic-version=2,virtualization=on', '-cpu', 'cortex-a57', '-smp', String(shape.pcpus)];
      const quiet = ['-display', 'none', '-nodefaults', '-serial', 'stdio', '-monitor', 'none', '-no-reboot'];
      const load = [
        [kernel, KERNEL_AT],
        [ramdisk, RAMDISK_AT],
      ].flatMap(([file, at]) => ['-device', `loader,file=${file},addr=${hex(Number(at))},force-raw=on`]);
      return { file: QEMU, args: [...machine, '-m', '4096', ...quiet, '-kernel', xen, '-dtb', board, ...load] };
    },
  };
}
