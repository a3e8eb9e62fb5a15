import { describe, expect, it } from 'vitest';
import { exclusiveMonitor } from '../src/smp/monitor.ts';
import { CODE, DATA, Machine, VECTORS } from './machine.ts';

const m = new Machine();
/** Runs at EL1 with x0 = DATA, whose first words are 5 and 6; gives w9. */
function run(source: string): bigint {
  m.start();
  m.write64(DATA, 5n);
  m.write64(DATA + 8, 6n);
  m.set('x0', BigInt(DATA));
  m.set('x9', 99n);
  expect(m.exec(source, 1).vector).toBe(-1);
  return m.get('x9');
}

describe('exclusives', () => {
  it.each([
    ['ldxr x1, [x0]\nadd x1, x1, #1\nstxr w9, x1, [x0]', 0n, 6n],
    ['ldaxr w1, [x0]\nadd w1, w1, #1\nstlxr w9, w1, [x0]', 0n, 6n],
    ['ldxrb w1, [x0]\nmov w1, #255\nstxrb w9, w1, [x0]', 0n, 255n],
    ['ldxrh w1, [x0]\nmov w1, #-1\nstxrh w9, w1, [x0]', 0n, 0xffffn],
    // No claim, a claim that was given up or used up, another size, another place.
    ['stxr w9, x0, [x0]', 1n, 5n],
    ['ldxr x1, [x0]\nclrex\nstxr w9, x0, [x0]', 1n, 5n],
    ['ldxr x1, [x0]\nmov x2, #7\nstxr w9, x2, [x0]\nstxr w9, x0, [x0]', 1n, 7n],
    ['ldxr w1, [x0]\nstxr w9, x0, [x0]', 1n, 5n],
    ['ldxr x1, [x0]\nadd x3, x0, #8\nstxr w9, x0, [x3]', 1n, 5n],
    ['ldxr x1, [x0]\nadd x3, x0, #8\nldxr x1, [x3]\nstxr w9, x0, [x0]', 1n, 5n],
    // Another write came between.
    ['ldxr x1, [x0]\nmov x2, #8\nstr x2, [x0]\nstxr w9, x0, [x0]', 1n, 8n],
  ])('%s: status %i, memory %i', (source, status, memory) => {
    expect(run(source)).toBe(status);
    expect(m.read64(DATA)).toBe(memory);
  });

  it('pairs: 2 x 64 and 2 x 32 bits, stored only if both halves are as they were', () => {
    expect(run('ldxp x1, x2, [x0]\nstxp w9, x2, x1, [x0]')).toBe(0n);
    expect([m.read64(DATA), m.read64(DATA + 8), m.get('x1'), m.get('x2')]).toEqual([6n, 5n, 5n, 6n]);
    expect(run('ldxp x1, x2, [x0]\nmov x3, #9\nstr x3, [x0, #8]\nstlxp w9, x2, x1, [x0]')).toBe(1n);
    expect([m.read64(DATA), m.read64(DATA + 8)]).toEqual([5n, 9n]);
    expect(
      run(
        'mov x1, #0x300000004\nstr x1, [x0]\nldaxp w1, w2, [x0]\nstxp w9, w2, w1, [x0]'.replace(
          'mov x1, #0x300000004',
          'mov x1, #4\nmovk x1, #3, lsl #32',
        ),
      ),
    ).toBe(0n);
    expect(m.read64(DATA)).toBe(0x400000003n);
  });

  it('an exception return gives up the claim; taking an exception alone does not lose it', () => {
    m.start();
    m.program('eret', VECTORS + 0x200);
    m.set('x0', BigInt(DATA));
    expect(m.exec('ldxr x1, [x0]\nsvc #0\nstxr w9, x1, [x0]', 1).vector).toBe(-1);
    expect(m.get('x9')).toBe(1n);
    m.write(VECTORS + 0x200, [0xd4000002]);
  });

  it('CASP compares and swaps both, and gives back what was there', () => {
    run('mov x2, #5\nmov x3, #6\nmov x4, #1\nmov x5, #2\ncasp x2, x3, x4, x5, [x0]');
    expect([m.read64(DATA), m.read64(DATA + 8)]).toEqual([1n, 2n]);
    run('mov x2, #5\nmov x3, #7\nmov x4, #1\nmov x5, #2\ncaspal x2, x3, x4, x5, [x0]');
    expect([m.read64(DATA), m.read64(DATA + 8), m.get('x2'), m.get('x3')]).toEqual([5n, 6n, 5n, 6n]);
  });

  it.each([
    ['ldxrb w1, [x1]', 3, 1],
    ['ldxrh w1, [x1]', 6, 2],
    ['ldaxr w1, [x1]', 4, 4],
    ['ldxr x1, [x1]', 8, 8],
    ['ldxp w1, w2, [x1]', 8, 8],
    ['ldxp x1, x2, [x1]', 0, 16],
  ])(
    '%s: a host sees what another vCPU stores to the bytes that are marked, and to no others',
    (load, offset, bytes) => {
      const words = new Int32Array(m.view.buffer);
      m.start();
      const at = m.at(DATA);
      m.bytes.fill(0xa5, at, at + 32);
      m.set('x1', BigInt(DATA + offset));
      m.exec('clrex');
      expect(exclusiveMonitor(words, m.vcpu)).toBe('open');
      m.exec(load);
      for (let n = 0; n < 32; n++) {
        m.bytes[at + n]! ^= 1;
        const marked = n >= offset && n < offset + bytes;
        expect([n, exclusiveMonitor(words, m.vcpu)]).toEqual([n, marked ? 'overwritten' : 'exclusive']);
        m.bytes[at + n]! ^= 1;
      }
    },
  );

  it('with the MMU off they work on RAM, and on a device they abort', () => {
    m.start();
    m.set('SCTLR_EL1', m.get('SCTLR_EL1') & ~1n);
    m.set('x0', BigInt(DATA));
    m.write64(DATA, 5n);
    expect(m.exec('ldxr x1, [x0]\nstxr w9, x0, [x0]', 1).vector).toBe(-1);
    expect([m.get('x9'), m.read64(DATA)]).toEqual([0n, BigInt(DATA)]);
    m.set('x0', 0x1000n);
    expect(m.exec('ldxr x1, [x0]', 1)).toMatchObject({ vector: 0x200, elr: BigInt(CODE), far: 0x1000n });
  });
});
