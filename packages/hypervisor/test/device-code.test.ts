import { stateOffset } from '@dom0less/arm64-cpu';
import { ICC, ICC_REGISTERS } from '@dom0less/vgic';
import { PL011_REGISTER, STATE_BYTES } from '@dom0less/vuart';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RING_HEADER_BYTES, WRITTEN } from '../src/console/ring.ts';
import { compileDeviceCode } from '../src/device-code/compile.ts';
import { linkDevices } from '../src/device-code/link.ts';
import { GUEST_MAP } from '../src/domain/guest-map.ts';
import { gicStateBytes, makeGic } from '../src/domain/virtual-gic.ts';
import { BoardMemory } from '../src/memory/board-memory.ts';
import { CONTROL, OUTPUT_RING_BYTES, VCPU_CONTROL, VCPU_RUN } from '../src/memory/layout.ts';
import { makeMemory } from '../src/memory/make-memory.ts';
import { DomainRuntime } from '../src/pcpu/domain-runtime.ts';
import type { PcpuDomain } from '../src/pcpu/init.ts';
import { makePools } from '../src/pcpu/pools.ts';

const FREQUENCY = 1000;
const SCRATCH = stateOffset('scratch0');
const NR_SPIS = 64;

/** What stands in front of the host. */
interface Front {
  mmio(cpu: number, low: number, high: number, size: number, isWrite: number): number;
  systemRegister(cpu: number, id: number, isWrite: number): number;
  timerWritten(cpu: number): void;
  updateTimers(cpu: number, counter: number): number;
}

/** A domain whose vCPUs access its devices, by the host alone or with device code in front of it. */
class Devices {
  readonly memory: BoardMemory;
  readonly domain: DomainRuntime;
  /** How often the host was asked. */
  asked = 0;
  readonly #front: Front;

