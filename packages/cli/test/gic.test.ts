/** Debian's kernel with a GICv3. Fails where its packages can't be had. */
import { expect, it } from 'vitest';
import { Folder } from './boards.ts';
import { bootGic, interruptsOf, QUESTIONS } from './gic-boards.ts';

const SECONDS = 180;
const folder = new Folder();

it("Debian's kernel boots on a board with a GICv3, beside a domain that has a GICv2 by its own wish", {
  timeout: (SECONDS + 120) * 1000,
}, async () => {
  const { code, consoles, stderr } = await bootGic(folder, 'v3', [{ cpus: 1 }, { cpus: 1, gic: 'v2' }], SECONDS);
  expect([code, stderr.includes('error')]).toEqual([0, false]);
  const [v3, v2] = consoles.map(interruptsOf);
  expect([v3!.nproc, v3!.controller]).toEqual([1, 'GICv3']);
  expect([v2!.nproc, v2!.controller]).toEqual([1, 'GIC-0']);
  for (const { timer, uart } of [v3!, v2!]) {
    expect(timer[0]).toBeGreaterThan(0);
    expect(uart[0]).toBeGreaterThan(0);
  }
});

it('Linux moves an SPI to the CPU that smp_affinity names, by GICD_IROUTER and by GICD_ITARGETSR', {
  timeout: (SECONDS + 120) * 1000,
}, async () => {
  const count = (name: string): string => `echo ${name}""-$(grep uart-pl011 /proc/interrupts)`;
  const move = (mask: number): string =>
    `n=$(awk -F: '/uart-pl011/ {print $1 + 0}' /proc/interrupts); echo ${mask} > /proc/irq/$n/smp_affinity`;
  // What is typed, and what it prints, interrupts.
  const lines = [`${move(2)}; ${count('A')}`, `${count('B')}; ${move(1)}; ${count('C')}`, `${count('D')}; poweroff -f`];
  const domains = [{ cpus: 2 }, { cpus: 2, gic: 'v2' as const }];
  const { code, consoles, stderr } = await bootGic(folder, 'v3', domains, SECONDS, lines);
  expect([code, stderr.includes('error')]).toEqual([0, false]);
  for (const console of consoles) {
    const on = (name: string): number[] =>
      new RegExp(`^${name}-\\s*\\d+:\\s*(\\d+)\\s+(\\d+)\\s`, 'm').exec(console)!.slice(1).map(Number);
    const [a, b, c, d] = ['A', 'B', 'C', 'D'].map(on) as [number[], number[], number[], number[]];
    expect([b[0]! - a[0]!, b[1]! > a[1]!]).toEqual([0, true]);
    expect([d[0]! > c[0]!, d[1]! - c[1]!]).toEqual([true, 0]);
  }
});

it('direct-map domains see GIC and UART where the board has them, a GICv3 with two vCPUs and by its own wish a GICv2', {
  timeout: (SECONDS + 120) * 1000,
}, async () => {
  const domains = [
    { cpus: 2, directAt: 0x6000_0000 },
    { cpus: 1, gic: 'v2' as const, directAt: 0x7000_0000 },
  ];
  const lines = [`grep -E 'RAM|sbsa|GIC' /proc/iomem; ${QUESTIONS}`];
  const { code, consoles, stderr } = await bootGic(folder, 'v3', domains, SECONDS, lines);
  expect([code, stderr.includes('error')]).toEqual([0, false]);
  const [v3, v2] = consoles.map(interruptsOf);
  expect([v3!.nproc, v3!.controller]).toEqual([2, 'GICv3']);
  expect([v2!.nproc, v2!.controller]).toEqual([1, 'GIC-0']);
  for (const { timer, uart } of [v3!, v2!]) {
    expect(timer.every((count) => count > 0)).toBe(true);
    expect(uart[0]).toBeGreaterThan(0);
  }
  expect(consoles[0]).toMatch(/^60000000-6bffffff : System RAM/m);
  expect(consoles[0]).toMatch(/^08000000-0800ffff : GICD/m);
  expect(consoles[0]).toMatch(/^080a0000-08ffffff : GICR/m);
  expect(consoles[1]).toMatch(/^70000000-7bffffff : System RAM/m);
  for (const console of consoles) expect(console).toMatch(/^09000000-09000fff : 9000000\.sbsa-uart/m);
});
