import { describe, expect, it } from 'vitest';
import { DOMAIN_PROPERTY_NAMES } from '../src/domain-properties.ts';
import { checkXenVersion, parseBootPlan, parseXenVersion } from '../src/index.ts';
import { DOMAIN_PROPERTY_SUPPORT } from '../src/rules/xen-version.ts';
import { BASICS, board, domain, KERNEL } from './trees.ts';

const codes = (content: string, version: string): string[] => {
  const tree = domain(content);
  const found = checkXenVersion(tree, parseBootPlan(tree).plan, parseXenVersion(version)!);
  return found.map(({ code, property }) => `${code} ${property ?? ''}`.trim());
};

describe('a release of Xen', () => {
  it.each([
    ['4.17', 17],
    ['4.12.1', 12],
    ['4', undefined],
    ['5.1', undefined],
    ['4.x', undefined],
    ['', undefined],
  ])('%j is %s', (text, version) => expect(parseXenVersion(text)).toBe(version));

  it('knows a plain domain since 4.16, and with a dom0 since 4.12', () => {
    expect(codes('', '4.16')).toEqual([]);
    expect(codes('', '4.15')).toEqual(['xen-dom0-needed']);
    expect(codes('', '4.11')).toContain('xen-unknown-yet compatible');
  });

  it('knows a property from its first release on', () => {
    expect(codes('max_grant_frames = <64>;', '4.17')).toEqual(['xen-unknown-yet max_grant_frames']);
    expect(codes('max_grant_frames = <64>;', '4.18')).toEqual([]);
  });

  it('needs to be built for some properties and nodes', () => {
    expect(codes('xen,static-mem = <0 0x60000000 0 0x8000000>;', '4.17')).toEqual(['xen-build-option xen,static-mem']);
    const shared = 'shm@0 { compatible = "xen,domain-shared-memory-v1"; };';
    expect(codes(shared, '4.18')).toEqual(['xen-build-option compatible']);
    expect(codes(shared, '4.16')).toEqual(['xen-unknown-yet compatible']);
  });

  it('knows a word later than its property', () => {
    expect(codes('xen,enhanced = "legacy";', '4.20')).toEqual(['xen-unknown-yet xen,enhanced']);
    expect(codes('xen,enhanced = "legacy";', '4.21')).toEqual([]);
    expect(codes('xen,enhanced = "legacy";', '4.16')).toEqual(['xen-unknown-yet xen,enhanced']);
    expect(codes('xen,enhanced = "no-xenstore";', '4.17')).toEqual([]);
  });

  it('makes trees for about 32 vCPUs before 4.22', () => {
    expect(codes('cpus = <33>;', '4.21')).toEqual(['xen-small-tree cpus']);
    expect(codes('cpus = <32>;', '4.21')).toEqual([]);
    expect(codes('cpus = <33>;', '4.22')).toEqual([]);
  });

  it('has no xenstore page for an enhanced direct-map domain before 4.21', () => {
    const direct = 'xen,static-mem = <0 0x60000000 0 0x10000000>; direct-map; xen,enhanced';
    const found = (word: string, version: string) =>
      codes(`${direct}${word};`, version).filter((code) => code.startsWith('xen-enhanced-direct-map'));
    expect(found('', '4.20')).toEqual(['xen-enhanced-direct-map xen,enhanced']);
    expect(found('', '4.21')).toEqual([]);
    expect(found(' = "no-xenstore"', '4.20')).toEqual([]);
  });
});

it.each([
  ['bootscrub=0', true],
  ['sync_console no-bootscrub', true],
  ['bootscrub', true],
  ['bootscrub=idle', false],
  ['bootscrub=0 bootscrub=idle', false],
  ['', false],
])('with %j Xen does not scrub memory: %s', (options, warned) => {
  const tree = board(`xen,xen-bootargs = "${options}"; domU1 { ${BASICS} ${KERNEL} };`);
  const found = checkXenVersion(tree, parseBootPlan(tree).plan, 17).map(({ code }) => code);
  expect(found).toEqual(warned ? ['ram-not-scrubbed'] : []);
});

it('of every property of a domain it is known since when Xen has it', () => {
  const own = DOMAIN_PROPERTY_NAMES.filter((name) => name.startsWith('dom0less,'));
  const gone = ['#xen,static-mem-address-cells', '#xen,static-mem-size-cells', 'bootargs'];
  const known = [...Object.keys(DOMAIN_PROPERTY_SUPPORT), ...own, ...gone];
  expect(DOMAIN_PROPERTY_NAMES.filter((name) => !known.includes(name))).toEqual([]);
});