  constructor(gicVersion: 2 | 3, cpus: number, native: boolean) {
    const { memory, layout } = makeMemory({ pcpus: 2, domains: [{ cpus, gicVersion }], blocksWanted: 0 });
    this.memory = new BoardMemory(memory, layout);
    const board = this.memory;
    const info: PcpuDomain = {
      id: 1,
      name: 'domU',
      cpus,
      nrSpis: NR_SPIS,
      gicVersion,
      console: true,
      map: GUEST_MAP,
      devices: [],
      windows: [],
      openBus: false,
      VTTBR_EL2: 0n,
      VTCR_EL2: 0n,
      CNTVOFF_EL2: 0,
      layout: layout.domains[0]!,
      pool: 0,
      affinity: [],
    };
    const pools = [{ scheduler: 'fair' as const, pcpus: [0, 1] }];
    const { schedulers, vcpus } = makePools(board, { domains: [info], pools, counterFrequency: FREQUENCY });
    const ignore = (): void => {};
    const gic = { buffer: board.view.buffer, byteOffset: info.layout.gic, vcpus: cpus, nrSpis: NR_SPIS };
    makeGic(gicVersion, { ...gic, onIrq: ignore, onFiq: ignore }).reset();
    this.domain = new DomainRuntime(info, {
      memory: board,
      scheduler: schedulers[0]!,
      vcpus: vcpus[0]!,
      frequency: FREQUENCY,
      counter: () => 0,
      pcpu: 0,
      news: { untold: false },
      seed: 1,
      hostEntropy: ignore,
    });
    this.domain.console!.uart.reset();
    for (const { sched } of this.domain.vcpus) {
      sched.run = VCPU_RUN.RUNNABLE;
      sched.deadline = Infinity;
    }
    linkDevices(board, info);
    const host: Front = {
      mmio: (cpu, low, high, size, isWrite) => {
        this.asked++;
        const index = this.#indexOf(cpu);
        const ipa = (high >>> 0) * 2 ** 32 + (low >>> 0);
        return this.domain.bus.access(ipa, size, isWrite !== 0, (cpu >>> 0) + SCRATCH, index) ? 1 : 0;
      },
      systemRegister: (cpu, id, isWrite) => {
        this.asked++;
        return this.domain.systemRegister(this.#indexOf(cpu), id, isWrite !== 0, (cpu >>> 0) + SCRATCH) ? 1 : 0;
      },
      timerWritten: (cpu) => {
        this.asked++;
        const { timers, sched } = this.domain.vcpus[this.#indexOf(cpu)]!;
        const deadline = timers.update(board.doubles[(layout.control + CONTROL.COUNTER) / 8]!);
        if (deadline < board.doubles[(sched.control + VCPU_CONTROL.SLICE_END) / 8]!) sched.requestExit();
      },
      updateTimers: (cpu, counter) => {
        this.domain.vcpus[this.#indexOf(cpu)]!.timers.update(counter);
        return 1;
      },
    };
    const unused = { hostTime: () => 0, counter: () => 0, run: () => 0 };
    const imports = { host: { memory, ...host, ...unused } };
    this.#front = native
      ? (new WebAssembly.Instance(compileDeviceCode(), imports as unknown as WebAssembly.Imports)
          .exports as unknown as Front)
      : host;
  }

  #indexOf(cpu: number): number {
    return this.domain.vcpus.findIndex(({ base }) => base === cpu >>> 0);
  }

  /** The vCPU is in the hands of pCPU 0, the others in those of pCPU 1. */
  runs(vcpu: number): void {
    for (const { sched, index } of this.domain.vcpus) sched.owner = index === vcpu ? 0 : 1;
  }

  /** An access; what was read, or -1 where nothing is there. */
  access(vcpu: number, ipa: number, size: number, value?: number): number {
    const { base } = this.domain.vcpus[vcpu]!;
    const { view } = this.memory;
    view.setUint32(base + SCRATCH, value ?? 0, true);
    const known = this.#front.mmio(base | 0, ipa | 0, Math.floor(ipa / 2 ** 32), size, value === undefined ? 0 : 1);
    if (known === 0) return -1;
    return size === 4 ? view.getUint32(base + SCRATCH, true) : view.getUint8(base + SCRATCH);
  }

  register(vcpu: number, id: number, value?: number): number {
    const { base } = this.domain.vcpus[vcpu]!;
    const { view } = this.memory;
    view.setBigUint64(base + SCRATCH, BigInt(value ?? 0), true);
    const known = this.#front.systemRegister(base | 0, id, value === undefined ? 0 : 1);
    return known === 0 ? -1 : Number(view.getBigUint64(base + SCRATCH, true));
  }

  timer(vcpu: number, register: string, value: number, counter: number): void {
    const { base, sched } = this.domain.vcpus[vcpu]!;
    const { view, doubles, layout } = this.memory;
    doubles[(layout.control + CONTROL.COUNTER) / 8] = counter;
    doubles[(sched.control + VCPU_CONTROL.SLICE_END) / 8] = counter + 20;
    view.setBigUint64(base + stateOffset(register), BigInt(value), true);
    this.#front.timerWritten(base | 0);
  }

  update(vcpu: number, counter: number): number {
    return this.#front.updateTimers(this.domain.vcpus[vcpu]!.base | 0, counter);
  }

  /** All that devices and vCPUs are, but for what only says who did it: ranges of the memory. */
  get #ranges(): [number, number][] {
    const { gic, uart, output, vcpus } = this.memory.layout.domains[0]!;
    const { cpus, gicVersion } = this.domain.info;
    return [
      [gic, gic + gicStateBytes(gicVersion, cpus)],
      [uart, uart + STATE_BYTES],
      [output, output + RING_HEADER_BYTES + 100],
      ...vcpus.map(({ state }): [number, number] => [state, state + SCRATCH]),
      ...vcpus.map(({ control }): [number, number] => [control, control + VCPU_CONTROL.SENT]),
    ];
  }

  /** Memory offsets of bytes that are others than there. */
  differences(there: Devices): number[] {
    const [own, theirs] = [this.memory.bytes, there.memory.bytes];
    const found: number[] = [];
    for (const [from, to] of this.#ranges)
      for (let at = from; at < to; at++) if (own[at] !== theirs[at]) found.push(at);
    return found;
  }
}

/** What one step does, from five numbers; gives what the guest sees. */
type Step = (on: Devices, vcpu: number, a: number, b: number, c: number) => unknown;

const { gicd, gicc, gicr, uart } = GUEST_MAP;
/** Distributor or redistributor: enabled, pending, active, each to be set and cleared; priorities; targets or routes. */
const BITS = [0x100, 0x180, 0x200, 0x280, 0x300, 0x380] as const;

const COMMON: readonly Step[] = [
  (on, vcpu, a, b, c) => on.access(vcpu, gicd + BITS[a % BITS.length]! + 4 * (b % 3), 4, 1 << (c & 31)),
  (on, vcpu, a, b) => on.access(vcpu, gicd + 0x400 + (a % 96), 1, b & 0xff),
  (on, vcpu, a, b) => on.access(vcpu, gicd + 0xc00 + 4 * (a % 6), 4, b),
  (on, vcpu, a) => on.access(vcpu, gicd, 4, a & 3),
  // UART: data and flags most of all.
  (on, vcpu, _, b) => on.access(vcpu, uart + PL011_REGISTER.UARTDR, [1, 2, 4][b % 3]!, b & 0xff),
  (on, vcpu, a) => on.access(vcpu, uart + PL011_REGISTER.UARTFR, [1, 2, 4, 8][a % 4]!),
  (on, vcpu, a, b) => on.access(vcpu, uart + 4 * (a % 20), 4, b & 0x7ff),
  (on, vcpu, a) => on.access(vcpu, uart + 4 * (a % 20), 4),
  (on, _, a) => on.domain.console!.uart.setTransmitReady(a % 3 !== 0),
  (on, _, a) => on.domain.console!.uart.receive(new Uint8Array(a % 40)),
  // Timers: registers, and time that goes by.
  (on, vcpu, a, b, c) => on.timer(vcpu, `CNT${'VP'[a % 2]}_CTL_EL0`, b % 4, c % 100),
  (on, vcpu, a, b, c) => on.timer(vcpu, `CNT${'VP'[a % 2]}_CVAL_EL0`, b % 100, c % 100),
  (on, vcpu, _, b, c) => on.timer(vcpu, 'CNTVOFF_EL2', b % 20, c % 100),
  (on, vcpu, a) => on.update(vcpu, a % 120),
];

const V2: readonly Step[] = [
  ...COMMON,
  (on, vcpu) => on.access(vcpu, gicc + 0x0c, 4),
  (on, vcpu) => on.access(vcpu, gicc + 0x0c, 4, on.access(vcpu, gicc + 0x0c, 4)),
  (on, vcpu) => on.access(vcpu, gicc + 0x10, 4, on.access(vcpu, gicc + 0x0c, 4)),
  (on, vcpu, a) => on.access(vcpu, gicc + 0x10, 4, a % 1100),
  (on, vcpu, a, b) => on.access(vcpu, gicc + 4 * (a % 12), 4, b & 0x3ff),
  (on, vcpu, a, b) => on.access(vcpu, gicc + (a % 64), [1, 2, 4, 8][b % 4]!),
  (on, vcpu, _, b) => on.access(vcpu, gicc, 4, b % 4 === 0 ? 0x200 : b % 5 === 0 ? 0x201 : 1),
  (on, vcpu, a, b) => on.access(vcpu, gicd + 0xf00, 4, ((a & 3) << 16) | (b & 15)),
  (on, vcpu, a, b) => on.access(vcpu, gicd + 0x820 + (a % 64), 1, b & 3),
  (on, vcpu, a, b) => on.access(vcpu, gicc + 0x08, 4, b & 7) + on.access(vcpu, gicd + 0x204 + 4 * (a % 2), 4, b),
];

const V3: readonly Step[] = [
  ...COMMON,
  (on, vcpu) => on.register(vcpu, ICC.ICC_IAR1_EL1),
  (on, vcpu) => on.register(vcpu, ICC.ICC_EOIR1_EL1, on.register(vcpu, ICC.ICC_IAR1_EL1)),
  (on, vcpu, a) => on.register(vcpu, ICC.ICC_EOIR1_EL1, a % 1100),
  (on, vcpu, _, b) => on.register(vcpu, ICC.ICC_PMR_EL1, b & 0xff),
  (on, vcpu) => on.register(vcpu, ICC.ICC_PMR_EL1),
  (on, vcpu) => on.register(vcpu, ICC.ICC_IAR0_EL1),
  (on, vcpu) => on.register(vcpu, ICC.ICC_IAR1_EL1),
  (on, vcpu, a, b) => on.register(vcpu, [ICC.ICC_BPR0_EL1, ICC.ICC_BPR1_EL1, ICC.ICC_CTLR_EL1][a % 3]!, b & 7),
  (on, vcpu, a, b) => on.access(vcpu, gicd + 0x204 + 4 * (a % 2), 4, b),
  (on, vcpu, a) => on.register(vcpu, ICC_REGISTERS[a % ICC_REGISTERS.length]!.id),
  (on, vcpu, a, b) => on.register(vcpu, ICC_REGISTERS[a % ICC_REGISTERS.length]!.id, b & 0xff),
  (on, vcpu, a, b, c) => {
    const frame = gicr + 0x2_0000 * vcpu + 0x1_0000;
    return on.access(vcpu, frame + BITS[a % BITS.length]!, 4, b % 2 === 0 ? 1 << (c & 31) : c);
  },
  (on, vcpu, a, b) => on.access(vcpu, gicr + 0x2_0000 * vcpu + 0x1_0400 + (a % 32), 1, b & 0xff),
  (on, vcpu, _, b) => on.access(vcpu, gicr + 0x2_0000 * vcpu + 0x1_0080, 4, b),
  (on, vcpu, _, b) => on.access(vcpu, gicr + 0x2_0000 * vcpu + 0x14, 4, b % 5 === 0 ? 2 : 0),
  // GICR_ICFGR1: PPIs that are edge-triggered, as those of the timers.
  (on, vcpu, _, b) => on.access(vcpu, gicr + 0x2_0000 * vcpu + 0x1_0c04, 4, b),
  (on, vcpu, a, b) => on.access(vcpu, gicd + 0x84 + 4 * (a % 2), 4, b),
  (on, vcpu, a, b) => on.access(vcpu, gicd + 0x6100 + 8 * (a % 64), 4, b % 3 === 0 ? 0x8000_0000 : b % 2),
];

/** All enabled, as a kernel has it. */
function enableAll(on: Devices): void {
  on.domain.vcpus.forEach((_, vcpu) => {
    on.access(vcpu, gicd, 4, 3);
    if (on.domain.info.gicVersion === 2) {
      on.access(vcpu, gicd + 0x100, 4, 0xffff_ffff);
      on.access(vcpu, gicc, 4, 1);
      on.access(vcpu, gicc + 4, 4, 0xf0);
    } else {
      on.access(vcpu, gicr + 0x2_0000 * vcpu + 0x1_0100, 4, 0xffff_ffff);
      on.register(vcpu, ICC.ICC_PMR_EL1, 0xf0);
      on.register(vcpu, ICC.ICC_IGRPEN1_EL1, 1);
      on.register(vcpu, ICC.ICC_IGRPEN0_EL1, 1);
    }
    on.access(vcpu, gicd + 0x104, 4, 0xffff_ffff);
  });
  // SPIs go to all, of all priorities.
  for (let n = 0; n < NR_SPIS; n++) {
    on.access(0, gicd + 0x420 + n, 1, (n * 40) & 0xf8);
    on.access(0, gicd + 0x820 + n, 1, 3);
  }
}

describe.each([
  [2, 1, V2],
  [2, 2, V2],
  [3, 1, V3],
  [3, 2, V3],
] as const)('device code, GICv%i, vCPUs %i', (version, cpus, steps) => {
  it('leaves devices and guests as the host does', () => {
    const one = fc.tuple(fc.nat(steps.length - 1), fc.nat(cpus - 1), fc.nat(), fc.nat(), fc.nat());
    const [host, front] = [new Devices(version, cpus, false), new Devices(version, cpus, true)];
    const fresh = host.memory.bytes.slice(host.memory.layout.control, host.memory.layout.pcpus[0]);
    let served = 0;
    let asked = 0;
    const property = fc.property(fc.array(one, { minLength: 30, maxLength: 120 }), fc.nat(9), (list, room) => {
      for (const on of [host, front]) {
        on.memory.bytes.set(fresh, on.memory.layout.control);
        on.memory.words[(on.memory.layout.domains[0]!.output + WRITTEN) >>> 2] = OUTPUT_RING_BYTES - 1 - room;
        enableAll(on);
      }
      host.asked = 0;
      front.asked = 0;
      for (const [step, vcpu, a, b, c] of list) {
        for (const on of [host, front]) on.runs(vcpu);
        const [is, shall] = [front, host].map((on) => steps[step]!(on, vcpu, a, b, c));
        expect(is).toEqual(shall);
        expect(front.differences(host)).toEqual([]);
      }
      served += host.asked - front.asked;
      asked += host.asked;
    });
    fc.assert(property, { numRuns: 500 });
    expect(served / asked).toBeGreaterThan(0.15);
  });
});

it('device code ignores ICC_EOIR1_EL1 while an interrupt of group 0 runs, as the host does', () => {
  const [host, front] = [new Devices(3, 1, false), new Devices(3, 1, true)];
  for (const on of [host, front]) {
    on.runs(0);
    enableAll(on);
    // SPI 40 is of group 1 and lower priority, SPI 41 of group 0.
    on.access(0, gicd + 0x84, 4, 1 << 8);
    on.access(0, gicd + 0x400 + 40, 1, 0x80);
    on.access(0, gicd + 0x400 + 41, 1, 0x10);
    on.access(0, gicd + 0x204, 4, 1 << 8);
    expect(on.register(0, ICC.ICC_IAR1_EL1)).toBe(40);
    on.access(0, gicd + 0x204, 4, 1 << 9);
    expect(on.register(0, ICC.ICC_IAR0_EL1)).toBe(41);
    on.register(0, ICC.ICC_EOIR1_EL1, 40);
    expect(on.register(0, ICC.ICC_RPR_EL1)).toBe(0x10);
    on.register(0, ICC.ICC_EOIR0_EL1, 41);
    expect(on.register(0, ICC.ICC_RPR_EL1)).toBe(0x80);
  }
  expect(front.differences(host)).toEqual([]);
});

it('device code leaves to the host what is under a lock that another thread holds', () => {
  const on = new Devices(2, 1, true);
  enableAll(on);
  on.asked = 0;
  const { gic, uart: state } = on.memory.layout.domains[0]!;
  on.memory.words[state >>> 2] = 1;
  on.memory.words[gic >>> 2] = 1;
  const free = (): void => {
    on.memory.words[state >>> 2] = 0;
    on.memory.words[gic >>> 2] = 0;
  };
  const access = on.domain.bus.access.bind(on.domain.bus);
  on.domain.bus.access = (...args) => {
    free();
    return access(...args);
  };
  on.access(0, uart + PL011_REGISTER.UARTDR, 4, 0x41);
  expect(on.asked).toBe(1);
  on.memory.words[gic >>> 2] = 1;
  expect(on.access(0, gicc + 0x0c, 4)).toBe(1023);
  expect(on.asked).toBe(2);
  on.access(0, uart + PL011_REGISTER.UARTDR, 4, 0x42);
  expect(on.access(0, gicc + 0x0c, 4)).toBe(1023);
  expect(on.asked).toBe(2);
});
