import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCore } from '../src/core-module.ts';
import { Engine, type EngineHost } from '../src/engine.ts';
import { ENGINE_END, pcpuBytes, SHARED_LAST_BITS, SHARED_LOG_HEAD } from '../src/layout.ts';
import { stateOffset, VCPU_BYTES } from '../src/state.ts';
import { CODE, DATA, Machine, NORMAL, NOT_GLOBAL, READ_ONLY } from './machine.ts';

const PAGE = 0x7000_0000n;
const EXECUTE = 0x7400_0000n;
const PAGES = 6;
const CODE_PAGES = 8;
const core = compileCore();

/** A machine whose memory has room for a second pCPU and a second vCPU, in what would be its last RAM. */
class TwoPcpus extends Machine {
  readonly engines: readonly Engine[];
  readonly second: number;

  constructor() {
    const stop = { view: undefined as DataView | undefined };
    const hypercall = (vcpu: number): boolean => {
      stop.view!.setInt32(vcpu + stateOffset('exitRequest'), 1, true);
      return true;
    };
    super({ ramMiB: 64, host: { hypercall } });
    stop.view = this.view;
    const area = this.at(0x4000_0000 + 32 * 2 ** 20);
    this.second = this.vcpu + VCPU_BYTES + 64;
    if (this.second + VCPU_BYTES > ENGINE_END + 0x10000) throw new Error('two vCPUs do not fit');
    const host: EngineHost = {
      backBlock: () => 0,
      mmio: () => false,
      hypercall,
      counter: () => 0,
      timerWritten: () => {},
    };
    if (pcpuBytes(CODE_PAGES) > 30 * 2 ** 20) throw new Error('a second pCPU does not fit');
    const other = new Engine({ memory: this.memory, core, pcpu: area, codePages: CODE_PAGES, host });
    this.engines = [this.engine, other];
  }

  /** Copies the first vCPU's state to the second's. */
  split(): void {
    this.bytes.copyWithin(this.second, this.vcpu, this.vcpu + VCPU_BYTES);
  }

  /** Makes the vCPUs each the only one of its domain, in domains that share the words of SHARED_PRESENT. */
  makeSole(): void {
    for (const vcpu of [this.vcpu, this.second]) this.view.setInt32(vcpu + stateOffset('soleVcpu'), 1, true);
    this.view.setUint16(this.second + stateOffset('VTTBR_EL2') + 6, 2 ** SHARED_LAST_BITS, true);
  }

  /** Runs `source` with x0 and x1 as the vCPU on the pCPU, until HVC; gives its x1. */
  on(pcpu: number, vcpu: number, pc: number, x0: bigint, x1 = 0n): bigint {
    const put = (name: string, value: bigint): void =>
      this.view.setBigUint64(vcpu + stateOffset(name), BigInt.asUintN(64, value), true);
    put('pc', BigInt(pc));
    put('x0', x0);
    put('x1', x1);
    this.view.setInt32(vcpu + stateOffset('exitRequest'), 0, true);
    this.view.setInt32(vcpu + stateOffset('daif'), 0x3c0, true);
    expect(this.engines[pcpu]!.run(vcpu, 10_000)).toBe('request');
    return this.view.getBigUint64(vcpu + stateOffset('x1'), true);
  }
}

/** What vCPUs may do to a page, each on either pCPU. */
const steps = fc.array(
  fc.record({
    pcpu: fc.nat(1),
    vcpu: fc.nat(1),
    page: fc.nat(PAGES - 1),
    what: fc.constantFrom(
      'load',
      'store',
      'remap',
      'remapAll',
      'remapAsid',
      'hostRemap',
      'execute',
      'rewrite',
      'hostWrite',
    ),
    frame: fc.nat(PAGES - 1),
  }),
  { minLength: 20, maxLength: 160 },
);

