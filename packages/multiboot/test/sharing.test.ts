import { describe, expect, test } from 'vitest';
import { parseBootPlan } from '../src/index.ts';
import { BASICS, board, brief, KERNEL } from './trees.ts';

const shm = (id: string, place: string, role = '', name = 'shm') =>
  `${name} { compatible = "xen,domain-shared-memory-v1"; xen,shm-id = "${id}"; xen,shared-mem = <${place}>;
    ${role && `role = "${role}";`} };`;
const PLACE = '0 0x70000000 0 0x48000000 0 0x200000';

/** A board whose domains have these contents. */
const two = (first: string, second: string, chosen = '') =>
  parseBootPlan(board(`${chosen} domU1 { ${BASICS} ${first} ${KERNEL} }; domU2 { ${BASICS} ${second} ${KERNEL} };`));
const codes = (first: string, second: string, chosen = '') => {
  const { diagnostics, plan } = two(first, second, chosen);
  for (const { message, remedy } of diagnostics) expect(message + remedy).not.toMatch(/[{}]|undefined|NaN/);
  return { codes: diagnostics.map(({ code }) => code), valid: plan.domains.map(({ valid }) => valid) };
};

describe('static shared memory', () => {
  test('has a host range, a guest range in each domain, and roles', () => {
    const other = '0 0x70000000 0 0x50000000 0 0x200000';
    const { plan, diagnostics } = two(shm('mem', PLACE, 'owner'), shm('mem', other, 'borrower'));
    expect(diagnostics).toEqual([]);
    const common = { id: 'mem', hostAddress: 0x70000000, size: 0x200000 };
    expect(plan.domains.map(({ sharedMemory }) => sharedMemory)).toEqual([
      [{ ...common, guestAddress: 0x48000000, role: 'owner', path: '/chosen/domU1/shm' }],
      [{ ...common, guestAddress: 0x50000000, role: 'borrower', path: '/chosen/domU2/shm' }],
    ]);
  });

  test('may leave the host address to the hypervisor, and roles out', () => {
    const { plan, diagnostics } = two(shm('m', '0 0x50000000 0 0x1000'), shm('m', '0 0x60000000 0 0x1000'));
    expect(diagnostics).toEqual([]);
    expect(plan.domains[1]!.sharedMemory).toEqual([
      { id: 'm', guestAddress: 0x60000000, size: 0x1000, path: '/chosen/domU2/shm' },
    ]);
  });

  test('of dom0 is checked too', () => {
    const found = codes('', '', shm('m', '0 0x50000000 0 0x50000000 0 0x1000'));
    expect(found.codes).toEqual(['shm-alone', 'shm-overlap']);
  });

  const good = shm('m', PLACE);
  test.each([
    ['', good, ['shm-alone'], [true, true]],
    [shm('a-name-with-16-ch', PLACE), '', ['shm-id'], [false, true]],
    [good.replace(/xen,shm-id = "m";/, ''), '', ['shm-id'], [false, true]],
    [shm('m', PLACE, 'lender'), '', ['shm-role'], [false, true]],
    [shm('m', '0x70000000 0x48000000 0x200000'), '', ['shm-length'], [false, true]],
    [shm('m', '0 0x70000800 0 0x48000000 0 0x200000'), '', ['shm-unaligned'], [false, true]],
    [shm('m', '0 0x70000000 0 0x48000000 0 0'), '', ['shm-unaligned'], [false, true]],
    [shm('m', '0xffff 0xfffff000 0 0x48000000 0 0x2000'), '', ['shm-overflow'], [false, true]],
    [good, shm('m', '0 0x70000000 0 0x48000000 0 0x400000'), ['shm-differs'], [true, false]],
    [good, shm('m', '0 0x48000000 0 0x200000'), ['shm-differs'], [true, false]],
    [shm('m', PLACE, 'owner'), shm('m', PLACE, 'owner'), ['shm-owner-twice'], [true, false]],
    [shm('m', PLACE, 'borrower'), shm('m', PLACE, 'borrower'), ['shm-owner-missing'], [true, true]],
    [good, shm('n', PLACE), ['shm-alone', 'shm-alone', 'shm-overlap', 'shm-overlap'], [false, false]],
    [shm('m', '0 0x50000000 0 0x48000000 0 0x1000'), '', ['shm-alone', 'shm-overlap'], [false, true]],
    [shm('m', '2 0 0 0x48000000 0 0x1000'), '', ['shm-alone', 'shm-outside'], [false, true]],
    [shm('m', '0 0x70000000 0 0x47fff000 0 0x200000'), good, ['shm-guest-overlap'], [false, true]],
    [`${good} ${shm('n', '0 0x48100000 0 0x1000', '', 'b')}`, good, ['shm-alone', 'shm-guest-overlap'], [false, true]],
    [`xen,static-mem = <0 0x60000000 0 0x8000000>; direct-map; ${good}`, good, ['shm-direct-map'], [false, true]],
    [
      `${good.replace('role', 'rolle').replace('xen,shm-id', 'rol = "owner"; xen,shm-id')}`,
      good,
      ['property-unknown'],
      [true, true],
    ],
  ] as const)('%s beside %s is reported', (first, second, expected, valid) => {
    expect(codes(first, second)).toEqual({ codes: expected, valid });
  });

  test('takes memory from the pool of the other domains', () => {
    const all = BASICS.replace('0x20000', String((0x80000000 - 0x1000000) / 1024 - 0x20000));
    const parse = (more: string) =>
      brief(parseBootPlan(board(`domU1 { ${BASICS} ${more} ${KERNEL} }; domU2 { ${all} ${more} ${KERNEL} };`)));
    expect(parse('')).toEqual(['p2m-budget /chosen']);
    const high = shm('m', '0 0x70000000 2 0 0 0x200000');
    expect(parse(high)).toEqual(['domain-memory-exceeds-host /chosen/domU2 memory']);
  });
});

