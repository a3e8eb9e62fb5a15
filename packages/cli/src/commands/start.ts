import { MAX_LOAD_BYTES } from '../board-files.ts';
import { InputError } from '../errors.ts';
import { findGuests, GuestFetchError, type Guests, KERNEL_FLAVOURS, type KernelFlavour } from '../guests/index.ts';
import { hostBoard } from '../host-tree.ts';
import { type CliIo, type EndSignal, SIGNALS } from '../io.ts';
import { type Parsed, parseAll, parseCount } from '../option-values.ts';
import { FileModule } from '../read-file.ts';
import type { BoardInput } from './board-input.ts';
import { parseSessionFlags, runBoard, type SessionFlags } from './run.ts';

/** Options of `start`. */
export interface StartFlags extends SessionFlags {
  /** How many domUs. */
  readonly domains?: string;
  /** vCPUs of each. */
  readonly vcpus?: string;
  /** Which of Debian's kernels. */
  readonly kernel?: string;
  /** Take it from the backports of the running Debian release. */
  readonly backports?: boolean;
  /** Boot our own guests although others could be had. */
  readonly smallGuests?: boolean;
  /** Ask Debian for the newest packages. */
  readonly refresh?: boolean;
}

const DEFAULT_DOMAINS = 2;
const MAX_DOMAINS = 8;
/** What a GICv2 serves. */
const MAX_VCPUS = 8;
const MEMORY_MIB = 256;

/** Parses the flavour of a kernel. */
function parseFlavour(text: string): Parsed<KernelFlavour> {
  const value = KERNEL_FLAVOURS.find((flavour) => flavour === text);
  if (value !== undefined) return { value };
  return { problem: `--kernel ${text}: expected one of ${KERNEL_FLAVOURS.join(', ')}` };
}

/** Which of Debian's kernels was asked for; undefined if none was. */
function parseKernel({ kernel, backports, smallGuests }: StartFlags, io: CliIo, problems: string[]) {
  const [flavour] = parseAll(kernel === undefined ? [] : [kernel], parseFlavour, problems);
  const options = [...(kernel === undefined ? [] : ['--kernel']), ...(backports ? ['--backports'] : [])].join(' ');
  if (options === '') return undefined;
  if (smallGuests) problems.push(`${options}: --small-guests boots none of Debian's kernels`);
  else if (io.env.DOM0LESS_KERNEL) problems.push(`${options}: DOM0LESS_KERNEL names the kernel; unset it`);
  return { flavour: flavour ?? 'cloud', backports: backports ?? false };
}

/** Names of the domUs. */
const domainNames = (domains: number): string[] => Array.from({ length: domains }, (_, n) => `domU${n + 1}`);

const guestFile = (path: string): FileModule => new FileModule(path, `can't read ${path}`, MAX_LOAD_BYTES);

/** Domains that all boot the same files. */
function guestBoard({ kernel, ramdisk }: Guests, names: readonly string[], cpus: number): BoardInput {
  const files = {
    kernel: guestFile(kernel),
    ramdisk: ramdisk === undefined ? undefined : guestFile(ramdisk),
  };
  return hostBoard(
    names.map((name) => ({ name, memoryMiB: MEMORY_MIB, cpus, bootargs: `console=ttyAMA0 name=${name}`, ...files })),
  );
}

/** Our own guests, one domain each; the one that answers the keyboard comes first. */
function smallBoard({ SMALL_GUESTS, smallGuest }: typeof import('../small-guests/index.ts')): BoardInput {
  return hostBoard(
    SMALL_GUESTS.map((name) => ({
      name,
      memoryMiB: 16,
      bootargs: `console=ttyAMA0 name=${name}`,
      kernel: smallGuest(name),
    })),
  );
}

interface Wishes {
  readonly names: readonly string[];
  /** vCPUs of each. */
  readonly vcpus: number;
  /** Undefined: whichever can be had. */
  readonly kernel: ReturnType<typeof parseKernel>;
}

/** The board to start, or the signal that came while guests were fetched. */
async function findBoard(
  flags: StartFlags,
  { names, vcpus, kernel }: Wishes,
  io: CliIo,
): Promise<BoardInput | EndSignal> {
  const say = (line: string): unknown => io.stderr.write(`dom0less: ${line}\n`);
  const small = async (reason: string): Promise<BoardInput> => {
    // With the assembler, which other guests don't need.
    const guests = await import('../small-guests/index.ts');
    say(`booting small guests of our own (${guests.SMALL_GUESTS.join(', ')}): ${reason}`);
    say('echo answers the keyboard; Ctrl-D powers it off');
    return smallBoard(guests);
  };
  if (flags.smallGuests) return small('--small-guests asks for them');
  const aborter = new AbortController();
  let signalled: EndSignal | undefined;
  const undo = io.onSignal((signal) => {
    signalled = signal;
    aborter.abort();
  });
  try {
    const { signal } = aborter;
    const options = { env: io.env, onProgress: say, refresh: flags.refresh ?? false, signal, ...kernel };
    const search = await findGuests(io.osRelease === undefined ? options : { ...options, osRelease: io.osRelease });
    if (signalled !== undefined) return signalled;
    if (!search.found && kernel !== undefined) throw new InputError([search.reason], { cause: search.error });
    if (!search.found) return await small(search.reason);
    say(`booting ${search.guests.description} as ${names.join(', ')}`);
    return guestBoard(search.guests, names, vcpus);
  } catch (error) {
    if (!(error instanceof GuestFetchError)) throw error;
    if (signalled !== undefined) return signalled;
    throw new InputError([`${error.message} (${error.remedy})`], { cause: error });
  } finally {
    undo();
  }
}

/**
 * `dom0less start`: boots Debian's kernel, the one that the environment names, or else guests of our own.
 *
 * @returns the exit code.
 * @throws {InputError}
 */
export async function startCommand(flags: StartFlags, io: CliIo): Promise<number> {
  const problems: string[] = [];
  const wishes = parseSessionFlags(flags, problems);
  const count = (option: string, text: string | undefined, most: number, absent: number): number =>
    parseAll(text === undefined ? [] : [text], parseCount(option, 1, most), problems)[0] ?? absent;
  const domains = count('--domains', flags.domains, MAX_DOMAINS, DEFAULT_DOMAINS);
  const vcpus = count('--vcpus', flags.vcpus, MAX_VCPUS, 1);
  const kernel = parseKernel(flags, io, problems);
  if (problems.length > 0) throw new InputError(problems);
  const board = await findBoard(flags, { names: domainNames(domains), vcpus, kernel }, io);
  return typeof board === 'string' ? 128 + SIGNALS[board] : runBoard(board, wishes, io);
}
