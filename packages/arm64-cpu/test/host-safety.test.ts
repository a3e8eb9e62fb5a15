import { Stage2Tables } from '@dom0less/arm64-mmu';
import { describe, expect, it } from 'vitest';
import { assemble } from '../src/asm/assemble.ts';
import { compileCore } from '../src/core-module.ts';
import { ENCODINGS } from '../src/encodings.ts';
import { Engine } from '../src/engine.ts';
import { BLOCK_BYTES, BLOCK_TABLE, CONSTANTS_BASE, CONSTANTS_LIMIT, pcpuBytes } from '../src/layout.ts';
import { stateOffset } from '../src/state.ts';
import { CODE, DATA, DEVICE, EL0, Machine, NORMAL } from './machine.ts';

function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

describe('no guest action reads or writes outside of the guest', () => {
  it('an empty TLB entry is hit by no address, whatever its bits', () => {
    const m = new Machine();
    for (const byte of ['80', '81', '00', 'ff', '7f', 'c0']) {
      const pattern = BigInt(`0x${byte.repeat(8)}`);
      const places = [
        pattern,
        pattern & ~0xfffn,
        (pattern & ~0x1ffffffn) | 0x1000n,
        pattern | 0x1000000n,
        (pattern & ~0x1ffffffn) | 0x1001001n,
        pattern & ~0x1000000n,
      ];
      for (const va of places) {
        for (const access of [
          'ldrb w1, [x0]',
          'ldr x1, [x0]',
          'strb w1, [x0]',
          'ldr q1, [x0]',
          'stp x1, x2, [x0]',
          'ldur x1, [x0, #1]',
          'dc zva, x0',
          'br x0',
        ]) {
          m.start();
          m.set('x0', va);
          const taken = m.exec(access);
          expect([access, va.toString(16), taken.vector, taken.esr >> 29n]).toEqual([
            access,
            va.toString(16),
            0x200,
            4n,
          ]);
        }
      }
    }
  });

  it('nor an entry that TLBI emptied', () => {
    const m = new Machine();
    for (const page of [0x7000_0000n, 0x7000_1000n, 0x7100_0000n, 0x7100_1000n]) {
      m.tables.map(page, DATA, NORMAL | EL0);
      m.set('x0', page);
      m.set('x1', page >> 12n);
      m.exec('ldr x2, [x0]\nstr x2, [x0]\ntlbi vae1, x1');
      m.tables.unmap(page);
      const index = page & 0x1fff000n;
      for (const pattern of [0x8080808080808080n, 0x8181818181818181n]) {
        m.set('x0', (pattern & ~0x1ffffffn) | index);
        expect(m.exec('ldrb w2, [x0]').vector).toBe(0x200);
        m.set('x0', (pattern & ~0x1ffffffn) | index);
        expect(m.exec('strb w2, [x0]').vector).toBe(0x200);
      }
    }
  });

  it('random instructions with random registers at both levels leave everything else as it was, and end', {
    timeout: 60_000,
  }, () => {
    const next = random(7);
    const m = new Machine({
      ramMiB: 16,
      codePages: 4,
      host: { mmio: () => (next() & 1) === 0, counter: () => next() },
    });
    const hidden = () => [
      m.bytes.slice(CONSTANTS_BASE, CONSTANTS_LIMIT),
      m.bytes.slice(BLOCK_TABLE, BLOCK_TABLE + 0x200000),
      m.bytes.slice(m.at(0x4000_0000 + 16 * 2 ** 20)),
    ];
    const before = hidden();
    m.tables.map(0x7000_0000n, DATA, NORMAL | EL0);
    m.tables.map(0x7100_0000n, 0x0900_0000, DEVICE | EL0);
    const tables = m.bytes.slice(m.at(0x4010_0000), m.at(0x4020_0000));
    const places = [
      0n,
      0x7000_0ff8n,
      0x7000_0fffn,
      0x7100_0000n,
      BigInt(DATA),
      BigInt(DATA + 0x1ffff8),
      BigInt(CODE + 0x40),
      2n ** 64n - 4n,
      0x8080808080808080n,
      0x8181818181818181n,
    ];
    const register = () => {
      const place = places[next() % (places.length * 2)];
      return place ?? (BigInt(next()) << 32n) | BigInt(next());
    };
    // Not WFI, HVC and SMC, which end a run.
    const rows = ENCODINGS.filter((e) => !['WFI', 'HVC', 'SMC'].includes(e.row.name));
    for (let round = 0; round < 1500; round++) {
      m.bytes.set(tables, m.at(0x4010_0000));
      m.start();
      m.set('CPACR_EL1', BigInt(next() & 3) << 20n);
      const words = Array.from({ length: 48 }, () => {
        const { pattern } = rows[next() % rows.length]!;
        return next() % 10 === 0 ? next() : ((next() & ~pattern.mask) | pattern.match) >>> 0;
      });
      m.write(CODE, words);
      m.level((round & 1) as 0 | 1);
      for (let n = 0; n <= 30; n++) m.set(`x${n}`, register());
      m.set('sp', register());
      m.set('pc', BigInt(CODE));
      for (let slice = 0; slice < 3; slice++) m.go(300);
    }
    expect(m.get('instructions')).toBeGreaterThan(0n);
    for (const [n, region] of hidden().entries()) expect(Buffer.compare(region, before[n]!)).toBe(0);
  });
});

