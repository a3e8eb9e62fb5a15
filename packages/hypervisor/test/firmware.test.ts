import { stateOffset, VCPU_BYTES } from '@dom0less/arm64-cpu';
import { beforeEach, describe, expect, it } from 'vitest';
import { callFirmware } from '../src/firmware/conduit.ts';
import type { PsciDomain } from '../src/firmware/psci.ts';
import { CallRegisters } from '../src/firmware/smccc.ts';
import { threefry } from '../src/firmware/threefry.ts';
import { hostEntropy, seededEntropy } from '../src/firmware/trng.ts';

const view = new DataView(new ArrayBuffer(VCPU_BYTES));
const registers = new CallRegisters(view);
let done: string[] = [];
let unhandled: number[] = [];
/** 18 vCPUs, of which 0 and 17 are on. */
const domain: PsciDomain = {
  cpus: 18,
  isOn: (vcpu) => vcpu === 0 || vcpu === 17,
  start: (vcpu, entry, context) => {
    if (vcpu === 0 || vcpu === 17) return false;
    done.push(`start ${vcpu} ${entry.toString(16)} ${context.toString(16)}`);
    return true;
  },
  stop: () => void done.push('stop'),
  suspend: () => void done.push('suspend'),
  shutdown: (state) => void done.push(state),
};

/** Words 0x11111111, 0x22222222, … */
let asked: number[] = [];
const entropy = (words: Uint32Array): void => {
  asked.push(words.length);
  words.forEach((_, n) => {
    words[n] = 0x11111111 * (n + 1);
  });
};

const x = (n: number): bigint => view.getBigInt64(stateOffset(`x${n}`), true);

/** Calls with X0, X1, … and gives X0. */
const call = (...args: (bigint | number)[]): bigint => {
  args.forEach((value, n) => {
    view.setBigUint64(stateOffset(`x${n}`), BigInt.asUintN(64, BigInt(value)), true);
  });
  expect(callFirmware(registers, domain, 0, false, entropy, (id) => unhandled.push(id))).toBe(true);
  return x(0);
};

beforeEach(() => {
  done = [];
  asked = [];
  unhandled = [];
});

describe('PSCI', () => {
  it.each([
    ['VERSION', [0x84000000], 0x10001n],
    ['CPU_ON of an unknown MPIDR', [0xc4000003, 0x200, 0x40000000, 0], -2n],
    ['CPU_ON of a vCPU that is on', [0xc4000003, 0x101, 0x40000000, 0], -4n],
    ['CPU_ON at an unaligned address', [0xc4000003, 1, 0x40000001, 0], -9n],
    ['AFFINITY_INFO of a vCPU that is on', [0xc4000004, 0x101, 0], 0n],
    ['AFFINITY_INFO of a vCPU that is off', [0x84000004, 0x100, 0], 1n],
    ['AFFINITY_INFO of a cluster', [0x84000004, 0x100, 1], 0n],
    ['AFFINITY_INFO of all', [0xc4000004, 0, 3], 0n],
    ['AFFINITY_INFO of a level that is none', [0x84000004, 0, 4], -2n],
    ['MIGRATE_INFO_TYPE', [0x84000006], 2n],
    ['FEATURES of CPU_SUSPEND', [0x8400000a, 0xc4000001], 0n],
    ['FEATURES of SMCCC_VERSION', [0x8400000a, 0x80000000], 0n],
    ['FEATURES of SYSTEM_RESET2', [0x8400000a, 0x84000012], -1n],
  ])('%s', (_, args, value) => {
    expect(call(...args)).toBe(value);
    expect(done).toEqual([]);
  });

  it('starts a vCPU with 64-bit arguments by the 64-bit function, 32-bit ones by the other', () => {
    expect(call(0xc4000003, 0x100, 0x1_4000_0000n, -1n)).toBe(0n);
    expect(call(0x84000003, 1, 0x1_4000_0000n, -1n)).toBe(0n);
    expect(done).toEqual(['start 16 140000000 ffffffffffffffff', 'start 1 40000000 ffffffff']);
  });

  it('looks at the low half of X0 only for the function', () => {
    expect(call(0xffff_ffff_8400_0000n)).toBe(0x10001n);
  });

  it('serves CPU_OFF, CPU_SUSPEND, SYSTEM_OFF, SYSTEM_RESET and the PSCI 0.1 ids of the device tree', () => {
    expect(call(0xc4000001, 0, 0, 0)).toBe(0n);
    for (const id of [0x84000002, 0x84000008, 0x84000009, 1]) call(id);
    expect(call(2, 1, 0x4000_0000)).toBe(0n);
    expect(call(2, 0, 0x4000_0000)).toBe(-2n);
    expect(done).toEqual(['suspend', 'stop', 'poweroff', 'reboot', 'stop', 'start 1 40000000 0']);
  });
});

