/** Debian's kernel with a GICv3. Fails where its packages can't be had. */
import { expect, it } from 'vitest';
import { Folder } from './boards.ts';
import { bootGic, interruptsOf } from './gic-boards.ts';

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
