import { BLOCK_BYTES, ENGINE_END } from '@dom0less/arm64-cpu';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoardMemory, OutOfBlocksError } from '../src/memory/board-memory.ts';
import { layOut } from '../src/memory/layout.ts';
import { makeMemory } from '../src/memory/make-memory.ts';
import { PaAllocator } from '../src/memory/pa-allocator.ts';

const MIB = 2 ** 20;

describe('the layout of the memory', () => {
  it('gives every part a place of its own behind the engine', () => {
    const layout = layOut({
      pcpus: 2,
      domains: [
        { cpus: 1, gicVersion: 2 },
        { cpus: 8, gicVersion: 3 },
      ],
      blocksWanted: 100,
    });
    const starts = [
      layout.control,
      layout.events,
      ...layout.domains.flatMap(({ control, gic, uart, output, input, vcpus }) => {
        return [control, gic, uart, output, input, ...vcpus.flatMap((vcpu) => [vcpu.state, vcpu.control])];
      }),
      ...layout.pcpus,
      layout.blocks,
    ];
    expect(starts.every((at) => at >= ENGINE_END && at % 64 === 0)).toBe(true);
    expect(starts).toEqual([...new Set(starts)].sort((a, b) => a - b));
    expect(layout.pcpus.every((at) => at % 65536 === 0)).toBe(true);
    expect(layout.blocks % BLOCK_BYTES).toBe(0);
    expect(layout.wasmPages * 65536).toBe(layout.blocks + 100 * BLOCK_BYTES);
  });

  it('holds 128 vCPUs on 4 pCPUs in less than 256 MiB beside RAM', () => {
    const layout = layOut({ pcpus: 4, domains: [{ cpus: 128, gicVersion: 3, devices: [] }], blocksWanted: 1 });
    expect(layout.blocks).toBeLessThan(256 * MIB);
  });

  it('never has more than 4 GiB', () => {
    const layout = layOut({ pcpus: 1, domains: [{ cpus: 1, gicVersion: 3 }], blocksWanted: 1e6 });
    expect(layout.wasmPages).toBeLessThanOrEqual(65536);
    expect(layout.blockCount).toBeGreaterThan(1900);
  });
});

describe('RAM blocks', () => {
  it('are given to physical addresses at their first use, zeroed, until there are none', () => {
    const { memory, layout } = makeMemory({ pcpus: 1, domains: [{ cpus: 1, gicVersion: 3 }], blocksWanted: 2 });
    const board = new BoardMemory(memory, layout);
    const bytes = Uint8Array.from({ length: 100 }, (_, n) => n + 1);
    board.fill(3 * BLOCK_BYTES - 50, 100, (at, into) => into.set(bytes.subarray(at, at + into.length)));
    expect(board.blocksUsed).toBe(2);
    expect(board.bytes.subarray(board.offsetOf(2 * BLOCK_BYTES), board.offsetOf(2 * BLOCK_BYTES) + 8)).toEqual(
      new Uint8Array(8),
    );
    expect(board.bytes[board.offsetOf(3 * BLOCK_BYTES)]).toBe(51);
    expect(new BoardMemory(memory, layout).offsetOf(3 * BLOCK_BYTES)).toBe(board.offsetOf(3 * BLOCK_BYTES));
    expect(board.backBlock(77)).toBe(0);
    expect(() => board.offsetOf(77 * BLOCK_BYTES)).toThrow(OutOfBlocksError);
  });
});

describe('host memory', () => {
  const range = fc.record({ start: fc.nat(512 * MIB), size: fc.integer({ min: 1, max: 128 * MIB }) });

  it('is given out once, in whole blocks, never where it is taken', () => {
    fc.assert(
      fc.property(
        fc.array(range, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 64 * MIB })),
        (taken, sizes) => {
          const ram = [
            { start: 3 * MIB, size: 254 * MIB },
            { start: 300 * MIB, size: 300 * MIB },
          ];
          const allocator = new PaAllocator(ram, taken);
          const given: { start: number; size: number }[] = [];
          for (const size of sizes) {
            const before = allocator.free;
            const wanted = Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
            const pieces = allocator.take(size);
            expect(pieces === undefined).toBe(wanted > before);
            expect(allocator.free).toBe(before - (pieces === undefined ? 0 : wanted));
            given.push(...(pieces ?? []));
          }
          const overlaps = (a: { start: number; size: number }, b: { start: number; size: number }): boolean =>
            a.start < b.start + b.size && b.start < a.start + a.size;
          for (const [n, piece] of given.entries()) {
            expect(piece.start % BLOCK_BYTES).toBe(0);
            expect(piece.size % BLOCK_BYTES).toBe(0);
            expect(
              ram.some(({ start, size }) => piece.start >= start && piece.start + piece.size <= start + size),
            ).toBe(true);
            expect([...taken, ...given.slice(0, n)].some((other) => overlaps(piece, other))).toBe(false);
          }
        },
      ),
    );
  });

  it('above 2^40 is out of reach', () => {
    expect(new PaAllocator([{ start: 2 ** 40 - 4 * MIB, size: 64 * MIB }], []).free).toBe(4 * MIB);
  });
});
