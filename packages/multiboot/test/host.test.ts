import { describe, expect, test } from 'vitest';
import { parseBootPlan } from '../src/index.ts';
import { BASICS, board, brief, KERNEL } from './trees.ts';

const DOMAIN = `domU1 { ${BASICS} ${KERNEL} };`;
const DEVICES = `/ {
  aliases { serial0 = "/pl011@9000000"; };
  pl011@9000000 { compatible = "arm,pl011"; reg = <0 0x9000000 0 0x1000>; interrupts = <0 1 4>; };
  soc { compatible = "simple-bus"; #address-cells = <1>; #size-cells = <1>; ranges = <0x100000 0 0x40100000 0x10000>;
    rtc@100000 { compatible = "arm,pl031"; reg = <0x100000 0x1000>; interrupts-extended = <&gic 0 2 1>; xen,passthrough; };
    far@900000 { reg = <0x900000 0x1000>; };
    off@101000 { reg = <0x101000 0x1000>; status = "disabled"; };
  };
  plain { #address-cells = <1>; #size-cells = <0>; ranges; i2c@1 { reg = <1>; }; };
};`;

describe('devices of the board', () => {
  const { host } = parseBootPlan(board(DOMAIN, DEVICES)).plan;

  test('have registers, as the buses above pass them on, and interrupts', () => {
    expect(host.devices).toEqual([
      {
        path: '/pl011@9000000',
        compatible: ['arm,pl011'],
        registers: [{ start: 0x9000000, size: 0x1000 }],
        interrupts: [{ intid: 33, edge: false }],
        passthrough: false,
      },
      {
        path: '/soc/rtc@100000',
        compatible: ['arm,pl031'],
        registers: [{ start: 0x40100000, size: 0x1000 }],
        interrupts: [{ intid: 34, edge: true }],
        passthrough: true,
      },
    ]);
  });

  test('include the UART that Xen uses, by dtuart, else by stdout-path, as path or alias', () => {
    const uart = (chosen: string) => parseBootPlan(board(`${chosen} ${DOMAIN}`, DEVICES));
    expect(uart('').plan.host.uart).toBeUndefined();
    expect(uart('stdout-path = "serial0:115200n8";').plan.host.uart).toBe('/pl011@9000000');
    expect(uart('xen,xen-bootargs = "dtuart=serial0"; stdout-path = "x";').plan.host.uart).toBe('/pl011@9000000');
    expect(brief(uart('stdout-path = "/uart";'))).toEqual(['uart-missing /chosen stdout-path']);
    expect(brief(uart('xen,xen-bootargs = "dtuart=serial1";'))).toEqual(['uart-missing /chosen xen,xen-bootargs']);
  });
});

describe("Xen's static heap", () => {
  const heap = (value: string, more = '') => parseBootPlan(board(`xen,static-heap = <${value}>; ${more}`));

  test('is where the memory of domains comes from that have none of their own', () => {
    const parsed = heap('0 0x60000000 0 0x8000000', DOMAIN);
    expect(brief(parsed)).toEqual(['static-heap-p2m /chosen xen,static-heap']);
    expect(parsed.plan.host.staticHeap).toEqual([{ start: 0x60000000, size: 0x8000000 }]);
    expect(brief(heap('0 0x60000000 0 0x7ff0000', DOMAIN))).toEqual([
      'domain-memory-exceeds-host /chosen/domU1 memory',
    ]);
  });

  test.each([
    ['0 0x60000000 0', 'static-heap-invalid'],
    ['0 0x60001000 0 0x8000000', 'static-heap-invalid'],
    ['0 0 0 0', 'static-heap-invalid'],
    ['4 0 0 0x8000000', 'static-heap-outside'],
    ['0 0x4f000000 0 0x10000000', 'static-heap-overlap'],
    ['0 0x60000000 0 0x10000000 0 0x68000000 0 0x10000', 'static-heap-overlap'],
  ])('%s is reported as %s', (value, code) => {
    const { diagnostics } = heap(value, DOMAIN);
    expect(diagnostics.map((one) => one.code)).toContain(code);
    for (const { message, remedy } of diagnostics) expect(message + remedy).not.toMatch(/[{}]|undefined|NaN/);
  });
});

describe("Xen's command line", () => {
  const parse = (line: string) => parseBootPlan(board(`xen,xen-bootargs = "${line}"; ${DOMAIN}`));

  test('is read for the options that matter here; the last of a kind counts', () => {
    const line =
      'console=dtuart sched=null sched=credit sched_ratelimit_us=0 maxcpus=2 conswitch=bx console_timestamps=boot loglvl=all guest_loglvl=none/all dom0_mem=1G no-bootscrub';
    const { plan, diagnostics } = parse(line);
    expect(diagnostics).toEqual([]);
    expect(plan.xenCommandLine).toBe(line);
    expect(plan.xenOptions).toEqual({
      scheduler: 'credit',
      schedRatelimitUs: 0,
      maxCpus: 2,
      conswitch: 'bx',
      timestamps: 'boot',
      logsGuests: true,
    });
  });

  test.each([
    ['shced=null', 'xen-option-unknown', 'Xen has no option shced; did you mean sched?'],
    ['root=/dev/sda', 'xen-option-unknown', 'Xen has no option root'],
    ['sched=cfs', 'xen-option-invalid', 'sched=cfs: expected one of credit2'],
    ['maxcpus=0', 'xen-option-invalid', 'maxcpus=0: expected a number'],
    ['sched_ratelimit_us=99', 'xen-option-invalid', 'sched_ratelimit_us=99: expected 0'],
    ['console=hvc0', 'xen-option-invalid', 'console=hvc0: expected dtuart'],
  ])('%s is reported as %s', (line, code, message) => {
    const { diagnostics } = parse(line);
    expect(diagnostics.map((one) => one.code)).toEqual([code]);
    expect(diagnostics[0]!.message).toContain(message);
  });
});
