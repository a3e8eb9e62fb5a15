import { describe, expect, it } from 'vitest';
import { parseBootPlan } from '../src/index.ts';
import { BASICS, board, parseDomain } from './trees.ts';

const kernel = (bootargs: string, reg = '<0 0x50000000 0 0x1000000>') =>
  `module@50000000 { compatible = "multiboot,kernel", "multiboot,module"; reg = ${reg}; bootargs = "${bootargs}"; };`;
/** A board with one domain: the usual properties, then `content`. */
const parseOne = (content: string) => parseBootPlan(board(`domU1 { ${BASICS} ${content} };`));
const codesOf = (bootargs: string, properties = ''): string[] =>
  parseOne(`${properties} ${kernel(bootargs)}`)
    .diagnostics.map(({ code }) => code)
    .filter((code) => /console|earlycon/.test(code));
const one = (chosen: string) => parseBootPlan(board(chosen)).diagnostics.map(({ code }) => code);

describe('the console', () => {
  it.each([
    ['console=ttyAMA0', []],
    ['console=ttyPS0 console=ttyAMA0,115200', []],
    ['console=ttyPS0', ['domain-console-other']],
    ['console=ttyS0,115200n8 quiet', ['domain-console-other']],
    ['console=hvc0', ['domain-console-other']],
    ['quiet', ['domain-console-unused']],
  ])('%s: %j', (bootargs, codes) => expect(codesOf(bootargs)).toEqual(codes));

  it('hvc0 is one for an enhanced domain, though release builds of Xen hide it', () => {
    expect(codesOf('console=hvc0', 'xen,enhanced = "no-xenstore";')).toEqual(['domain-console-hvc']);
    expect(codesOf('console=hvc0 console=ttyAMA0', 'xen,enhanced = "no-xenstore";')).toEqual([]);
  });

  it.each([
    ['earlycon=pl011,0x22000000', []],
    ['earlycon', []],
    ['earlycon=pl011,mmio32,0x22000000', []],
    ['earlycon=pl011,0x9000000', ['domain-earlycon']],
    ['earlycon=pl011,mmio32,0xff000000', ['domain-earlycon']],
  ])('console=ttyAMA0 %s: %j', (bootargs, codes) => expect(codesOf(`console=ttyAMA0 ${bootargs}`)).toEqual(codes));
});

it('a few KiB of memory were probably meant as MiB', () => {
  const { diagnostics, codes } = parseDomain('memory = <0 512>;');
  expect(codes).toContain('domain-memory-unit');
  expect(diagnostics.find(({ code }) => code === 'domain-memory-unit')).toMatchObject({
    message: 'memory is 512 KiB; did you mean 512 MiB?',
    remedy: 'write memory = <0 0x80000>; the unit is KiB',
  });
  expect(parseDomain('memory = <0 0x1000>;').codes).not.toContain('domain-memory-unit');
});

describe("Xen's pools for stage-2 tables", () => {
  // The board has 2 GiB; its kernel takes 16 MiB of them.
  const domainOf = (memory: string) => `domU1 { ${BASICS.replace('0x20000', memory)} ${kernel('console=ttyAMA0')} };`;

  it('want room beside the domains', () => {
    expect(one(domainOf('0x1ff000'))).toEqual(['domain-memory-exceeds-host']);
    expect(one(domainOf('(0x1fc000 - 0x100)'))).toEqual(['p2m-budget']);
    expect(one(domainOf('0x1f0000'))).toEqual([]);
  });

  it('come from the static heap if there is one', () => {
    const heap = (size: string) => `xen,static-heap = <0 0x60000000 0 ${size}>; ${domainOf('0x20000')}`;
    expect(one(heap('0x8100000'))).toContain('static-heap-p2m');
    expect(one(heap('0x9000000'))).not.toContain('static-heap-p2m');
  });
});

it('a module at the end of RAM is in the way of U-Boot', () => {
  const codes = (reg: string) => parseOne(kernel('console=ttyAMA0', reg)).diagnostics.map(({ code }) => code);
  expect(codes('<0 0xbf800000 0 0x100000>')).toContain('module-near-ram-end');
  expect(codes('<0 0xbe000000 0 0x100000>')).not.toContain('module-near-ram-end');
});

it('a reg that would fit other cells is read so in the message', () => {
  const message = (cells: string, reg: string): string => {
    const basics = BASICS.replace('#address-cells = <2>; #size-cells = <2>;', cells || '$&');
    const { diagnostics } = parseBootPlan(board(`domU1 { ${basics} ${kernel('', reg)} };`));
    return diagnostics.find(({ code }) => code.startsWith('reg-'))!.message;
  };
  const address1 = '#address-cells = <1>; #size-cells = <1>;';
  expect(message(address1, '<0 0x50000000 0 0x1000000>')).toMatch(
    /used: address 0x0, size 0x50000000; with 2 and 2 cells it is address 0x50000000, size 0x1000000$/,
  );
  expect(message('', '<0x50000000 0x1000000>')).toMatch(/with 1 and 1 cells it is address 0x50000000, size 0x1000000$/);
  expect(message('', '<0x50000000>')).toMatch(/need 16$/);
});
