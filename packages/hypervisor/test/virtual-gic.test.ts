import { ICC_REGISTERS } from '@dom0less/vgic';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GUEST_MAP } from '../src/domain/guest-map.ts';
import { gicStateBytes, makeGic } from '../src/domain/virtual-gic.ts';
import { MmioBus } from '../src/pcpu/mmio-bus.ts';

const VALUE_AT = 64;
/** From below the frames to behind the redistributors of 3 vCPUs. */
const FIRST = 0x0300_0ff0;
const LAST = 0x0308_0010;

/** A GIC on a bus, and what it says of its lines. */
function machine(version: 2 | 3) {
  const vcpus = 3;
  const view = new DataView(new ArrayBuffer(128));
  const lines: boolean[][] = [
    [false, false, false],
    [false, false, false],
  ];
  const gic = makeGic(version, {
    buffer: new ArrayBuffer(gicStateBytes(version, vcpus)),
    byteOffset: 0,
    vcpus,
    nrSpis: 64,
    onIrq: (vcpu, level) => {
      lines[0]![vcpu] = level;
    },
    onFiq: (vcpu, level) => {
      lines[1]![vcpu] = level;
    },
  });
  gic.reset();
  const bus = new MmioBus(view);
  for (const { at, device } of gic.frames) bus.attach(GUEST_MAP[at], device);
  return { gic, bus, view, lines, vcpus };
}

const anyAccess = fc.record({
  kind: fc.constantFrom('bus' as const, 'register' as const, 'line' as const),
  ipa: fc.oneof(
    fc.integer({ min: FIRST, max: LAST }),
    // Where registers are: the first words of frames, the SGI frames.
    fc.integer({ min: 0, max: 0xfff }).map((offset) => 0x0300_1000 + (offset & ~3)),
    fc.integer({ min: 0, max: 0xfff }).map((offset) => 0x0303_0000 + (offset & ~3)),
  ),
  size: fc.constantFrom(1, 2, 4, 8, 16),
  isWrite: fc.boolean(),
  value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  id: fc.oneof(fc.constantFrom(...ICC_REGISTERS.map(({ id }) => id)), fc.integer({ min: 0, max: 0xffff })),
  vcpu: fc.integer({ min: 0, max: 2 }),
});

describe.each([2, 3] as const)('a domain with a GICv%i', (version) => {
  it('can do nothing to it that throws, whatever it reads and writes; its lines are what was told last', () => {
    fc.assert(
      fc.property(fc.array(anyAccess, { minLength: 1, maxLength: 200 }), (accesses) => {
        const { gic, bus, view, lines, vcpus } = machine(version);
        for (const { kind, ipa, size, isWrite, value, id, vcpu } of accesses) {
          view.setBigUint64(VALUE_AT, value, true);
          if (kind === 'bus') bus.access(ipa, size, isWrite, VALUE_AT, vcpu);
          else if (kind === 'line') gic.setSpi(32 + (ipa % 64), isWrite);
          else if (isWrite) gic.writeRegister(vcpu, id, Number(value & 0xffff_ffffn), Number(value >> 32n));
          else expect(gic.readRegister(vcpu, id)).toBeGreaterThanOrEqual(-1);
        }
        for (let v = 0; v < vcpus; v++) {
          expect([gic.pending(v), gic.pendingFiq(v)]).toEqual([lines[0]![v], lines[1]![v]]);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('has 8-byte accesses only to registers of 64 bits, none of 16 bytes and none across the end of a frame', () => {
    const { bus } = machine(version);
    const found: number[] = [];
    for (let ipa = FIRST; ipa < LAST; ipa += 4) {
      if (bus.access(ipa, 8, false, VALUE_AT, 0)) found.push(ipa);
      if (bus.access(ipa, 16, false, VALUE_AT, 0)) expect.unreachable(`16 bytes at ${ipa}`);
    }
    const routers = Array.from({ length: 988 }, (_, n) => 0x0300_7100 + 8 * n);
    const typers = [0, 1, 2].map((n) => 0x0302_0008 + 0x20000 * n);
    expect(found).toEqual(version === 2 ? [] : [...routers, ...typers]);
    const end = version === 2 ? 0x0300_4000 : 0x0301_1000;
    expect([bus.access(end - 4, 4, false, VALUE_AT, 0), bus.access(end - 2, 4, false, VALUE_AT, 0)]).toEqual([
      true,
      false,
    ]);
  });
});
