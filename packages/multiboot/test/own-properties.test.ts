import { describe, expect, test } from 'vitest';
import { parseBootPlan } from '../src/index.ts';
import { BASICS, board, KERNEL, parseDomain } from './trees.ts';

const parse = (...contents: readonly string[]) => {
  const nodes = contents.map((content, n) => `domU${n + 1} { ${BASICS} ${content} ${KERNEL} };`);
  const parsed = parseBootPlan(board(nodes.join('')));
  for (const { message, remedy } of parsed.diagnostics) expect(message + remedy).not.toMatch(/[{}]|undefined|NaN/);
  return { ...parsed, codes: parsed.diagnostics.map(({ code }) => code) };
};

describe("the project's own properties", () => {
  test('give a domain a name and a UUID', () => {
    const uuid = '01234567-89AB-cdef-0123-456789abcdef';
    const { plan, codes } = parse(`dom0less,name = "web-1"; dom0less,uuid = "${uuid}";`, '');
    expect(codes).toEqual([]);
    expect(plan.domains.map(({ name, nodeName }) => [name, nodeName])).toEqual([
      ['web-1', 'domU1'],
      ['domU2', 'domU2'],
    ]);
    expect(plan.domains[0]!.uuid).toBe(uuid.toLowerCase());
  });

  test('say what becomes of a domain that ends', () => {
    const content = 'dom0less,on-poweroff = "destroy"; dom0less,on-reboot = "restart"; dom0less,max-restarts = <3>;';
    expect(parseDomain(content).domain.restart).toEqual({
      onPoweroff: 'destroy',
      onReboot: 'restart',
      onCrash: 'preserve',
      maxRestarts: 3,
    });
  });

  test('say which domain starts after which', () => {
    const { plan, codes } = parse(
      'dom0less,start-after = "domU2", "login:"; dom0less,start-order = <5>;',
      'dom0less,start-after = "third";',
      'dom0less,name = "third";',
    );
    expect(codes).toEqual([]);
    expect(plan.domains.map(({ startAfter }) => startAfter)).toEqual([
      { domain: 2, pattern: 'login:' },
      { domain: 3 },
      undefined,
    ]);
    expect(plan.domains.map(({ startOrder }) => startOrder)).toEqual([5, 0, 0]);
  });

  test.each([
    ['dom0less,name = "two words";', 'domain-property-type'],
    ['dom0less,uuid = "0123";', 'domain-property-type'],
    ['dom0less,on-reboot = "restrat";', 'domain-property-string'],
    ['dom0less,start-after;', 'domain-property-type'],
    ['dom0less,start-after = "a", "b", "c";', 'domain-property-type'],
    ['dom0less,start-after = "domU9";', 'start-after-unknown'],
    ['dom0less,start-after = "domU1";', 'start-after-circle'],
    ['dom0less,start-after = "domU2", "(";', 'start-after-pattern'],
    ['dom0less,max-restarts = "many";', 'domain-property-type'],
  ])('%s is reported as %s', (content, code) => {
    const { plan, codes } = parse(content, '');
    expect(codes).toEqual([code]);
    expect(plan.domains.map(({ valid }) => valid)).toEqual([false, true]);
  });

  test('that make domains wait in a circle concern those in it only', () => {
    const after = (name: string) => `dom0less,start-after = "${name}";`;
    const { plan, codes } = parse(after('domU2'), after('domU3'), after('domU2'), '');
    expect(codes).toEqual(['start-after-circle', 'start-after-circle']);
    expect(plan.domains.map(({ valid }) => valid)).toEqual([true, false, false, true]);
  });

  test('can look for a pattern only where there is a console', () => {
    const silent = BASICS.replace('vpl011;', '');
    const waiting = `domU1 { ${BASICS} dom0less,start-after = "domU2", "x"; ${KERNEL} };`;
    const codes = parseBootPlan(board(`${waiting} domU2 { ${silent} ${KERNEL} };`)).diagnostics.map(({ code }) => code);
    expect(codes).toEqual(['domain-console-missing', 'start-after-silent']);
  });

  test('keep names and UUIDs apart', () => {
    const uuid = 'dom0less,uuid = "01234567-89ab-cdef-0123-456789abcdef";';
    const { codes, diagnostics } = parse(`dom0less,name = "domU2"; ${uuid}`, uuid);
    expect(codes).toEqual(['domain-name-twice', 'domain-name-twice']);
    expect(diagnostics[0]!.message).toBe('the name of the domain, domU2, is that of /chosen/domU1 too');
  });
});
