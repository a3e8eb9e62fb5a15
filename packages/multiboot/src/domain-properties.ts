import type { DtNode } from '@dom0less/fdt';
import { suggest } from './nearest.ts';
import { renderValue, stringOf, u32Of } from './property.ts';
import type { Reporter } from './reporter.ts';

/** How the value of a domain's property is checked. */
type Rule =
  | { type: 'u32'; min: number; max: number }
  | { type: 'word'; words: readonly string[]; empty?: string }
  | { type: 'flag' }
  | { type: 'special' };

const INT32_MAX = 0x7fffffff;
const UINT32_MAX = 0xffffffff;
const SPECIAL: Rule = { type: 'special' };
const FLAG: Rule = { type: 'flag' };
const RESTART = { type: 'word', words: ['destroy', 'restart', 'preserve'] } as const satisfies Rule;

/**
 * The properties of a domain node. `special` ones have a reader of their own.
 *
 * The most SPIs that a GIC without extended SPIs can have are 988 (INTID 32 to 1019).
 */
const RULES = {
  memory: SPECIAL,
  cpus: SPECIAL,
  '#address-cells': SPECIAL,
  '#size-cells': SPECIAL,
  bootargs: SPECIAL,
  vpl011: FLAG,
  nr_spis: { type: 'u32', min: 0, max: 988 },
  capabilities: { type: 'u32', min: 0, max: 7 },
  'xen,static-mem': SPECIAL,
  '#xen,static-mem-address-cells': SPECIAL,
  '#xen,static-mem-size-cells': SPECIAL,
  'direct-map': FLAG,
  'domain-cpupool': SPECIAL,
  passthrough: { type: 'word', words: ['enabled', 'disabled'] },
  'xen,enhanced': { type: 'word', words: ['enabled', 'no-xenstore', 'legacy', 'disabled'], empty: 'enabled' },
  'xen,domain-p2m-mem-mb': { type: 'u32', min: 1, max: UINT32_MAX },
  max_grant_version: { type: 'u32', min: 1, max: 2 },
  max_grant_frames: { type: 'u32', min: 1, max: INT32_MAX },
  max_maptrack_frames: { type: 'u32', min: 0, max: INT32_MAX },
  sve: SPECIAL,
  'llc-colors': SPECIAL,
  'trap-unmapped-accesses': { type: 'u32', min: 0, max: 1 },
  'xen,sci_type': { type: 'word', words: ['none', 'scmi_smc'] },
  v8r_el1_msa: SPECIAL,
  'dom0less,name': SPECIAL,
  'dom0less,uuid': SPECIAL,
  'dom0less,on-poweroff': RESTART,
  'dom0less,on-reboot': RESTART,
  'dom0less,on-crash': RESTART,
  'dom0less,max-restarts': { type: 'u32', min: 0, max: UINT32_MAX },
  'dom0less,start-order': { type: 'u32', min: 0, max: UINT32_MAX },
  'dom0less,start-after': SPECIAL,
  'dom0less,gic-version': { type: 'word', words: ['v2', 'v3'] },
} as const satisfies Record<string, Rule>;

type Name = keyof typeof RULES;
type NameOf<Type extends Rule['type']> = {
  [Key in Name]: (typeof RULES)[Key]['type'] extends Type ? Key : never;
}[Name];

/** Names of all properties that a domain node may have. */
export const DOMAIN_PROPERTY_NAMES: readonly string[] = Object.keys(RULES);

const foundValue = (node: DtNode, name: string): string => renderValue(node.prop(name)!.value) ?? 'empty';

/** Value of a property of one cell; undefined, with a diagnostic if it is there, unless it is in range. */
export const readU32 = (reporter: Reporter, node: DtNode, name: NameOf<'u32'>): number | undefined => {
  if (!node.has(name)) return undefined;
  const { min, max } = RULES[name];
  const expected = max === UINT32_MAX ? `one cell, at least ${min}` : `one cell, ${min} to ${max}`;
  const value = u32Of(node, name);
  if (value === undefined) {
    reporter.report('domain-property-type', node, name, { name, found: foundValue(node, name), expected });
  } else if (value < min || value > max) {
    reporter.report('domain-property-range', node, name, { name, found: value, expected });
    return undefined;
  }
  return value;
};

/** Value of a property that is one of a few words; undefined, with a diagnostic if it is there, for anything else. */
export const readWord = (reporter: Reporter, node: DtNode, name: NameOf<'word'>): string | undefined => {
  const value = node.prop(name)?.value;
  if (value === undefined) return undefined;
  const rule: Rule & { type: 'word' } = RULES[name];
  const text = value.length === 0 ? '' : stringOf(node, name);
  if (text === '' && rule.empty !== undefined) return rule.empty;
  if (text !== undefined && rule.words.includes(text)) return text;
  const expected = rule.words.map((word) => `"${word}"`).join(', ');
  if (text === undefined) {
    reporter.report('domain-property-type', node, name, { name, found: foundValue(node, name), expected });
  } else {
    reporter.report('domain-property-string', node, name, {
      name,
      found: text.slice(0, 64),
      expected,
      hint: suggest(text, rule.words),
    });
  }
  return undefined;
};

/** True if a property that counts by its presence is there; a value that reads like "off" gets a diagnostic. */
export const readFlag = (reporter: Reporter, node: DtNode, name: NameOf<'flag'>): boolean => {
  const value = node.prop(name)?.value;
  if (value === undefined) return false;
  const isOne = value.length === 4 && u32Of(node, name) === 1;
  if (value.length > 0 && !isOne) reporter.report('domain-flag-value', node, name, { name });
  return true;
};
