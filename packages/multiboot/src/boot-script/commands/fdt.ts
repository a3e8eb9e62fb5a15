import { type DeviceTree, type DtNode, FdtError, propReg, propStrings, writeFdt } from '@dom0less/fdt';
import { hex, renderValue } from '../../property.ts';
import type { Call, CommandRow, Handler, LoadedTree, Machine, Outcome } from '../machine.ts';
import { setChosen } from './chosen.ts';
import { parseFdtValue } from './fdt-value.ts';

/** Carries out a subcommand on the tree that is worked on. */
type TreeHandler = (machine: Machine, loaded: LoadedTree, args: readonly string[], call: Call) => Outcome;

/** More space than this is refused: far above any tree that boots (Xen takes 2 MiB). */
const MAX_RESIZE = 2 ** 24;
const PAGE = 4096;
/** What U-Boot leaves between the end of the strings and the end of the blob. */
const RESIZE_MARGIN = 256;

const nodeAt = (machine: Machine, tree: DeviceTree, path: string, call: Call): DtNode | undefined => {
  const node = tree.node(path);
  if (node === undefined) machine.report(call.place, 'script-node-missing', { path });
  return node;
};

const addr: Handler = (machine, args, call) => {
  const control = args[0] === '-c';
  const [addressText, sizeText] = control ? args.slice(1) : args;
  if (addressText === undefined) {
    const known = control ? machine.environment.get('fdtcontroladdr') : machine.working?.toString(16);
    if (known === undefined) return machine.report(call.place, 'script-tree-not-set');
    if (control) return machine.setVariable(call.place, 'fdtcontroladdr', known);
    machine.print(`Working FDT set to ${known}`);
    return 0;
  }
  const address = machine.number(call, addressText);
  if (address === undefined || machine.treeAt(call, address) === undefined) return 1;
  machine.working = address;
  const result = machine.setVariable(call.place, 'fdtaddr', address.toString(16));
  const size = sizeText === undefined ? 0 : machine.number(call, sizeText);
  if (size === undefined) return 1;
  return result === 0 ? grow(machine, address, size, call) : result;
};

/** Makes the space of the tree at an address larger, never smaller. */
const grow = (machine: Machine, address: number, size: number, call: Call): number => {
  const file = machine.ram.at(address);
  if (file === undefined || size <= file.size) return 0;
  if (size > MAX_RESIZE) {
    return machine.report(call.place, 'script-limit', { what: 'the tree', limit: `${MAX_RESIZE} bytes` });
  }
  const loaded = machine.trees.get(address);
  const result = machine.put(call, { ...file, size });
  if (loaded !== undefined && result === 0) machine.trees.set(address, loaded);
  return result;
};

const resize: TreeHandler = (machine, { tree }, args, call) => {
  const extra = args[0] === undefined ? 0 : machine.number(call, args[0]);
  const address = machine.working!;
  if (extra === undefined) return 1;
  const blob = writeFdt(tree, { layout: 'dtc' });
  machine.charge(call.place, blob.length >>> 10);
  const end = Math.ceil((address + blob.length + RESIZE_MARGIN + extra) / PAGE) * PAGE;
  return grow(machine, address, end - address, call);
};

const move: Handler = (machine, args, call) => {
  if (args.length < 2) return 'usage';
  const [from, to, size] = args.map((text) => machine.number(call, text));
  const loaded = from === undefined ? undefined : machine.treeAt(call, from);
  if (loaded === undefined || to === undefined) return 1;
  const bytes = writeFdt(loaded.tree);
  machine.charge(call.place, bytes.length >>> 8);
  const path = machine.ram.at(from!)?.path ?? hex(from!);
  const result = machine.put(call, { start: to, size: Math.max(size ?? 0, bytes.length), path, bytes });
  if (result === 0) machine.working = to;
  return result;
};

