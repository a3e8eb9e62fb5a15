import { describe, expect, test } from 'vitest';
import { parseBootPlan } from '../src/index.ts';
import { BASICS, board, KERNEL } from './trees.ts';

const MORE_CPUS = `/ { cpus {
  c1: cpu@1 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <1>; };
  c2: cpu@2 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <2>; };
  c3: cpu@3 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <3>; };
}; };`;
const TWO_CPUS = BASICS.replace('cpus = <1>', 'cpus = <2>');
const C0 = '&{/cpus/cpu@0}';
const pool = (name: string, cpus: string, more = '') =>
  `${name}: ${name} { compatible = "xen,cpupool"; cpupool-cpus = <${cpus}>; ${more} };`;

/** A board of four CPUs with pools and one domain. */
const parse = (chosen: string, domain = '') => {
  const parsed = parseBootPlan(board(`${chosen} domU1 { ${TWO_CPUS} ${domain} ${KERNEL} };`, MORE_CPUS));
  for (const { message, remedy } of parsed.diagnostics) expect(message + remedy).not.toMatch(/[{}]|undefined|NaN/);
  return { ...parsed, codes: parsed.diagnostics.map(({ code }) => code), domain: parsed.plan.domains[0]! };
};

describe('CPU pools', () => {
  test('are one, with all CPUs, where the tree has none', () => {
    const { plan, domain, codes } = parse('');
    expect(plan.cpupools).toEqual([{ id: 0, scheduler: 'credit2', pcpus: [0, 1, 2, 3] }]);
    expect([domain.cpupool, codes]).toEqual([0, []]);
  });

  test('are numbered in tree order, the one of the boot CPU is 0, and the CPUs left form another', () => {
    const chosen = pool('a', '&c2') + pool('b', `&c1 ${C0}`, 'cpupool-sched = "null";');
    const { plan, domain, codes } = parse(chosen, 'domain-cpupool = <&a>;');
    expect(plan.cpupools).toEqual([
      { id: 0, path: '/chosen/b', scheduler: 'null', pcpus: [0, 1] },
      { id: 1, path: '/chosen/a', scheduler: 'credit2', pcpus: [2] },
      { id: 2, scheduler: 'credit2', pcpus: [3] },
    ]);
    expect([domain.cpupool, codes]).toEqual([1, []]);
  });

  test('have the scheduler of the command line where they name none', () => {
    const { plan } = parse(`xen,xen-bootargs = "sched=credit"; ${pool('a', '&c1', 'cpupool-sched = "rtds";')}`);
    expect(plan.cpupools.map(({ scheduler }) => scheduler)).toEqual(['credit', 'rtds']);
  });

  test.each([
    ['a { compatible = "xen,cpupool"; };', 'cpupool-cpus-invalid'],
    ['a { compatible = "xen,cpupool"; cpupool-cpus; };', 'cpupool-cpus-invalid'],
    [pool('a', '77'), 'cpupool-cpus-invalid'],
    [pool('a', '&gic'), 'cpupool-cpus-invalid'],
    [pool('a', '&c1') + pool('b', '&c1 &c2'), 'cpupool-cpu-twice'],
    [pool('a', '&c1', 'cpupool-sched = "credit3";'), 'cpupool-scheduler'],
  ])('%s is reported as %s', (chosen, code) => {
    expect(parse(chosen).codes).toEqual([code]);
  });

  test('that a domain names must exist', () => {
    const { codes, domain } = parse('a: a { compatible = "xen,cpupool"; cpupool-cpus; };', 'domain-cpupool = <&a>;');
    expect(codes).toEqual(['cpupool-cpus-invalid', 'domain-cpupool-invalid']);
    expect(domain.valid).toBe(false);
  });
});

const vcpu = (id: string, affinity: string, name = 'vcpu') =>
  `${name} { compatible = "xen,vcpu"; id = <${id}>; hard-affinity = "${affinity}"; };`;

describe('hard affinity', () => {
  test('is a list of pCPUs for a vCPU', () => {
    const { domain, codes } = parse('', vcpu('1', '3,0-1', 'v1') + vcpu('0', '2', 'v0'));
    expect(domain.hardAffinity).toEqual([
      { vcpu: 0, pcpus: [2] },
      { vcpu: 1, pcpus: [0, 1, 3] },
    ]);
    expect(codes).toEqual([]);
  });

  test('counts as far as the pool of the domain goes', () => {
    const { domain } = parse(pool('a', '&c2 &c3'), `domain-cpupool = <&a>; ${vcpu('0', '1-2')}`);
    expect(domain.hardAffinity).toEqual([{ vcpu: 0, pcpus: [2] }]);
  });

  test('of one vCPU given twice: the last counts', () => {
    const { domain, codes } = parse('', vcpu('0', '1', 'a') + vcpu('0', '2', 'b'));
    expect([domain.hardAffinity, codes]).toEqual([[{ vcpu: 0, pcpus: [2] }], ['vcpu-twice']]);
  });

  test.each([
    [vcpu('2', '0'), 'vcpu-id', 'id is 2; the vCPUs of the domain are 0 to 1'],
    ['vcpu { compatible = "xen,vcpu"; };', 'vcpu-id', 'id is missing; the vCPUs of the domain are 0 to 1'],
    [vcpu('0', '0;1'), 'vcpu-affinity', 'hard-affinity "0;1", column 2: ";" does not belong there'],
    [vcpu('0', '0,,1'), 'vcpu-affinity', 'hard-affinity "0,,1", column 3: a number is expected'],
    [vcpu('0', '3-1'), 'vcpu-affinity', 'hard-affinity "3-1", column 1: the range 3-1 is reversed'],
    [vcpu('0', '4'), 'vcpu-affinity', 'hard-affinity "4", column 1: there is no pCPU 4: they are 0 to 3'],
    [vcpu('0', ''), 'vcpu-affinity', 'hard-affinity "", column 1: a number is expected'],
  ])('%s is reported as %s', (content, code, message) => {
    const { diagnostics, domain } = parse('', content);
    expect(diagnostics.map((one) => [one.code, one.message])).toEqual([[code, message]]);
    expect(domain.valid).toBe(false);
  });

  test('outside of the pool is an error', () => {
    const { codes, domain } = parse(pool('a', '&c2'), vcpu('0', '2'));
    expect([codes, domain.valid]).toEqual([['vcpu-affinity-pool'], false]);
  });
});
