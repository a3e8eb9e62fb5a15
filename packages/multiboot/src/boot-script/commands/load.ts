import type { Call, CommandRow, Machine, Outcome } from '../machine.ts';

const LOAD_USAGE = 'load INTERFACE DEVICE[:PARTITION] ADDRESS FILE [BYTES [POSITION]]';
const HOST = /^(?:\d+\.){3}\d+:/;

/** Sets the variables that every load sets: sizes and addresses in hexadecimal, without 0x. */
const setSize = (machine: Machine, call: Call, size: number, address?: number): number => {
  const result = machine.setVariable(call.place, 'filesize', size.toString(16));
  return address === undefined ? result : machine.setVariable(call.place, 'fileaddr', address.toString(16));
};

const notThere = (machine: Machine, call: Call, path: string, address: number): number => {
  machine.missing.push({ path, address, call });
  return machine.assumePresent ? 0 : 1;
};

/** Loads a file, or a part of it, to an address. */
const loadFile = (
  machine: Machine,
  call: Call,
  addressText: string,
  path: string,
  part: readonly string[] = [],
): Outcome => {
  const address = machine.number(call, addressText);
  const numbers = part.map((text) => machine.number(call, text));
  if (address === undefined || numbers.includes(undefined)) return 1;
  const whole = machine.files(path);
  if (whole === undefined) return notThere(machine, call, path, address);
  const [limit = 0, start = 0] = numbers;
  const bytes = whole.subarray(start, limit > 0 ? start + limit : undefined);
  if (bytes.length === 0) machine.report(call.place, 'script-file-empty', { file: path });
  const result = machine.put(call, { start: address, size: bytes.length, path, bytes });
  return result === 0 ? setSize(machine, call, bytes.length, address) : result;
};

const variable = (machine: Machine, name: string): string => machine.environment.get(name) ?? '';

/** load INTERFACE DEVICE ADDRESS FILE: from a file system. */
const load = (machine: Machine, args: readonly string[], call: Call): Outcome => {
  const address = args[2] ?? variable(machine, 'loadaddr');
  const path = args[3] ?? variable(machine, 'bootfile');
  if (args.length < 2 || args.length > 6 || path === '') return 'usage';
  return loadFile(machine, call, address, path, args.slice(4));
};

/** tftpboot [ADDRESS] [[HOST:]FILE]: over the network. One argument is an address if it reads as one. */
const tftp = (machine: Machine, args: readonly string[], call: Call): Outcome => {
  if (args.length > 2) return 'usage';
  const onlyFile = args.length === 1 && !/^(?:0x)*[0-9a-f]+$/i.test(args[0]!);
  const address = onlyFile ? undefined : args[0];
  const path = (onlyFile ? args[0] : args[1]) ?? variable(machine, 'bootfile');
  if (path === '') return 'usage';
  return loadFile(machine, call, address ?? variable(machine, 'loadaddr'), path.replace(HOST, ''));
};

/** size INTERFACE DEVICE FILE: only ${filesize}. */
const size = (machine: Machine, args: readonly string[], call: Call): Outcome => {
  const path = args[2];
  if (path === undefined || args.length > 3) return 'usage';
  const bytes = machine.files(path);
  if (bytes !== undefined) return setSize(machine, call, bytes.length);
  return machine.report(call.place, call.tested ? 'script-file-absent' : 'script-file-missing', { file: path });
};

/** smhload FILE ADDRESS: from the host of a debugger. */
const smhload = (machine: Machine, args: readonly string[], call: Call): Outcome =>
  args.length < 2 || args.length > 3 ? 'usage' : loadFile(machine, call, args[1]!, args[0]!);

/** Commands that bring files into memory. */
export const LOAD_COMMANDS: readonly CommandRow[] = [
  { names: ['load', 'fatload', 'ext4load', 'ext2load', 'fsload', 'btrload', 'zfsload'], usage: LOAD_USAGE, run: load },
  { names: ['tftpboot', 'tftpb', 'tftp', 'nfs', 'dhcp'], usage: 'tftpboot [ADDRESS] [[HOST:]FILE]', run: tftp },
  { names: ['smhload'], usage: 'smhload FILE ADDRESS', run: smhload },
  { names: ['size', 'fatsize', 'ext4size'], usage: 'size INTERFACE DEVICE[:PARTITION] FILE', run: size },
];
