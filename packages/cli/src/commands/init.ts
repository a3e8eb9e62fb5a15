import { identifyKernel, KernelImageError } from '@dom0less/multiboot';
import { MAX_LOAD_BYTES } from '../board-files.ts';
import { EXIT, InputError } from '../errors.ts';
import { boardSource, type InitFile } from '../init/board-source.ts';
import type { CliIo } from '../io.ts';
import { readWhole } from '../read-file.ts';
import { saveText } from '../save-text.ts';

/** Options of `init`, as they stand on the command line. */
export interface InitFlags {
  readonly kernel?: string;
  readonly ramdisk?: string;
  readonly domains?: string;
  readonly memory?: string;
  readonly cpus?: string;
  readonly gic?: string;
  readonly bootargs?: string;
  readonly out?: string;
  readonly force?: boolean;
}

const MIB = 2 ** 20;
/** What is assumed of a kernel that is not there yet. */
const ASSUMED_KERNEL: InitFile = { path: 'Image', size: 32 * MIB, known: false };
const MAX_DOMAINS = 32;
const MAX_MEMORY_MIB = 2 ** 20;

/** Reads numbers; what is wrong with them is added to `problems`. */
function number(option: string, text: string | undefined, fallback: number, max: number, problems: string[]): number {
  const value = text === undefined ? fallback : /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= max) return value;
  problems.push(`${option} ${text}: expected a number from 1 to ${max}`);
  return fallback;
}

interface Kernel {
  readonly file: InitFile;
  /** Bytes of guest memory that it takes. */
  readonly imageBytes: number;
}

function readKernel(path: string | undefined, problems: string[]): Kernel {
  if (path === undefined) return { file: ASSUMED_KERNEL, imageBytes: ASSUMED_KERNEL.size };
  const bytes = readWhole(path, `--kernel: can't read ${path}`, MAX_LOAD_BYTES);
  const file = { path, size: bytes.length, known: true };
  try {
    return { file, imageBytes: identifyKernel(bytes).imageSize };
  } catch (error) {
    if (!(error instanceof KernelImageError)) throw error;
    problems.push(`--kernel ${path}: ${error.message} (${error.remedy})`);
    return { file, imageBytes: bytes.length };
  }
}

function readRamdisk(path: string | undefined): InitFile | undefined {
  if (path === undefined) return undefined;
  const { length } = readWhole(path, `--ramdisk: can't read ${path}`, MAX_LOAD_BYTES);
  if (length === 0) throw new InputError([`--ramdisk ${path}: the file is empty`]);
  return { path, size: length, known: true };
}

/** RAM for a guest: four times what is put into it, a power of two from 256 MiB on; an unpacked ramdisk takes more. */
function sensibleMemory(imageBytes: number): number {
  let mib = 256;
  while (mib * MIB < 4 * imageBytes) mib *= 2;
  return mib;
}

/**
 * `dom0less init`: writes a commented source of a host with domUs, addresses and sizes computed.
 *
 * @returns the exit code.
 * @throws {InputError} if a file or an option can't be used.
 */
export async function initCommand(flags: InitFlags, io: CliIo): Promise<number> {
  const problems: string[] = [];
  const kernel = readKernel(flags.kernel, problems);
  const ramdisk = readRamdisk(flags.ramdisk);
  const gic = number('--gic', flags.gic, 2, 3, problems) === 3 ? 3 : 2;
  if (flags.gic !== undefined && !/^[23]$/.test(flags.gic)) problems.push(`--gic ${flags.gic}: expected 2 or 3`);
  const cpus = number('--cpus', flags.cpus, 1, gic === 2 ? 8 : 128, problems);
  const fallback = sensibleMemory(kernel.imageBytes + (ramdisk?.size ?? 0));
  const source = boardSource({
    file: flags.out ?? 'board.dts',
    kernel: kernel.file,
    ramdisk,
    domains: number('--domains', flags.domains, 2, MAX_DOMAINS, problems),
    memoryMiB: number('--memory', flags.memory, fallback, MAX_MEMORY_MIB, problems),
    cpus,
    pcpus: cpus,
    gic,
    bootargs: flags.bootargs ?? 'console=ttyAMA0',
  });
  if (problems.length > 0) throw new InputError(problems);
  saveText(source, flags, io);
  return EXIT.done;
}