describe('SMCCC', () => {
  it.each([
    ['VERSION', [0x80000000], 0x10002n],
    ['ARCH_FEATURES of VERSION', [0x80000001, 0x80000000], 0n],
    // Linux reads these as "not affected" (arch/arm64/kernel/proton-pack.c).
    ['ARCH_FEATURES of WORKAROUND_1', [0x80000001, 0x80008000], 1n],
    ['ARCH_FEATURES of WORKAROUND_2', [0x80000001, 0x80007fff], -2n],
    ['ARCH_FEATURES of WORKAROUND_3', [0x80000001, 0x80003fff], 1n],
    ['ARCH_FEATURES of SOC_ID', [0x80000001, 0x80000002], -1n],
    ['WORKAROUND_1', [0x80008000], 0n],
    ["the count of Xen's service", [0x8600ff00], 3n],
    ['the count of the standard service', [0x8400ff00], 20n],
  ])('%s', (_, args, value) => {
    expect(call(...args)).toBe(value);
    expect(unhandled).toEqual([]);
  });

  it("gives Xen's UID, byte by byte, and revision", () => {
    call(0x8600ff01);
    const bytes = new Uint8Array(16);
    const words = new DataView(bytes.buffer);
    for (let n = 0; n < 4; n++) {
      expect(x(n) >= 0n).toBe(true);
      words.setUint32(4 * n, Number(x(n)), true);
    }
    expect(Buffer.from(bytes).toString('hex')).toBe('a71812dcc69843699acf79d18ddee667');
    expect([call(0x8600ff03), x(1)]).toEqual([0n, 1n]);
  });

  it('answers NOT_SUPPORTED to anything else, and tells', () => {
    expect(call(0x84000054)).toBe(-1n);
    expect(call(0xdeadbeef)).toBe(-1n);
    expect(unhandled).toEqual([0x84000054, 0xdeadbeef]);
  });

  it('has one immediate; another is undefined, and hypercalls are not implemented', () => {
    expect(callFirmware(registers, domain, 1, false, entropy, () => {})).toBe(false);
    expect(callFirmware(registers, domain, 0xea1, true, entropy, () => {})).toBe(false);
    expect(callFirmware(registers, domain, 0xea1, false, entropy, () => {})).toBe(true);
    expect(x(0)).toBe(-38n);
  });
});

describe('TRNG', () => {
  it('has version 1.0, a UUID, and says which functions are there', () => {
    expect(call(0x84000050)).toBe(0x10000n);
    for (const id of [0x84000050, 0x84000051, 0x84000052, 0x84000053, 0xc4000053])
      expect(call(0x84000051, id)).toBe(0n);
    for (const id of [0x84000054, 0xc4000050, 0x84000000]) expect(call(0x84000051, id)).toBe(-1n);
    call(0x84000052);
    const words = [0, 1, 2, 3].map((n) => x(n));
    expect(words.every((word) => word >= 0n && word < 2n ** 32n)).toBe(true);
    expect(unhandled).toEqual([]);
  });

  it('gives as many bits as are asked for, the lowest in X3, and zeros above them', () => {
    const bits = (id: number, n: number) => [call(id, n, 9, 9, 9), x(1), x(2), x(3)];
    expect(bits(0xc4000053, 192)).toEqual([0n, 0x6666666655555555n, 0x4444444433333333n, 0x2222222211111111n]);
    expect(bits(0xc4000053, 64)).toEqual([0n, 0n, 0n, 0x2222222211111111n]);
    expect(bits(0xc4000053, 68)).toEqual([0n, 0n, 3n, 0x2222222211111111n]);
    expect(bits(0xc4000053, 4)).toEqual([0n, 0n, 0n, 1n]);
    expect(bits(0x84000053, 96)).toEqual([0n, 0x33333333n, 0x22222222n, 0x11111111n]);
    expect(bits(0x84000053, 40)).toEqual([0n, 0n, 0x22n, 0x11111111n]);
    expect(asked).toEqual([6, 2, 3, 1, 3, 2]);
  });

  it('refuses 0 bits, and more than a call holds', () => {
    for (const [id, n] of [
      [0xc4000053, 0],
      [0xc4000053, 193],
      [0xc4000053, 2n ** 32n + 64n],
      [0x84000053, 97],
    ] as const)
      expect(call(id, n)).toBe(-2n);
    // The upper half of X1 is nothing to a 32-bit call.
    expect(call(0x84000053, 2n ** 32n + 8n)).toBe(0n);
    expect(asked).toEqual([1]);
  });

  it('Threefry gives the words of its authors', () => {
    // Random123's known answers for threefry4x32 with 20 rounds.
    const hex = (words: number[]) => words.map((word) => word.toString(16).padStart(8, '0')).join(' ');
    expect(hex(threefry([0, 0, 0, 0], [0, 0, 0, 0]))).toBe('9c6ca96a e17eae66 fc10ecd4 5256a7d8');
  });

  it('entropy of a seed is the same each time, other for each domain and seed, and goes on; the host has its own', () => {
    const take = (seed: number, id: number, count: number) => {
      let n = 0;
      const source = seededEntropy(seed, id, () => n++);
      return Array.from({ length: count }, () => {
        const words = new Uint32Array(6);
        source(words);
        return words.join();
      });
    };
    expect(take(7, 1, 50)).toEqual(take(7, 1, 50));
    const all = [...take(7, 1, 50), ...take(7, 2, 50), ...take(8, 1, 50), ...take(7 + 2 ** 32, 1, 50)];
    expect(new Set(all).size).toBe(200);
    const words = new Uint32Array(4);
    hostEntropy(words);
    expect(words.some((word) => word !== 0)).toBe(true);
  });
});
