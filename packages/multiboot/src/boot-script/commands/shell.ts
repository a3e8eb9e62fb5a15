import { isUImage, readUImageHeader, UIMAGE_HEADER_SIZE, UIMAGE_TYPE } from '../../images/uimage.ts';
import { hex } from '../../property.ts';
import type { Call, CommandRow, Machine, Outcome } from '../machine.ts';
import { parseHex } from '../numbers.ts';

/** Text of a script: up to the first NUL, and line ends as in Unix. */
export const scriptText = (bytes: Uint8Array): string => cutText(new TextDecoder().decode(bytes));

/** Like {@link scriptText}, for text. */
export const cutText = (text: string): string => text.split('\0', 1)[0]!.replaceAll('\r\n', '\n');

/** The text of a script image (mkimage -T script), or what is wrong with it; other bytes are text as they are. */
export const unwrapScript = (bytes: Uint8Array): { text: string } | { detail: string } => {
  if (!isUImage(bytes)) return { text: scriptText(bytes) };
  const { headerIntact, size, type } = readUImageHeader(bytes);
  if (!headerIntact) return { detail: 'the checksum of its header is wrong' };
  if (type !== UIMAGE_TYPE.script) return { detail: `its type is ${type}, not ${UIMAGE_TYPE.script} (script)` };
  const data = bytes.subarray(UIMAGE_HEADER_SIZE, UIMAGE_HEADER_SIZE + size);
  // A list of sizes precedes the text: its one entry, and a zero that ends it.
  if (data.length < size || size < 8) return { detail: `its header names ${size} bytes, ${data.length} are there` };
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const length = view.getUint32(0);
  if (view.getUint32(4) !== 0) return { detail: 'it holds more than one script' };
  if (length > data.length - 8)
    return { detail: `the script in it is to have ${length} bytes, ${data.length - 8} are there` };
  return { text: scriptText(data.subarray(8, 8 + length)) };
};

const setenv = (machine: Machine, args: readonly string[], call: Call): Outcome => {
  const [name, ...values] = args.filter((arg, i) => !(i === 0 && arg === '-f'));
  if (name === undefined || name === '' || name.includes('=')) return 'usage';
  return machine.setVariable(call.place, name, values.join(' '));
};

const printenv = (machine: Machine, args: readonly string[], call: Call): Outcome => {
  if (args.length === 0) {
    for (const [name, value] of machine.environment.entries()) machine.print(`${name}=${value}`);
    return 0;
  }
  let result = 0;
  for (const name of args) {
    const value = machine.environment.get(name);
    if (value !== undefined) machine.print(`${name}=${value}`);
    else result = machine.report(call.place, 'script-variable-undefined', { command: call.name, variable: name });
  }
  return result;
};

const echo = (machine: Machine, args: readonly string[]): Outcome => {
  machine.print((args[0] === '-n' ? args.slice(1) : args).join(' '));
  return 0;
};

const run = (machine: Machine, args: readonly string[], call: Call): Outcome => {
  if (args.length === 0) return 'usage';
  for (const name of args) {
    const text = machine.environment.get(name);
    if (text === undefined) {
      return machine.report(call.place, 'script-variable-undefined', { command: call.name, variable: name });
    }
    const result = machine.shell.run(text, `$${name}`, call.tested);
    if (result !== 0 || machine.halted !== undefined) return result;
  }
  return 0;
};

