import { gzipSync } from 'node:zlib';
import { compileDts } from '@dom0less/fdt';
import { describe, expect, it } from 'vitest';
import { Board, type BoardDiagnostic, formatBoardDiagnostic } from '../src/index.ts';
import { Bench, boardOf, type GuestSpec, image, print, systemOff } from './board.ts';

const good = { kernel: image([...print('good\n'), ...systemOff()]) } satisfies GuestSpec;
const errors = (diagnostics: readonly BoardDiagnostic[]): string[] =>
  diagnostics.filter(({ severity }) => severity === 'error').map(({ code, domain }) => `${domain}: ${code}`);

const big = (bytes: number): Uint8Array => {
  const kernel = new Uint8Array(bytes);
  kernel.set(good.kernel);
  return kernel;
};

describe('a domain that cannot be built', () => {
  const cases: [string, GuestSpec, string][] = [
    ['has no file at its kernel', { ...good, load: false }, 'module-not-loaded'],
    ['has no kernel in it', { kernel: Uint8Array.of(1, 2, 3) }, 'kernel-unknown'],
    ['has a 32-bit kernel', { kernel: new Uint8Array(64).fill(0x18, 36, 40) }, 'kernel-unknown'],
    ['has a damaged gzip', { kernel: Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 9, 9, 9, 9) }, 'gzip-corrupt'],
    ['has too little memory for its kernel', { kernel: big(3 * 2 ** 20), memoryKiB: 4096 }, 'placement-bank-too-small'],
    ['has more vCPUs than its GIC serves', { ...good, cpus: 9 }, 'domain-cpus-range'],
    ['has more memory than the host', { ...good, memoryKiB: 2 ** 21 }, 'domain-memory-exceeds-host'],
    ['has no memory', { ...good, memoryKiB: 0 }, 'domain-memory-zero'],
  ];
  it.each(cases)('because it %s is failed, with a diagnostic, and the others run', (_, bad, code) => {
    const prepared = boardOf([bad, good]);
    expect(errors(prepared.diagnostics)).toEqual([`domU1: ${code}`]);
    const [failed, other] = prepared.board!.domains;
    expect(failed).toMatchObject({ name: 'domU1', state: 'failed' });
    expect(failed!.reason!.length).toBeGreaterThan(10);
    expect(other).toMatchObject({ name: 'domU2', state: 'running' });
    const bench = new Bench([bad, good]);
    expect(bench.run()).toBe('done');
    expect(bench.output(2)).toBe('good\n');
    expect(bench.states()).toEqual(['failed', 'poweroff']);
  });

  it('keeps all from running when strict', () => {
    expect(boardOf([{ ...good, load: false }, good], { strict: true }).board).toBeUndefined();
    expect(boardOf([good], { strict: true }).board).toBeDefined();
  });

  it('leaves no board if it is the only one', () => {
    expect(boardOf([{ ...good, load: false }]).board).toBeUndefined();
  });

  it('for want of host memory says how much is left', () => {
    // Together they fit into 1 GiB, but not in whole blocks beside the modules and the stage-2 tables.
    const half = { ...good, memoryKiB: 500 * 1024 };
    const { diagnostics, board } = boardOf([half, { ...half, memoryKiB: 519 * 1024 }]);
    const [error] = diagnostics.filter(({ severity }) => severity === 'error');
    expect(formatBoardDiagnostic(error!)).toMatch(
      /^error host-memory-exhausted: \/chosen\/domU2: memory: the domain needs \d+ KiB of host memory.*, and \d+ KiB are left/,
    );
    expect(board!.domains.map(({ state }) => state)).toEqual(['running', 'failed']);
  });
});

describe('a board', () => {
  it('is not made for a tree with an error of its own', () => {
    const { board, diagnostics } = Board.prepare({ tree: compileDts('/dts-v1/; / { };'), modules: new Map() });
    expect(board).toBeUndefined();
    expect(diagnostics.map(({ code }) => code)).toContain('chosen-missing');
  });

  it('unpacks a gzipped kernel', () => {
    const bench = new Bench([{ kernel: new Uint8Array(gzipSync(good.kernel)) }]);
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('good\n');
  });

  it('tells those who subscribe late what happened before', () => {
    const { board } = boardOf([good]);
    const heard: string[] = [];
    const leave = board!.subscribe((event) => heard.push(event.type === 'log' ? event.line : event.type));
    expect(heard[0]).toBe('(XEN) Generic Timer IRQ: phys=30 hyp=26 virt=27 Freq: 62500 KHz');
    expect(heard.slice(1, 5)).toEqual([
      '(XEN) Using scheduler: equal shares by virtual time (fair)',
      '(XEN) Brought up 1 CPU',
      '(XEN) P2M: 44-bit IPA with 44-bit PA and 8-bit VMID',
      '(XEN) P2M: 4 levels with order-0 root, VTCR 0x0000000080043594',
    ]);
    expect(heard.at(-1)).toBe('domain');
    const count = heard.length;
    leave();
    board!.stop();
    expect(heard).toHaveLength(count);
  });

  it('settles when it is stopped', async () => {
    const { board } = boardOf([good]);
    board!.stop();
    expect((await board!.done).domains).toMatchObject([{ state: 'running' }]);
  });

  it('takes input for running domains with a UART only', () => {
    const bench = new Bench([good]);
    bench.board.input(1, Uint8Array.of(65));
    bench.board.input(2, Uint8Array.of(65));
    expect([1, 2].map((id) => bench.board.inputPending(id))).toEqual([1, 0]);
    bench.run();
    bench.board.input(1, Uint8Array.of(65));
    expect(bench.board.inputPending(1)).toBe(0);
  });
});
