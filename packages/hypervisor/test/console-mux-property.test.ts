import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConsoleBench } from './console-mux-bench.ts';

/** Bytes that matter are frequent: newlines, the switch character, parts of UTF-8, keys. */
const byte = fc.oneof(fc.constantFrom(0x0a, 0x0d, 0x01, 0x61, 0x77, 0xc3, 0xa9, 0xe2, 0x86, 0xf0), fc.nat(255));
const text = fc.oneof(
  fc.array(byte, { maxLength: 40 }),
  fc.array(byte, { minLength: 120, maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }).map((string) => [...new TextEncoder().encode(string)]),
);
const operation = fc.oneof(
  fc.record({ kind: fc.constant('input' as const), bytes: fc.array(byte, { maxLength: 20 }) }),
  fc.record({ kind: fc.constant('output' as const), domain: fc.integer({ min: 1, max: 3 }), bytes: text }),
  fc.record({ kind: fc.constant('log' as const), line: fc.string({ maxLength: 20 }) }),
  fc.record({ kind: fc.constant('end' as const), domain: fc.integer({ min: 1, max: 3 }) }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
const options = fc.record({
  focused: fc.constantFrom('xen' as const, 'raw' as const, 'lines' as const),
  freshLines: fc.boolean(),
  newlines: fc.constantFrom('verbatim' as const, 'cooked' as const, 'plain' as const),
  conswitch: fc.constantFrom('a', 'ax', '`'),
});

function* pieces(bytes: readonly number[], sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    yield Uint8Array.from(bytes.slice(at, at + size));
    at += size;
  }
}

function run(bench: ConsoleBench, operations: readonly Operation[], sizes: readonly number[]): void {
  for (const one of operations) {
    if (one.kind === 'log') bench.mux.log(one.line);
    else if (one.kind === 'end') bench.mux.domainEnded(one.domain);
    else {
      for (const piece of pieces(one.bytes, sizes)) {
        if (one.kind === 'input') bench.mux.input(piece);
        else bench.mux.output(one.domain, piece);
      }
    }
  }
}

const DOMAINS = [1, 2, 3];

describe('the console', () => {
  it('gives the same however its bytes are cut into pieces', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 25 }), options, sizes, (operations, settings, cuts) => {
        const [whole, cut] = [1, 2].map(() => new ConsoleBench({ domains: DOMAINS, ...settings })) as [
          ConsoleBench,
          ConsoleBench,
        ];
        run(whole, operations, [Number.MAX_SAFE_INTEGER]);
        run(cut, operations, cuts);
        expect(cut.shownBytes()).toBe(whole.shownBytes());
        expect(cut.mux.focus).toBe(whole.mux.focus);
        expect(cut.mux.recentText).toEqual(whole.mux.recentText);
        for (const domain of DOMAINS) expect(cut.got(domain)).toBe(whole.got(domain));
      }),
    );
  });

  it('loses no byte of a domain in lines, and adds newlines only', () => {
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (bytes, sizes) => {
        const bench = new ConsoleBench({ conswitch: 'ax' });
        run(bench, [{ kind: 'output', domain: 1, bytes }], sizes);
        bench.mux.flushLines();
        const shown = bench.shownBytes();
        const written = String.fromCharCode(...bytes);
        const parts = shown.split('\n').filter((part) => part !== '');
        for (const part of parts) {
          expect(part.startsWith('(XEN) DOM1: ')).toBe(true);
          expect(part.length).toBeLessThanOrEqual('(XEN) DOM1: '.length + 126);
        }
        expect(parts.map((part) => part.slice('(XEN) DOM1: '.length)).join('')).toBe(written.replaceAll('\n', ''));
      }),
    );
  });

  it('tears no UTF-8 character of a domain in lines', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 60, maxLength: 400 }), (string) => {
        fc.pre(!string.includes('\ufffd'));
        const bench = new ConsoleBench({ conswitch: 'ax' });
        expect(bench.writes(1, `${string}\n`)).not.toContain('\ufffd');
      }),
      { numRuns: 30 },
    );
  });

  it('delivers all that is typed to a domain, switch characters in groups of three apart', () => {
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 100 }), (bytes) => {
        const bench = new ConsoleBench({ domains: [1] });
        const reference: number[] = [];
        let toXen = false;
        let held = 0;
        for (const one of bytes) {
          if (one === 1 && ++held === 3) {
            held = 0;
            toXen = !toXen;
          } else if (one !== 1) {
            if (!toXen) reference.push(...Array<number>(held).fill(1), one);
            held = 0;
          }
        }
        bench.mux.input(Uint8Array.from(bytes));
        expect(bench.got(1)).toBe(String.fromCharCode(...reference));
      }),
    );
  });

  it('hands out pieces of limited size, and keeps a limited ring', () => {
    const bench = new ConsoleBench();
    bench.mux.output(1, new Uint8Array(100_000).fill(0x78));
    bench.mux.output(2, new Uint8Array(100_000).fill(0x79));
    expect(bench.longest).toBe(4096);
    expect(bench.mux.recentText).toHaveLength(16_384);
  });
});