const source = (machine: Machine, args: readonly string[], call: Call): Outcome => {
  const address = machine.number(call, args[0]?.split(/[:#]/)[0] ?? machine.environment.get('loadaddr') ?? '');
  if (address === undefined) return 1;
  const file = machine.ram.at(address);
  if (file === undefined) {
    const detail = `nothing was loaded at ${hex(address)}`;
    return machine.report(call.place, 'script-image', { file: hex(address), detail });
  }
  const unwrapped = unwrapScript(file.bytes);
  if ('detail' in unwrapped) {
    return machine.report(call.place, 'script-image', { file: file.path, detail: unwrapped.detail });
  }
  file.consumed = true;
  return machine.shell.run(unwrapped.text, file.path, call.tested);
};

const importVariables = (machine: Machine, args: readonly string[], call: Call): Outcome => {
  const [addressText, sizeText] = args.filter((arg) => !arg.startsWith('-') || arg === '-');
  if (addressText === undefined) return 'usage';
  const address = machine.number(call, addressText);
  const file = address === undefined ? undefined : machine.ram.at(address);
  if (file === undefined) {
    return machine.report(call.place, 'script-image', { file: addressText, detail: 'nothing was loaded there' });
  }
  const size = sizeText === undefined || sizeText === '-' ? undefined : parseHex(sizeText)?.value;
  const bytes = file.bytes.subarray(0, size);
  if (!machine.charge(call.place, bytes.length >>> 8)) return 1;
  file.consumed = true;
  for (const line of scriptText(bytes).split('\n')) {
    const at = line.indexOf('=');
    if (at > 0 && !line.startsWith('#'))
      machine.setVariable(call.place, line.slice(0, at), line.slice(at + 1).trimEnd());
  }
  return 0;
};

const env = (machine: Machine, args: readonly string[], call: Call): Outcome => {
  const [action, ...rest] = args;
  if (action === 'set') return setenv(machine, rest, call);
  if (action === 'print') return printenv(machine, rest, call);
  if (action === 'run') return run(machine, rest, call);
  if (action === 'import') return importVariables(machine, rest, call);
  if (action === 'exists') return rest.every((name) => machine.environment.get(name) !== undefined) ? 0 : 1;
  if (action === 'delete') {
    for (const name of rest) machine.environment.set(name, '');
    return 0;
  }
  return action === 'save' || action === 'default' ? 0 : 'usage';
};

const COMPARE: Readonly<Record<string, (a: string, b: string) => boolean>> = {
  '=': (a, b) => a === b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '-eq': (a, b) => Number(a) === Number(b),
  '-ne': (a, b) => Number(a) !== Number(b),
  '-lt': (a, b) => Number(a) < Number(b),
  '-le': (a, b) => Number(a) <= Number(b),
  '-gt': (a, b) => Number(a) > Number(b),
  '-ge': (a, b) => Number(a) >= Number(b),
};

/** One term of test, and how many arguments it took; undefined if there is none. */
const term = (machine: Machine, args: readonly string[]): { value: boolean; length: number } | undefined => {
  const [first, second, third, fourth] = args;
  if (first === '-n' || first === '-z') return { value: ((second ?? '') === '') === (first === '-z'), length: 2 };
  if (first === '-e' && fourth !== undefined) return { value: machine.files(fourth) !== undefined, length: 4 };
  const compare = second === undefined || !Object.hasOwn(COMPARE, second) ? undefined : COMPARE[second];
  return first === undefined || compare === undefined ? undefined : { value: compare(first, third ?? ''), length: 3 };
};

/** test: terms with ! before them, joined by -a and -o from left to right. */
const test = (machine: Machine, args: readonly string[]): Outcome => {
  let rest = args;
  let result = args.length > 0;
  let joint: string | undefined;
  while (rest.length > 0) {
    const negations = rest.findIndex((arg) => arg !== '!');
    const found = negations < 0 ? undefined : term(machine, rest.slice(negations));
    if (found === undefined) return 'usage';
    const value = found.value !== (negations % 2 === 1);
    result = joint === '-o' ? result || value : joint === '-a' ? result && value : value;
    rest = rest.slice(negations + found.length);
    joint = rest[0];
    if (joint !== undefined && joint !== '-a' && joint !== '-o') return 'usage';
    rest = rest.slice(1);
  }
  return result ? 0 : 1;
};

const OPERATE: Readonly<Record<string, (a: bigint, b: bigint) => bigint | undefined>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => (b === 0n ? undefined : a / b),
  '%': (a, b) => (b === 0n ? undefined : a % b),
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
};

/** setexpr NAME VALUE1 OPERATOR VALUE2: hexadecimal arithmetic of 64 bits. */
const setexpr = (machine: Machine, args: readonly string[], call: Call): Outcome => {
  const [name, left, operator = '+', right = '0'] = args;
  if (name === undefined || left === undefined || !Object.hasOwn(OPERATE, operator)) return 'usage';
  const [a, b] = [left, right].map((text) => machine.number(call, text));
  const value = a === undefined || b === undefined ? undefined : OPERATE[operator]!(BigInt(a), BigInt(b));
  if (value === undefined) return 1;
  return machine.setVariable(call.place, name, BigInt.asUintN(64, value).toString(16));
};

/** Commands of the shell itself, and for variables. */
export const SHELL_COMMANDS: readonly CommandRow[] = [
  { names: ['setenv', 'set'], usage: 'setenv NAME [VALUE…]', run: setenv },
  { names: ['printenv', 'print'], usage: 'printenv [NAME…]', run: printenv },
  { names: ['env'], usage: 'env set|print|run|import|exists|delete …', run: env },
  { names: ['setexpr'], usage: 'setexpr NAME VALUE [OPERATOR VALUE]', run: setexpr },
  { names: ['echo'], usage: 'echo [WORD…]', run: echo },
  { names: ['test'], usage: 'test [!] A = B | -n A | -z A | -e INTERFACE DEVICE FILE [-a|-o …]', run: test },
  { names: ['run'], usage: 'run NAME…', run },
  { names: ['source', 'autoscr'], usage: 'source [ADDRESS]', run: source },
  { names: ['true'], usage: 'true', run: () => 0 },
  { names: ['false'], usage: 'false', run: () => 1 },
  {
    names: ['exit'],
    usage: 'exit [RESULT]',
    run: (machine, args) => {
      machine.halted = 'exit';
      return parseHex(args[0] ?? '0')?.value ?? 0;
    },
  },
];
