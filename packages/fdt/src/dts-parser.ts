import { parseInteger } from './dts-expression.ts';
import type { DtsLexer } from './dts-lexer.ts';
import type { DtsPosition } from './dts-source.ts';
import {
  type DtsBody,
  type DtsChildDefinition,
  DtsLabels,
  type DtsNode,
  type DtsProperty,
  DtsTree,
} from './dts-tree.ts';
import { LABEL, parseReference, parseValue } from './dts-values.ts';
import { MAX_DEPTH, MAX_NAME_LENGTH } from './format.ts';
import type { Reservation } from './tree.ts';

const NAME = /\\?([a-zA-Z0-9,._+*#?@-]+)/y;

export interface ParsedDts {
  readonly tree: DtsTree;
  readonly reservations: Reservation[];
  /** The labels of each reservation. */
  readonly reservationLabels: DtsLabels[];
  /** True for an overlay: `/plugin/`. */
  readonly plugin: boolean;
}

/** Parses a whole source file and merges its definitions in order. */
export function parseDtsFile(lexer: DtsLexer): ParsedDts {
  const plugin = parseHeaders(lexer);
  const reservationLabels: DtsLabels[] = [];
  const reservations = parseReservations(lexer, reservationLabels);
  const tree = new DtsTree(lexer.position(), lexer.reports);
  let any = false;
  for (; !lexer.atEnd(); any = true) parseTopLevel(lexer, tree, plugin);
  if (!any) lexer.fail("expected the root node: '/ { … };'");
  if (tree.root.deleted) lexer.report('the root node is deleted', tree.root.at);
  return { tree, reservations, reservationLabels, plugin };
}

/** True for an overlay. */
function parseHeaders(lexer: DtsLexer): boolean {
  let plugin: boolean | undefined;
  do {
    const at = lexer.position();
    lexer.expect('/dts-v1/', 'at the begin of the source');
    lexer.expect(';', 'after /dts-v1/');
    const here = lexer.take('/plugin/');
    if (here) lexer.expect(';', 'after /plugin/');
    if (here !== (plugin ?? here)) lexer.report("this header and the one before differ in '/plugin/'", at);
    plugin ??= here;
  } while (lexer.startsWith('/dts-v1/'));
  return plugin;
}

/** @param allLabels gets the labels of each. */
function parseReservations(lexer: DtsLexer, allLabels: DtsLabels[]): Reservation[] {
  const reservations: Reservation[] = [];
  for (;;) {
    const labels = parseLabels(lexer);
    if (!lexer.take('/memreserve/')) {
      if (labels.length > 0) lexer.fail("expected '/memreserve/' behind a label");
      return reservations;
    }
    const address = parseInteger(lexer) ?? lexer.fail('expected an address');
    const size = parseInteger(lexer) ?? lexer.fail('expected a size in bytes');
    lexer.expect(';', 'after /memreserve/');
    reservations.push({ address, size });
    allLabels.push(new DtsLabels(labels));
  }
}

function parseTopLevel(lexer: DtsLexer, tree: DtsTree, plugin: boolean): void {
  if (lexer.take('/delete-node/')) {
    const target = parseTarget(lexer, tree);
    if (target !== undefined) tree.deleteNode(target);
    lexer.expect(';', 'after /delete-node/');
  } else if (lexer.take('/omit-if-no-ref/')) {
    const target = parseTarget(lexer, tree);
    if (target !== undefined) target.omitIfUnused = true;
    lexer.expect(';', 'after /omit-if-no-ref/');
  } else if (lexer.startsWith('/memreserve/')) {
    lexer.fail('/memreserve/ stands before the root node');
  } else if (lexer.take('/')) {
    tree.merge(tree.root, parseBody(lexer, 0));
  } else {
    parseOverride(lexer, tree, plugin);
  }
}

/** `label: &target { … };`. In an overlay, what is not there becomes a fragment, and a path always does. */
function parseOverride(lexer: DtsLexer, tree: DtsTree, plugin: boolean): void {
  const labels = parseLabels(lexer);
  const at = lexer.position();
  const reference = parseTargetReference(lexer);
  const found = tree.find(reference);
  const fragment = plugin && labels.length === 0 && (found === undefined || reference.startsWith('/'));
  if (fragment) {
    // Two levels, /fragment@N/__overlay__, are added.
    tree.addFragment(reference, parseBody(lexer, 2), at);
    return;
  }
  const body = parseBody(lexer, found?.depth ?? 0);
  if (found === undefined) {
    reportMissingTarget(lexer, reference, at);
    for (const label of labels) tree.lostLabels.add(label);
    tree.loseLabels(body);
    return;
  }
  for (const label of labels) tree.addLabel(found, label);
  tree.merge(found, body);
}

function reportMissingTarget(lexer: DtsLexer, reference: string, at: DtsPosition): void {
  lexer.report(`'${reference}' names no node that is defined above`, at);
}

function parseTargetReference(lexer: DtsLexer): string {
  const reference = parseReference(lexer);
  if (reference === undefined) {
    const hint = lexer.startsWith('#') ? '; run the C preprocessor over this source first' : '';
    lexer.fail(`expected '/ {', '&label {' or '&{/path} {'${hint}`);
  }
  return reference;
}

/** The node that a reference at the top level means; undefined, and reported, when there is none. */
function parseTarget(lexer: DtsLexer, tree: DtsTree): DtsNode | undefined {
  const at = lexer.position();
  const reference = parseTargetReference(lexer);
  const target = tree.find(reference);
  if (target === undefined) reportMissingTarget(lexer, reference, at);
  return target;
}

function parseLabels(lexer: DtsLexer): string[] {
  const labels: string[] = [];
  for (let match = lexer.match(LABEL); match !== null; match = lexer.match(LABEL)) labels.push(match[1]!);
  return labels;
}

function parseName(lexer: DtsLexer, what: string): string {
  const at = lexer.position();
  const name = lexer.match(NAME)?.[1];
  if (name === undefined) {
    const hint = lexer.startsWith('#') ? '; run the C preprocessor over this source first' : '';
    lexer.fail(`expected ${what}${hint}`);
  }
  if (name.length > MAX_NAME_LENGTH) lexer.fail(`this name is longer than ${MAX_NAME_LENGTH} characters`, at);
  return name;
}

/** Parses `{ … };` of a node at this depth. */
function parseBody(lexer: DtsLexer, depth: number): DtsBody {
  if (depth > MAX_DEPTH) lexer.fail(`nodes nest at most ${MAX_DEPTH} deep`);
  const start = lexer.position();
  lexer.expect('{', 'to begin a node');
  const open = lexer.positionBehind();
  const properties: DtsProperty[] = [];
  const children: DtsChildDefinition[] = [];
  while (!lexer.take('}')) {
    const at = lexer.position();
    const item = parseItem(lexer, depth);
    if ('pieces' in item) {
      if (children.length > 0) lexer.fail(`property '${item.name}' stands behind a subnode; move it up`, at);
      properties.push(item);
    } else {
      children.push(item);
    }
  }
  lexer.expect(';', "after a node's '}'");
  return { open, stretch: { start, end: lexer.positionBehind() }, properties, children };
}

/** A property or a child node, or the deletion of one, with what may stand before it. */
function parseItem(lexer: DtsLexer, depth: number): DtsProperty | DtsChildDefinition {
  const labels = parseLabels(lexer);
  let omitIfUnused = false;
  while (lexer.take('/omit-if-no-ref/')) {
    omitIfUnused = true;
    for (const label of parseLabels(lexer)) labels.push(label);
  }
  const at = lexer.position();
  if (!omitIfUnused && lexer.take('/delete-property/')) {
    const name = parseName(lexer, 'a property name');
    lexer.expect(';', 'after /delete-property/');
    const end = lexer.positionBehind();
    return { name, pieces: [], labels: new DtsLabels(), valueLabels: [], at, end, deleted: true };
  }
  if (lexer.take('/delete-node/')) {
    const name = parseName(lexer, 'a node name');
    lexer.expect(';', 'after /delete-node/');
    const deletion = { start: at, end: lexer.positionBehind() };
    return { name, at, deletion, labels: [], omitIfUnused, body: undefined };
  }
  const name = parseName(lexer, "a property, a node or '}'");
  if (lexer.startsWith('{')) return { name, at, labels, omitIfUnused, body: parseBody(lexer, depth + 1) };
  if (omitIfUnused) lexer.fail("expected '{': /omit-if-no-ref/ is for nodes");
  const { pieces, labels: valueLabels } = lexer.take('=') ? parseValue(lexer) : { pieces: [], labels: [] };
  lexer.expect(';', `after property '${name}'`);
  const end = lexer.positionBehind();
  return { name, pieces, labels: new DtsLabels(labels), valueLabels, at, end, deleted: false };
}
