import { FdtError, type FdtErrorCode } from './errors.ts';
import { latin1, putLatin1 } from './format.ts';
import type { DtNode, DtProperty } from './node.ts';
import { findChild, findPath, OverlayTarget } from './overlay-target.ts';
import type { DeviceTree } from './tree.ts';

const NO_PHANDLE = 0xffffffff;
/** Nodes below the root can nest so deep in the result; see the writer. */
const MAX_DEPTH = 64;
/** Bytes of the symbols of one overlay, whose paths get longer as they move. */
const MAX_SYMBOL_BYTES = 64 * 1024 * 1024;

function refuse(code: FdtErrorCode, message: string, path: string, property?: string): never {
  const at = property === undefined ? path : `${path}: property '${property}'`;
  throw new FdtError(code, `overlay, ${at}: ${message}`, property === undefined ? { path } : { path, property });
}

/**
 * Applies an overlay, as libfdt's fdt_overlay_apply does: its phandles are moved behind those of the base tree, its
 * references to labels are looked up in the base's `/__symbols__`, the content of each fragment's `__overlay__` is
 * merged into the target, and its own symbols are added. Returns a new tree, which {@link writeFdt} writes as
 * `fdtoverlay` writes it; neither argument is changed.
 *
 * Throws FDT_ERR_NOTFOUND when the base has no symbol or target of that name, FDT_ERR_BADOVERLAY, FDT_ERR_BADVALUE and
 * FDT_ERR_BADPHANDLE for malformed overlays, FDT_ERR_NOPHANDLES when phandles run out, FDT_ERR_BADSTRUCTURE when
 * nodes come to nest too deep.
 */
export function applyOverlay(base: DeviceTree, overlay: DeviceTree): DeviceTree {
  const target = new OverlayTarget(base);
  const moved = overlay.clone();
  const delta = maxPhandle(target.tree.root);
  movePhandles(moved.root, delta);
  const localFixups = findChild(moved.root, '__local_fixups__');
  if (localFixups !== undefined) moveReferences(moved.root, localFixups, delta);
  resolveFixups(target.tree.root, moved.root);
  const targets = new Targets(target.tree.root);
  for (const fragment of moved.root.children) {
    const content = findChild(fragment, '__overlay__');
    if (content === undefined) continue;
    const { node } = targets.of(fragment);
    mergeNode(target, node, content, depthOf(node));
  }
  addSymbols(target, targets, moved.root);
  return target.finish();
}

const depthOf = (node: DtNode): number => (node.parent === undefined ? 0 : depthOf(node.parent) + 1);

/** The node's phandle as libfdt reads it; 0 when it has none. */
function phandleOf(node: DtNode): number {
  for (const name of ['phandle', 'linux,phandle']) {
    if (node.prop(name)?.value.length === 4) return node.u32(name)!;
  }
  return 0;
}

function maxPhandle(root: DtNode): number {
  let max = 0;
  for (const node of root.walk()) max = Math.max(max, phandleOf(node));
  return max;
}

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  putLatin1(bytes, 0, text);
  return bytes;
}

function viewOf({ value }: DtProperty): DataView {
  return new DataView(value.buffer, value.byteOffset, value.byteLength);
}

function movePhandles(root: DtNode, delta: number): void {
  for (const node of root.walk()) {
    for (const name of ['phandle', 'linux,phandle']) {
      const property = node.prop(name);
      if (property === undefined) continue;
      if (property.value.length !== 4) refuse('FDT_ERR_BADPHANDLE', 'it is not one cell', node.path, name);
      const phandle = viewOf(property).getUint32(0) + delta;
      if (phandle >= NO_PHANDLE) {
        refuse('FDT_ERR_NOPHANDLES', `0x${phandle.toString(16)} would not be a phandle any more`, node.path, name);
      }
      viewOf(property).setUint32(0, phandle);
    }
  }
}