const channel = (value: string, name = 'ec', compatible = 'xen,evtchn-v1') =>
  `${name}: ${name} { compatible = "${compatible}"; xen,evtchn = <${value}>; };`;
const PV = 'xen,enhanced = "no-xenstore";';

describe('static event channels', () => {
  test('have two ends that point to each other', () => {
    const { plan, diagnostics } = two(`${PV} ${channel('10 &b', 'a')}`, `${PV} ${channel('11 &a', 'b')}`);
    expect(diagnostics.map(({ code }) => code)).toEqual(Array(4).fill('domain-not-in-effect'));
    const [path, remotePath] = ['/chosen/domU1/a', '/chosen/domU2/b'];
    expect(plan.domains[0]!.eventChannels).toEqual([
      { path, localPort: 10, remotePath, remoteDomain: 2, remotePort: 11 },
    ]);
    expect(plan.domains[1]!.eventChannels).toMatchObject([{ localPort: 11, remoteDomain: 1, remotePort: 10 }]);
  });

  test('may lead to dom0, with any port', () => {
    const { plan } = two(`${PV} ${channel('10 &b', 'a')}`, '', channel('2000 &a', 'b'));
    expect(plan.domains[0]!.eventChannels).toMatchObject([{ remoteDomain: 0, remotePort: 2000 }]);
  });

  const back = channel('1 &a', 'b');
  test.each([
    [channel('10 &b', 'a', 'xen,evtchn'), back, ['evtchn-name']],
    [channel('10', 'a'), back, ['evtchn-value']],
    [channel('0 &b', 'a'), back, ['evtchn-port']],
    [channel('1024 &b', 'a'), back, ['evtchn-port']],
    [`${channel('10 &b', 'a')} ${channel('10 &b', 'c')}`, back, ['evtchn-port-twice']],
    [channel('10 77', 'a'), back, ['evtchn-remote']],
    [channel('10 1', 'a'), back, ['evtchn-remote']],
    [`${channel('10 &b', 'a')} ${channel('11 &b', 'c')}`, back, ['evtchn-one-way']],
  ] as const)('%s beside %s is reported', (first, second, expected) => {
    const { diagnostics } = two(`${PV} ${first}`, `${PV} ${second}`);
    for (const { message, remedy } of diagnostics) expect(message + remedy).not.toMatch(/[{}]|undefined|NaN/);
    const found = diagnostics.map(({ code }) => code).filter((code) => code !== 'domain-not-in-effect');
    expect([...new Set(found)].filter((code) => (expected as readonly string[]).includes(code))).toEqual(expected);
  });

  test('need xen,enhanced', () => {
    expect(codes(channel('10 &b', 'a'), `${PV} ${back}`).codes).toContain('evtchn-not-enhanced');
    expect(brief(two(`${PV} ${channel('10 &b', 'a')}`, `${PV} ${back}`))).not.toContain('evtchn-not-enhanced');
  });
});