/** At CODE a load from PAGE, which is the first of two frames with 1 and 2 in them; behind it so many TLBI as x1 says. */
function withLoadAndTlbi(): TwoPcpus {
  const m = new TwoPcpus();
  m.level(1);
  m.split();
  m.tables.map(PAGE, DATA, NORMAL);
  m.write64(DATA, 1n);
  m.write64(DATA + 0x1000, 2n);
  m.program('ldr x1, [x0]\nhvc #0');
  m.program('1: tlbi vaae1is, x0\nsubs x1, x1, #1\nb.ne 1b\ndsb ish\nisb\nhvc #0', CODE + 64);
  return m;
}

describe('two pCPUs and two vCPUs that move between them', () => {
  it('agree with a model: translations by TLBI, code by IC, both by the host', () => {
    fc.assert(
      fc.property(steps, fc.boolean(), (list, isSole) => {
        const m = new TwoPcpus();
        m.view.setInt32(m.vcpu + stateOffset('el'), 1, true);
        m.view.setInt32(m.vcpu + stateOffset('spsel'), 1, true);
        m.split();
        if (isSole) m.makeSole();
        // Model: the frame of each page, the value in each frame, and the number that each frame's code gives.
        const frames = Array.from({ length: PAGES }, (_, n) => n);
        const values = Array.from({ length: PAGES }, (_, n) => BigInt(n));
        const numbers = Array.from({ length: PAGES }, (_, n) => n);
        const frame = (n: number): number => DATA + n * 0x1000;
        const movz = (n: number): number => 0xd2800001 + n * 32;
        // Pages with an odd number are of ASID 0, the others global: TLBI ASIDE1 need not forget these.
        const isGlobal = (page: number): boolean => page % 2 === 0;
        const map = (page: number): void => {
          const attributes = NORMAL | (isGlobal(page) ? 0n : NOT_GLOBAL);
          m.tables.map(PAGE + BigInt(page) * 0x1000n, frame(frames[page]!), attributes);
          m.tables.map(EXECUTE + BigInt(page) * 0x1000n, frame(frames[page]!), attributes | READ_ONLY);
        };
        for (let n = 0; n < PAGES; n++) {
          m.write64(frame(n), BigInt(n));
          m.write(frame(n) + 64, [movz(n), 0xd65f03c0]);
          map(n);
        }
        const sources = {
          load: 'ldr x1, [x0]\nhvc #0',
          store: 'str x1, [x0]\nhvc #0',
          tlbi: 'tlbi vaae1is, x0\ntlbi vaae1is, x1\ndsb ish\nisb\nhvc #0',
          tlbiAll: 'tlbi vmalle1is\ndsb ish\nisb\nhvc #0',
          tlbiAsid: 'tlbi aside1is, x1\ndsb ish\nisb\nhvc #0',
          execute: 'blr x0\nhvc #0',
          rewrite: 'str w1, [x0]\ndc cvau, x0\ndsb ish\nic ivau, x0\ndsb ish\nisb\nhvc #0',
        };
        const pcs = Object.fromEntries(
          Object.entries(sources).map(([name, source], n) => {
            m.program(source, CODE + n * 64);
            return [name, CODE + n * 64];
          }),
        );
        m.program('hvc #0', CODE + 0x400);
        for (const { pcpu, vcpu, page, what, frame: to } of list) {
          if (isSole && vcpu === 1) {
            m.on(pcpu, m.second, CODE + 0x400, 0n);
            continue;
          }
          const cpu = vcpu === 0 ? m.vcpu : m.second;
          const va = PAGE + BigInt(page) * 0x1000n;
          const execute = EXECUTE + BigInt(page) * 0x1000n;
          const at = frames[page]!;
          const operand = (a: bigint): bigint => a >> 12n;
          if (what === 'load') expect(m.on(pcpu, cpu, pcs.load!, va)).toBe(values[at]);
          else if (what === 'store') {
            values[at] = BigInt(to) + 100n;
            m.on(pcpu, cpu, pcs.store!, va, values[at]);
          } else if (what === 'execute')
            expect(m.on(pcpu, cpu, pcs.execute!, execute + 64n)).toBe(BigInt(numbers[at]!));
          else if (what === 'rewrite') {
            numbers[at] = to + 200;
            m.on(pcpu, cpu, pcs.rewrite!, va + 64n, BigInt(movz(numbers[at]!)));
          } else if (what === 'hostWrite') {
            numbers[at] = to + 300;
            m.view.setUint32(m.at(frame(at)) + 64, movz(numbers[at]!), true);
            m.engines[pcpu]!.invalidateCode(m.at(frame(at)) + 64, 4);
          } else {
            frames[page] = to;
            map(page);
            if (what === 'remap' || (what === 'remapAsid' && isGlobal(page)))
              m.on(pcpu, cpu, pcs.tlbi!, operand(va), operand(execute));
            else if (what === 'remapAll') m.on(pcpu, cpu, pcs.tlbiAll!, 0n);
            else if (what === 'remapAsid') m.on(pcpu, cpu, pcs.tlbiAsid!, 0n);
            else m.engines[pcpu]!.flushTlbs(what === 'hostRemap' && to % 2 === 0 ? 0 : undefined);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('a pCPU that falls behind the whole log forgets what it missed', () => {
    const m = withLoadAndTlbi();
    expect(m.on(1, m.second, CODE, PAGE)).toBe(1n);
    m.tables.map(PAGE, DATA + 0x1000, NORMAL);
    m.on(0, m.vcpu, CODE + 64, PAGE >> 12n, 1n);
    m.on(0, m.vcpu, CODE + 64, 0n, 3000n);
    expect(m.on(1, m.second, CODE, PAGE)).toBe(2n);
  });

  it('a pCPU that falls behind by what it did itself forgets nothing', () => {
    const m = withLoadAndTlbi();
    expect(m.on(1, m.second, CODE, PAGE)).toBe(1n);
    expect(m.on(0, m.vcpu, CODE, PAGE)).toBe(1n);
    // A stale entry tells of what was not forgotten.
    m.tables.map(PAGE, DATA + 0x1000, NORMAL);
    m.on(0, m.vcpu, CODE + 64, 5n, 3000n);
    expect(m.on(0, m.vcpu, CODE, PAGE)).toBe(1n);
    expect(m.on(1, m.second, CODE, PAGE)).toBe(2n);
  });

  it("what a domain's only vCPU forgets is told nobody: who gets it has forgotten all", () => {
    const m = withLoadAndTlbi();
    m.view.setInt32(m.vcpu + stateOffset('soleVcpu'), 1, true);
    const head = (): number => m.view.getUint32(SHARED_LOG_HEAD, true);
    expect(m.on(1, m.vcpu, CODE, PAGE)).toBe(1n);
    expect(m.on(0, m.vcpu, CODE, PAGE)).toBe(1n);
    const before = head();
    m.tables.map(PAGE, DATA + 0x1000, NORMAL);
    m.on(0, m.vcpu, CODE + 64, PAGE >> 12n, 1n);
    expect(head()).toBe(before);
    expect(m.on(1, m.vcpu, CODE, PAGE)).toBe(2n);
  });

  it('as soon as another vCPU of the domain runs elsewhere it is told', () => {
    const m = withLoadAndTlbi();
    expect(m.on(0, m.vcpu, CODE, PAGE)).toBe(1n);
    expect(m.on(1, m.second, CODE, PAGE)).toBe(1n);
    const before = m.view.getUint32(SHARED_LOG_HEAD, true);
    m.tables.map(PAGE, DATA + 0x1000, NORMAL);
    m.on(0, m.vcpu, CODE + 64, PAGE >> 12n, 1n);
    expect(m.view.getUint32(SHARED_LOG_HEAD, true)).toBe(before + 1);
    expect(m.on(1, m.second, CODE, PAGE)).toBe(2n);
  });
});