/** Moves what `/__local_fixups__` lists: offsets of references to the overlay's own nodes. */
function moveReferences(root: DtNode, localFixups: DtNode, delta: number): void {
  const pending = [{ node: root, fixups: localFixups }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, fixups } = next;
    for (const fixup of fixups.properties) {
      const property = node.prop(fixup.name);
      const place = [fixups.path, fixup.name] as const;
      if (fixup.value.length % 4 !== 0) refuse('FDT_ERR_BADOVERLAY', 'it is not a list of offsets', ...place);
      if (property === undefined) refuse('FDT_ERR_BADOVERLAY', `${node.path} has no such property`, ...place);
      for (let at = 0; at < fixup.value.length; at += 4) {
        const offset = viewOf(fixup).getUint32(at);
        if (offset + 4 > property.value.length) {
          refuse('FDT_ERR_BADOVERLAY', `offset ${offset} is beyond the property of ${node.path}`, ...place);
        }
        viewOf(property).setUint32(offset, (viewOf(property).getUint32(offset) + delta) >>> 0);
      }
    }
    for (const child of fixups.children) {
      const other = findChild(node, child.name);
      if (other === undefined) refuse('FDT_ERR_BADOVERLAY', `the overlay has no such node`, child.path);
      pending.push({ node: other, fixups: child });
    }
  }
}

/** Puts in what `/__fixups__` lists: `path:property:offset` of references to labels of the base tree. */
function resolveFixups(base: DtNode, overlay: DtNode): void {
  const fixups = findChild(overlay, '__fixups__');
  if (fixups === undefined) return;
  const symbols = findChild(base, '__symbols__');
  for (const { name, value } of fixups.properties) {
    if (value.length === 0 || value[value.length - 1] !== 0) {
      refuse('FDT_ERR_BADOVERLAY', 'it is not a list of strings', fixups.path, name);
    }
    let phandle: number | undefined;
    const entries = latin1(value.subarray(0, -1)).split('\0');
    for (const entry of entries) {
      const match = /^([^:]+):([^:]+):\s*\+?([0-9]+)$/.exec(entry);
      if (match === null) refuse('FDT_ERR_BADOVERLAY', `'${entry}' is not PATH:PROPERTY:OFFSET`, fixups.path, name);
      phandle ??= phandleOfSymbol(base, symbols, name);
      const property = findPath(overlay, match[1]!)?.prop(match[2]!);
      if (property === undefined) {
        refuse('FDT_ERR_BADOVERLAY', `'${entry}' names no property of the overlay`, fixups.path, name);
      }
      const offset = Number(match[3]);
      if (offset + 4 > property.value.length) {
        const message = `'${entry}' is beyond the property's ${property.value.length} bytes`;
        refuse('FDT_ERR_BADOVERLAY', message, fixups.path, name);
      }
      viewOf(property).setUint32(offset, phandle);
    }
  }
}

function phandleOfSymbol(base: DtNode, symbols: DtNode | undefined, label: string): number {
  const symbol = symbols?.prop(label);
  if (symbol === undefined) {
    const why =
      symbols === undefined ? 'the base tree has no /__symbols__ (compile it with symbols)' : `no such symbol`;
    refuse('FDT_ERR_NOTFOUND', `label '${label}' is not known in the base tree: ${why}`, '/__fixups__', label);
  }
  const path = latin1(symbol.value).split('\0')[0]!;
  const node = path === '' ? undefined : findPath(base, path);
  if (node === undefined) {
    refuse(
      'FDT_ERR_NOTFOUND',
      `the base tree has no node '${path}', which is its label '${label}'`,
      '/__fixups__',
      label,
    );
  }
  const phandle = phandleOf(node);
  if (phandle === 0) refuse('FDT_ERR_NOTFOUND', `${path} of the base tree has no phandle`, '/__fixups__', label);
  return phandle;
}

interface FragmentTarget {
  readonly node: DtNode;
  /** The target's path, when the fragment gives it so. */
  readonly path: string | undefined;
}