describe('memory offsets from 2 GiB on', () => {
  it('vCPU, pCPU area and RAM may lie there', () => {
    const GIB2 = 2 ** 31;
    const memory = new WebAssembly.Memory({ initial: 0x9000, maximum: 0x9000, shared: true });
    const view = new DataView(memory.buffer);
    const bytes = new Uint8Array(memory.buffer);
    const vcpu = GIB2 + 0x10000;
    const pcpu = GIB2 + 0x20000;
    const ram = GIB2 + Math.ceil((0x20000 + pcpuBytes(2)) / BLOCK_BYTES) * BLOCK_BYTES;
    const base = 0x4000_0000;
    const at = (pa: number) => ram + pa - base;
    for (const n of [0, 1, 2]) view.setUint32(BLOCK_TABLE + 4 * (base / BLOCK_BYTES + n), ram + n * BLOCK_BYTES, true);
    const seen: unknown[] = [];
    const engine = new Engine({
      memory,
      core: compileCore(),
      pcpu,
      codePages: 2,
      host: {
        backBlock: () => 0,
        mmio: (cpu, ipa, size, isWrite, valueAt) => {
          seen.push([cpu === vcpu, ipa, size, isWrite]);
          if (isWrite) seen.push(view.getUint32(valueAt, true));
          else view.setUint32(valueAt, 0x55, true);
          return true;
        },
        hypercall: (cpu) => {
          view.setInt32(cpu + stateOffset('exitRequest'), 1, true);
          return true;
        },
        counter: (cpu) => (cpu === vcpu ? 77 : 0),
        timerWritten: (cpu) => void seen.push(cpu === vcpu),
      },
    });
    let next = base + 2 * BLOCK_BYTES;
    const take = (n: number) => {
      next += n * 4096;
      return next - n * 4096;
    };
    const stage2 = new Stage2Tables({
      memory: {
        readDescriptor: (pa) => view.getBigUint64(at(pa), true),
        writeDescriptor: (pa, v) => view.setBigUint64(at(pa), v, true),
        allocTablePage: () => take(1),
        allocRootPages: take,
      },
    });
    stage2.map(base, base, 2 * BLOCK_BYTES, { read: true, write: true, execute: true, memoryType: 'normal' });
    const set = (name: string, v: bigint) => view.setBigUint64(vcpu + stateOffset(name), v, true);
    const get = (name: string) => view.getBigUint64(vcpu + stateOffset(name), true);
    set('VTTBR_EL2', stage2.VTTBR_EL2);
    set('VTCR_EL2', stage2.VTCR_EL2);
    set('CPACR_EL1', 3n << 20n);
    view.setInt32(vcpu + stateOffset('el'), 1, true);
    view.setInt32(vcpu + stateOffset('spsel'), 1, true);
    // One gigabyte block of Normal memory, and itself at the other end for devices.
    view.setBigUint64(at(base + 0x100000) + 8, BigInt(base) | NORMAL | 1n, true);
    view.setBigUint64(at(base + 0x100000), DEVICE | 1n, true);
    set('TTBR0_EL1', BigInt(base + 0x100000));
    set('TCR_EL1', 25n | (1n << 23n) | (4n << 32n));
    set('MAIR_EL1', 0xffn);
    set('SCTLR_EL1', 0x30d5d81dn & ~(1n << 19n));
    // Writes data, calls pages that evict each other, changes code, crosses a page, uses a device and a timer.
    const source = `
      ldr x0, =${base + 0x5000}
      ldr x16, =${base + 0x5ff9}
      mov x10, #0
      mov x3, #100
loop: str x3, [x16]
      ldr x4, [x16]
      add x10, x10, x4
      bl ${base + 0x2000}
      bl ${base + 0x3000}
      str w11, [x12]
      add w11, w11, #32
      subs x3, x3, #1
      b.ne loop
      mov x5, #0x9000000
      str w3, [x5]
      ldr w6, [x5, #4]
      msr cntv_cval_el0, x3
      mrs x7, cntvct_el0
      dc zva, x0
      ldaddal x4, x8, [x0]
      hvc #0`;
    bytes.set(assemble(source, { origin: BigInt(base) }).bytes, at(base));
    bytes.set(assemble('mov x13, #0\nadd x14, x14, x13\nret').bytes, at(base + 0x2000));
    bytes.set(assemble('add x15, x15, #1\nret').bytes, at(base + 0x3000));
    set('x11', 0xd280000dn);
    set('x12', BigInt(base + 0x2000));
    set('pc', BigInt(base));
    expect(engine.run(vcpu, 100_000)).toBe('request');
    expect([get('x10'), get('x14'), get('x15'), get('x6'), get('x7'), get('x8')]).toEqual([
      5050n,
      4851n,
      100n,
      0x55n,
      77n,
      0n,
    ]);
    expect(seen).toEqual([[true, 0x900_0000, 4, true], 0, [true, 0x900_0004, 4, false], true]);
    // The host changes code there.
    bytes.set(assemble('mov x13, #5\nadd x14, x14, x13\nret').bytes, at(base + 0x2000));
    engine.invalidateCode(at(base + 0x2000), 12);
    set('x14', 0n);
    set('x30', get('pc') - 4n);
    view.setInt32(vcpu + stateOffset('exitRequest'), 0, true);
    set('pc', BigInt(base + 0x2000));
    expect(engine.run(vcpu, 1000)).toBe('request');
    expect(get('x14')).toBe(5n);
  });
});