const set: TreeHandler = (machine, { tree }, args, call) => {
  const [path, property, ...words] = args;
  if (path === undefined || property === undefined) return 'usage';
  const node = nodeAt(machine, tree, path, call);
  if (node === undefined) return 1;
  const parsed = parseFdtValue(property, words, node.prop(property)?.value ?? new Uint8Array());
  const found = `${property} ${words.join(' ')}`;
  if ('detail' in parsed) {
    return machine.report(call.place, 'script-fdt-value', { found, detail: parsed.detail, remedy: parsed.remedy });
  }
  for (const detail of parsed.remarks) machine.report(call.place, 'script-fdt-value-odd', { found, detail });
  const value = words.length === 0 ? new Uint8Array() : parsed.value;
  if (!machine.chargeEdit(call.place, value.length + property.length)) return 1;
  node.setProperty(property, value);
  return 0;
};

const mknode: TreeHandler = (machine, { tree }, args, call) => {
  const [path, name] = args;
  if (path === undefined || name === undefined) return 'usage';
  const parent = nodeAt(machine, tree, path, call);
  if (parent === undefined || !machine.chargeEdit(call.place, name.length)) return 1;
  parent.addChild(name);
  return 0;
};

const remove: TreeHandler = (machine, { tree }, args, call) => {
  const [path, property] = args;
  if (path === undefined) return 'usage';
  const node = nodeAt(machine, tree, path, call);
  if (node === undefined) return 1;
  if (property === undefined) {
    if (node.parent === undefined) return 'usage';
    node.parent.removeChild(node);
    return 0;
  }
  if (node.removeProperty(property)) return 0;
  return machine.report(call.place, 'script-property-missing', { path: node.path, property });
};

/** What `fdt get value` stores: the first string, a cell, or up to five cells in a row; undefined for other values. */
const valueText = (value: Uint8Array): string | undefined => {
  const rendered = renderValue(value) ?? '""';
  if (rendered.startsWith('"')) return new TextDecoder().decode(value).split('\0', 1)[0]!;
  if (value.length % 4 !== 0 || value.length > 20) return undefined;
  const digits = Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return value.length === 4 ? `0x${digits}` : digits;
};

const get: TreeHandler = (machine, { tree }, args, call) => {
  const [kind = '', variable, path, last] = args;
  if (variable === undefined || path === undefined) return 'usage';
  const node = nodeAt(machine, tree, path, call);
  if (node === undefined) return 1;
  const store = (text: string) => machine.setVariable(call.place, variable, text);
  if (kind.startsWith('s') && last === undefined) return store(node.children.length.toString(16));
  if (last === undefined) return 'usage';
  if (kind.startsWith('n')) {
    const index = machine.number(call, last);
    const child = index === undefined ? undefined : node.children[index];
    return child === undefined
      ? machine.report(call.place, 'script-node-missing', { path: `${node.path} child ${last}` })
      : store(child.name);
  }
  const property = node.prop(last);
  if (property === undefined) {
    return machine.report(call.place, 'script-property-missing', { path: node.path, property: last });
  }
  if (kind.startsWith('s')) return store(`0x${property.value.length.toString(16).padStart(8, '0')}`);
  if (!machine.charge(call.place, property.value.length >>> 10)) return 1;
  const text = kind.startsWith('v') ? valueText(property.value) : undefined;
  if (text !== undefined) return store(text);
  if (!kind.startsWith('v')) return 'usage';
  const found = `${last} = ${renderValue(property.value)}`;
  const remedy = 'read a property that holds a string or at most five cells';
  return machine.report(call.place, 'script-fdt-value', { found, detail: 'it does not fit in a variable', remedy });
};

const sizeOf = ({ properties }: DtNode): number => properties.reduce((sum, { value }) => sum + value.length, 0);