/** Finds what fragments are merged into. */
class Targets {
  readonly #base: DtNode;
  #byPhandle = new Map<number, DtNode>();

  constructor(base: DtNode) {
    this.#base = base;
  }

  of(fragment: DtNode): FragmentTarget {
    const target = fragment.prop('target');
    const phandle = target?.value.length === 4 ? viewOf(target).getUint32(0) : NO_PHANDLE;
    if (target !== undefined && phandle === NO_PHANDLE) {
      refuse('FDT_ERR_BADPHANDLE', 'it is not a phandle', fragment.path, 'target');
    }
    if (target !== undefined && phandle !== 0) {
      const node = this.#withPhandle(phandle);
      if (node !== undefined) return { node, path: undefined };
      const message = `no node of the base tree has phandle 0x${phandle.toString(16)}`;
      refuse('FDT_ERR_NOTFOUND', message, fragment.path, 'target');
    }
    const value = fragment.prop('target-path')?.value;
    if (value === undefined) refuse('FDT_ERR_BADOVERLAY', "it has neither 'target' nor 'target-path'", fragment.path);
    const end = value.indexOf(0);
    if (end < 0) refuse('FDT_ERR_BADOVERLAY', 'it is not a string', fragment.path, 'target-path');
    const path = latin1(value.subarray(0, end));
    const node = path === '' ? undefined : findPath(this.#base, path);
    if (node === undefined) {
      refuse('FDT_ERR_NOTFOUND', `the base tree has no node '${path}'`, fragment.path, 'target-path');
    }
    return { node, path };
  }

  #withPhandle(phandle: number): DtNode | undefined {
    const known = this.#byPhandle.get(phandle);
    if (known !== undefined && phandleOf(known) === phandle) return known;
    // Not looked for yet, or merged since.
    this.#byPhandle = new Map();
    for (const node of this.#base.walk()) {
      const own = phandleOf(node);
      if (!this.#byPhandle.has(own)) this.#byPhandle.set(own, node);
    }
    return this.#byPhandle.get(phandle);
  }
}

function mergeNode(target: OverlayTarget, to: DtNode, from: DtNode, depth: number): void {
  if (depth > MAX_DEPTH) refuse('FDT_ERR_BADSTRUCTURE', `nodes come to nest deeper than ${MAX_DEPTH}`, from.path);
  for (const { name, value } of from.properties) target.setProperty(to, name, value);
  for (const child of from.children) mergeNode(target, target.childNamed(to, child.name), child, depth + 1);
}

/** Symbols of the overlay are paths below a fragment; they become paths below its target. */
function addSymbols(target: OverlayTarget, targets: Targets, overlay: DtNode): void {
  const symbols = findChild(overlay, '__symbols__');
  if (symbols === undefined) return;
  const known = target.childNamed(target.tree.root, '__symbols__');
  let size = 0;
  for (const { name, value } of symbols.properties) {
    const symbol = latin1(value);
    if (symbol.indexOf('\0') !== symbol.length - 1 || !symbol.startsWith('/')) {
      refuse('FDT_ERR_BADVALUE', 'it is not a path', symbols.path, name);
    }
    const match = /^\/([^/]*)\/__overlay__(?:\/([^\0]*))?\0$/.exec(symbol);
    // Others name what does not get into the base tree.
    if (match === null) continue;
    const fragment = findChild(overlay, match[1]!);
    if (fragment === undefined || findChild(fragment, '__overlay__') === undefined) {
      refuse('FDT_ERR_BADOVERLAY', 'it names a fragment that is not there', symbols.path, name);
    }
    const { node, path = node.path } = targets.of(fragment);
    const full = `${path.length > 1 ? path : ''}/${match[2] ?? ''}`;
    size += full.length;
    if (size > MAX_SYMBOL_BYTES) refuse('FDT_ERR_BADOVERLAY', 'symbols become too long together', symbols.path);
    target.setProperty(known, name, bytesOf(`${full}\0`));
  }
}
