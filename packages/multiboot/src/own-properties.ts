import type { DtNode } from '@dom0less/fdt';
import type { DomainDescription, RestartAction } from './boot-plan.ts';
import { readU32, readWord } from './domain-properties.ts';
import { renderValue, stringOf, stringsOf } from './property.ts';
import type { Reporter } from './reporter.ts';

/** What is read of a domain before the names of all are known. */
export interface OwnProperties extends Pick<DomainDescription, 'restart' | 'startOrder'> {
  name?: string;
  uuid?: string;
  /** The other domain by its name. */
  startAfter?: { name: string; pattern?: string };
}

/** A domain of which the checks across domains need to know. */
export interface NamedDomain {
  node: DtNode;
  reporter: Reporter;
  description: DomainDescription;
  own: OwnProperties;
}

const NAME = 'dom0less,name';
const UUID = 'dom0less,uuid';
const START_AFTER = 'dom0less,start-after';
const VALID_NAME = /^[A-Za-z0-9][A-Za-z0-9,._+@-]{0,62}$/;
const VALID_UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const MAX_PATTERN = 200;

const shown = (node: DtNode, name: string): string => renderValue(node.prop(name)!.value) ?? 'empty';

const readText = (reporter: Reporter, node: DtNode, name: string, valid: RegExp, expected: string) => {
  if (!node.has(name)) return undefined;
  const text = stringOf(node, name);
  if (text !== undefined && valid.test(text)) return text;
  reporter.report('domain-property-type', node, name, { name, found: shown(node, name), expected });
  return undefined;
};

const readUuid = (reporter: Reporter, node: DtNode): string | undefined => {
  if (!node.has(UUID)) return undefined;
  const text = stringOf(node, UUID)?.toLowerCase();
  if (text !== undefined && VALID_UUID.test(text)) return text;
  const expected = 'a string of hexadecimal digits such as "01234567-89ab-cdef-0123-456789abcdef"';
  reporter.report('domain-property-type', node, UUID, { name: UUID, found: shown(node, UUID), expected });
  return undefined;
};

/** What is wrong with the source of a regular expression, or undefined. */
const patternDefect = (source: string): string | undefined => {
  if (source.length > MAX_PATTERN) return `it has more than ${MAX_PATTERN} characters`;
  try {
    new RegExp(source, 'u');
    return undefined;
  } catch (error) {
    return (error as Error).message.slice(0, 120);
  }
};

const readStartAfter = (reporter: Reporter, node: DtNode): OwnProperties['startAfter'] => {
  if (!node.has(START_AFTER)) return undefined;
  const [name, pattern, ...rest] = stringsOf(node, START_AFTER);
  if (name === undefined || name === '' || rest.length > 0) {
    const expected = 'the name of a domain, or that and a regular expression: "domU1", "login:"';
    const texts = { name: START_AFTER, found: shown(node, START_AFTER), expected };
    reporter.report('domain-property-type', node, START_AFTER, texts);
    return undefined;
  }
  if (pattern === undefined || pattern === '') return { name };
  const found = patternDefect(pattern);
  if (found === undefined) return { name, pattern };
  reporter.report('start-after-pattern', node, START_AFTER, { pattern: pattern.slice(0, 80), found });
  return undefined;
};

/** Reads the properties of a domain that are this project's own. Xen ignores them. */
export const readOwnProperties = (reporter: Reporter, node: DtNode): OwnProperties => {
  const action = (name: Parameters<typeof readWord>[2]): RestartAction =>
    (readWord(reporter, node, name) ?? 'preserve') as RestartAction;
  const expected = 'a string of up to 63 letters, digits and , . _ + @ -, a letter or digit first';
  const name = readText(reporter, node, NAME, VALID_NAME, expected);
  const uuid = readUuid(reporter, node);
  const startAfter = readStartAfter(reporter, node);
  const maxRestarts = readU32(reporter, node, 'dom0less,max-restarts');
  return {
    ...(name === undefined ? {} : { name }),
    ...(uuid === undefined ? {} : { uuid }),
    restart: {
      onPoweroff: action('dom0less,on-poweroff'),
      onReboot: action('dom0less,on-reboot'),
      onCrash: action('dom0less,on-crash'),
      ...(maxRestarts === undefined ? {} : { maxRestarts }),
    },
    startOrder: readU32(reporter, node, 'dom0less,start-order') ?? 0,
    ...(startAfter === undefined ? {} : { startAfter }),
  };
};

/** Names: that given, else the node's without unit address where that leaves all distinct. */
export const nameDomains = (domains: readonly NamedDomain[]): void => {
  const counts = new Map<string, number>();
  for (const { node } of domains) counts.set(node.baseName, (counts.get(node.baseName) ?? 0) + 1);
  for (const { node, description, own } of domains) {
    description.name = own.name ?? (counts.get(node.baseName) === 1 ? node.baseName : node.name);
  }
  for (const [key, property] of [
    ['name', NAME],
    ['uuid', UUID],
  ] as const) {
    const owners = new Map<string, string>();
    for (const { node, reporter, description } of domains) {
      const found = description[key];
      if (found === undefined) continue;
      const other = owners.get(found);
      if (other === undefined) owners.set(found, description.path);
      else reporter.report('domain-name-twice', node, node.has(property) ? property : undefined, { key, found, other });
    }
  }
};

/** Ids of the domains that wait for each other in a circle, or for themselves. */
const circular = (next: ReadonlyMap<number, number>): Set<number> => {
  const found = new Set<number>();
  const done = new Set<number>();
  for (const start of next.keys()) {
    const path = new Set<number>();
    let at: number | undefined = start;
    while (at !== undefined && !done.has(at) && !path.has(at)) {
      path.add(at);
      at = next.get(at);
    }
    if (at !== undefined && path.has(at)) {
      const order = [...path];
      for (const id of order.slice(order.indexOf(at))) found.add(id);
    }
    for (const id of path) done.add(id);
  }
  return found;
};

/** Finds the domains that others start after. */
export const resolveStartAfter = (domains: readonly NamedDomain[]): void => {
  const byName = new Map<string, NamedDomain>();
  for (const domain of domains) byName.set(domain.description.nodeName, domain);
  for (const domain of domains) byName.set(domain.description.name, domain);
  for (const { node, reporter, description, own } of domains) {
    if (own.startAfter === undefined) continue;
    const { name, pattern } = own.startAfter;
    const other = byName.get(name)?.description;
    if (other === undefined) {
      reporter.report('start-after-unknown', node, START_AFTER, { found: name.slice(0, 64) });
    } else if (pattern !== undefined && !other.vpl011) {
      reporter.report('start-after-silent', node, START_AFTER, { other: other.path });
    } else {
      description.startAfter = { domain: other.id, ...(pattern === undefined ? {} : { pattern }) };
    }
  }
  const next = new Map(
    domains.flatMap(({ description: { id, startAfter } }): [number, number][] =>
      startAfter === undefined ? [] : [[id, startAfter.domain]],
    ),
  );
  const inCircle = circular(next);
  for (const { node, reporter, description } of domains) {
    if (!inCircle.has(description.id)) continue;
    reporter.report('start-after-circle', node, START_AFTER, {
      other: domains[next.get(description.id)! - 1]!.description.path,
    });
  }
};