const printNode = (machine: Machine, node: DtNode, depth: number, indent: string, call: Call): void => {
  if (!machine.listening || !machine.charge(call.place, sizeOf(node) >>> 10)) return;
  machine.print(`${indent}${node.name === '' ? '/' : node.name} {`);
  for (const { name, value } of node.properties) {
    const shown = renderValue(value);
    machine.print(`${indent}\t${name}${shown === undefined ? '' : ` = ${shown}`};`);
  }
  for (const child of node.children) {
    if (depth > 0) printNode(machine, child, depth - 1, `${indent}\t`, call);
    else machine.print(`${indent}\t${child.name} {`);
    if (!machine.listening) return;
  }
  machine.print(`${indent}};`);
};

const print =
  (depth: number): TreeHandler =>
  (machine, { tree }, [path = '/', property], call) => {
    const node = nodeAt(machine, tree, path, call);
    if (node === undefined) return 1;
    if (property === undefined) {
      printNode(machine, node, depth, '', call);
      return 0;
    }
    const value = node.prop(property)?.value;
    if (value === undefined)
      return machine.report(call.place, 'script-property-missing', { path: node.path, property });
    if (!machine.listening || !machine.charge(call.place, value.length >>> 10)) return 0;
    machine.print(`${property}${value.length === 0 ? '' : ` = ${renderValue(value)}`}`);
    return 0;
  };

const header: TreeHandler = (machine, { tree }, _args, call) => {
  const blob = writeFdt(tree);
  machine.charge(call.place, blob.length >>> 10);
  const names = ['magic', 'totalsize', 'off_dt_struct', 'off_dt_strings', 'off_mem_rsvmap', 'version'];
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  for (const [i, name] of names.entries()) machine.print(`${name}:\t\t${hex(view.getUint32(4 * i))}`);
  return 0;
};

const bootcpu: TreeHandler = (machine, { tree }, args, call) => {
  const id = args[0] === undefined ? undefined : machine.number(call, args[0]);
  if (id === undefined || id > 0xffffffff) return 'usage';
  tree.bootCpuidPhys = id;
  return 0;
};

const memory: TreeHandler = (machine, { tree }, args, call) => {
  const [start, size] = args.map((text) => machine.number(call, text));
  if (start === undefined || size === undefined) return 'usage';
  const node = tree.root.child('memory') ?? tree.root.addChild('memory');
  const cells = { address: tree.root.addressCells, size: tree.root.sizeCells };
  node.setProperty('device_type', propStrings('memory'));
  node.setProperty('reg', propReg([{ address: BigInt(start), size: BigInt(size) }], cells));
  return 0;
};

const rsvmem: TreeHandler = (machine, { tree }, [action = '', ...args], call) => {
  const [first, second] = args.map((text) => machine.number(call, text));
  if (action.startsWith('p')) {
    for (const [i, { address, size }] of tree.reservations.entries()) {
      machine.print(`${i.toString(16)}\t${hex(address)}\t${hex(size)}`);
    }
    return 0;
  }
  if (first === undefined) return 'usage';
  if (action.startsWith('a') && second !== undefined) {
    tree.reservations.push({ address: BigInt(first), size: BigInt(second) });
    return 0;
  }
  if (!action.startsWith('d') || tree.reservations[first] === undefined) return 'usage';
  tree.reservations.splice(first, 1);
  return 0;
};

const chosen: TreeHandler = (machine, { tree }, args, call) => {
  if (args.length !== 0 && args.length !== 2) return 'usage';
  const [start, end] = args.map((text) => machine.number(call, text));
  setChosen(machine, tree, start === undefined || end === undefined ? undefined : { start, end });
  return 0;
};

const ignored: TreeHandler = (machine, _loaded, _args, call) => {
  machine.report(call.place, 'script-command-ignored', { command: call.name });
  return 0;
};

const apply: TreeHandler = (machine, _loaded, _args, call) =>
  machine.report(call.place, 'script-command-unsupported', {
    command: call.name,
    why: 'overlays are not applied',
    remedy: 'apply the overlay with fdtoverlay, and load the result',
  });

