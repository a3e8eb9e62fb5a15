import { parseInteger } from './dts-expression.ts';
import type { DtsLexer } from './dts-lexer.ts';
import { refuse } from './dts-source.ts';
import { type DtsBody, type DtsChildDefinition, type DtsNode, type DtsProperty, DtsTree } from './dts-tree.ts';
import { LABEL, parseReference, parseValue } from './dts-values.ts';
import { MAX_DEPTH, MAX_NAME_LENGTH } from './format.ts';
import type { Reservation } from './tree.ts';

const NAME = /\\?([a-zA-Z0-9,._+*#?@-]+)/y;

export interface DtsFile {
  readonly tree: DtsTree;
  readonly reservations: Reservation[];
}

/** Parses a whole source file and merges its definitions in order. */
export function parseDtsFile(lexer: DtsLexer): DtsFile {
  do {
    lexer.expect('/dts-v1/', 'at the begin of the source');
    lexer.expect(';', 'after /dts-v1/');
    if (lexer.startsWith('/plugin/')) lexer.fail('overlays (/plugin/) are not compiled');
  } while (lexer.startsWith('/dts-v1/'));
  const reservations = parseReservations(lexer);
  const tree = new DtsTree(lexer.position());
  while (!lexer.atEnd()) parseTopLevel(lexer, tree);
  if (!tree.root.defined) lexer.fail("expected the root node: '/ { … };'");
  return { tree, reservations };
}

function parseReservations(lexer: DtsLexer): Reservation[] {
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
  }
}

function parseTopLevel(lexer: DtsLexer, tree: DtsTree): void {
  if (lexer.take('/delete-node/')) {
    tree.deleteNode(parseTarget(lexer, tree));
    lexer.expect(';', 'after /delete-node/');
  } else if (lexer.take('/omit-if-no-ref/')) {
    parseTarget(lexer, tree).omitIfUnused = true;
    lexer.expect(';', 'after /omit-if-no-ref/');
  } else if (lexer.startsWith('/memreserve/')) {
    lexer.fail('/memreserve/ stands before the root node');
  } else if (lexer.take('/')) {
    tree.merge(tree.root, parseBody(lexer, 0));
  } else {
    const labels = parseLabels(lexer);
    const target = parseTarget(lexer, tree);
    for (const label of labels) tree.addLabel(target, label);
    tree.merge(target, parseBody(lexer, target.depth));
  }
}

/** The node that a reference at the top level means. */
function parseTarget(lexer: DtsLexer, tree: DtsTree): DtsNode {
  const at = lexer.position();
  const reference = parseReference(lexer);
  if (reference === undefined) {
    const hint = lexer.startsWith('#') ? '; run the C preprocessor over this source first' : '';
    lexer.fail(`expected '/ {', '&label {' or '&{/path} {'${hint}`);
  }
  return tree.find(reference) ?? refuse(`'${reference}' names no node that is defined above`, at);
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
  lexer.expect('{', 'to begin a node');
  const properties: DtsProperty[] = [];
  const children: DtsChildDefinition[] = [];
  while (!lexer.take('}')) {
    const at = lexer.position();
    if (lexer.take('/delete-property/')) {
      properties.push({ name: parseName(lexer, 'a property name'), pieces: [], labels: [], at, deleted: true });
      lexer.expect(';', 'after /delete-property/');
    } else if (lexer.take('/delete-node/')) {
      const name = parseName(lexer, 'a node name');
      children.push({ name, at, labels: [], omitIfUnused: false, body: undefined });
      lexer.expect(';', 'after /delete-node/');
    } else {
      const item = parseDefinition(lexer, depth);
      if ('pieces' in item) {
        if (children.length > 0) lexer.fail(`property '${item.name}' stands behind a subnode; move it up`, at);
        properties.push(item);
      } else {
        children.push(item);
      }
    }
  }
  lexer.expect(';', "after a node's '}'");
  return { properties, children };
}

/** A property or a child node, with what may stand before its name. */
function parseDefinition(lexer: DtsLexer, depth: number): DtsProperty | DtsChildDefinition {
  const labels = parseLabels(lexer);
  let omitIfUnused = false;
  while (lexer.take('/omit-if-no-ref/')) {
    omitIfUnused = true;
    labels.push(...parseLabels(lexer));
  }
  const at = lexer.position();
  const name = parseName(lexer, "a property, a node or '}'");
  if (lexer.startsWith('{')) {
    if (name.split('@').length > 2) lexer.fail(`node name '${name}' has more than one '@'`, at);
    return { name, at, labels, omitIfUnused, body: parseBody(lexer, depth + 1) };
  }
  if (omitIfUnused) lexer.fail("expected '{': /omit-if-no-ref/ is for nodes");
  if (name.includes('@')) lexer.fail(`property name '${name}' has a '@', which only node names have`, at);
  const value = lexer.take('=') ? parseValue(lexer) : { pieces: [], labels: [] };
  lexer.expect(';', `after property '${name}'`);
  return { name, pieces: value.pieces, labels: [...labels, ...value.labels], at, deleted: false };
}