/** Turns a subcommand on the working tree into one that looks for that tree. */
const onTree =
  (run: TreeHandler, edits: boolean): Handler =>
  (machine, args, call) => {
    const address = machine.working;
    if (address === undefined) return machine.report(call.place, 'script-tree-not-set');
    const loaded = machine.treeAt(call, address);
    if (loaded === undefined) return 1;
    loaded.edited ||= edits;
    return run(machine, loaded, args, call);
  };

/** Subcommands by the first letters of their names, in the order in which U-Boot compares them. */
const SUBCOMMANDS: readonly { prefix: string; name: string; usage: string; run: Handler }[] = [
  { prefix: 'ad', name: 'addr', usage: 'fdt addr [-c] [ADDRESS [SIZE]]', run: addr },
  { prefix: 'mo', name: 'move', usage: 'fdt move ADDRESS NEW_ADDRESS [SIZE]', run: move },
  { prefix: 'sys', name: 'systemsetup', usage: 'fdt systemsetup', run: onTree(ignored, false) },
  { prefix: 'mk', name: 'mknode', usage: 'fdt mknode PATH NAME', run: onTree(mknode, true) },
  { prefix: 's', name: 'set', usage: 'fdt set PATH PROPERTY [VALUE…]', run: onTree(set, true) },
  { prefix: 'g', name: 'get', usage: 'fdt get value|name|size NAME PATH [PROPERTY|INDEX]', run: onTree(get, false) },
  { prefix: 'p', name: 'print', usage: 'fdt print [PATH [PROPERTY]]', run: onTree(print(64), false) },
  { prefix: 'l', name: 'list', usage: 'fdt list [PATH [PROPERTY]]', run: onTree(print(0), false) },
  { prefix: 'rm', name: 'rm', usage: 'fdt rm PATH [PROPERTY]', run: onTree(remove, true) },
  { prefix: 'h', name: 'header', usage: 'fdt header', run: onTree(header, false) },
  { prefix: 'boo', name: 'bootcpu', usage: 'fdt bootcpu ID', run: onTree(bootcpu, true) },
  { prefix: 'me', name: 'memory', usage: 'fdt memory ADDRESS SIZE', run: onTree(memory, true) },
  { prefix: 'rs', name: 'rsvmem', usage: 'fdt rsvmem print|add ADDRESS SIZE|delete INDEX', run: onTree(rsvmem, true) },
  { prefix: 'boa', name: 'boardsetup', usage: 'fdt boardsetup', run: onTree(ignored, false) },
  { prefix: 'cho', name: 'chosen', usage: 'fdt chosen [START END]', run: onTree(chosen, true) },
  { prefix: 'ap', name: 'apply', usage: 'fdt apply ADDRESS', run: onTree(apply, false) },
  { prefix: 're', name: 'resize', usage: 'fdt resize [EXTRA]', run: onTree(resize, false) },
];

const fdt: Handler = (machine, args, call) => {
  const [word, ...rest] = args;
  const row = word === undefined ? undefined : SUBCOMMANDS.find(({ prefix }) => word.startsWith(prefix));
  if (row === undefined) return 'usage';
  try {
    const outcome = row.run(machine, rest, { ...call, name: `fdt ${row.name}` });
    if (outcome !== 'usage') return outcome;
    return machine.report(call.place, 'script-usage', { command: ['fdt', ...args].join(' '), usage: row.usage });
  } catch (error) {
    if (!(error instanceof FdtError)) throw error;
    return machine.report(call.place, 'script-tree-edit', { command: `fdt ${row.name}`, detail: error.message });
  }
};

/** The command that edits device trees. */
export const FDT_COMMANDS: readonly CommandRow[] = [
  { names: ['fdt'], usage: `fdt ${SUBCOMMANDS.map(({ name }) => name).join('|')} …`, run: fdt },
];
