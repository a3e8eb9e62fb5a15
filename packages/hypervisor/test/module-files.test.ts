/** Modules that are read where they are, as files are. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type ModuleFile, ModuleReadError } from '../src/index.ts';
import { planBoard } from '../src/plan.ts';
import { Bench, boardInput, boardOf, type GuestSpec, hvcCall, image, print, systemOff } from './board.ts';

/** A file: it tells what was read of it, and can break. */
class TestFile implements ModuleFile {
  readonly length: number;
  readonly reads: [at: number, length: number][] = [];
  problem: string | undefined;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.length = bytes.length;
  }

  read(at: number, into: Uint8Array): void {
    if (this.problem !== undefined) throw new ModuleReadError(this.problem);
    if (at + into.length > this.length) throw new Error(`read up to ${at + into.length} of ${this.length}`);
    this.reads.push([at, into.length]);
    into.set(this.#bytes.subarray(at, at + into.length));
  }
}

const MIB = 2 ** 20;
const code = [...print('good\n'), ...systemOff()];
/** Its last byte is the last byte of the file. */
const long = (bytes: number): Uint8Array => {
  const kernel = new Uint8Array(bytes);
  kernel.set(image(code));
  kernel[bytes - 1] = 0x5a;
  return kernel;
};
const good: GuestSpec = { kernel: image(code) };
const RESTART = 'dom0less,on-reboot = "restart";';

describe('a kernel in a file', () => {
  it('is copied from there to guest RAM, block by block, and never held whole', () => {
    const bytes = long(5 * MIB + 123);
    const file = new TestFile(bytes);
    const bench = new Bench([{ kernel: file }]);
    const [{ placement, memory }] = bench.planned as [(typeof bench.planned)[0]];
    const at = memory.ram[0]!.pa + (placement.kernel - memory.ram[0]!.ipa);
    for (const from of [0, 2 * MIB - 64, 5 * MIB + 59])
      expect(bench.physical(at + from, 64)).toEqual(bytes.slice(from, from + 64));
    expect(Math.max(...file.reads.map(([, length]) => length))).toBeLessThanOrEqual(2 * MIB);
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('good\n');
  });

  it('is cut to the size in the tree', () => {
    const file = new TestFile(long(MIB));
    const { tree } = boardInput([{ kernel: new Uint8Array(4096) }]);
    const { planned, diagnostics } = planBoard({ tree, modules: new Map([[0x50000000, file]]) });
    expect(diagnostics.map((one) => one.code)).toContain('module-cut');
    expect(planned[0]!.kernel).toMatchObject({ fileSize: 4096 });
    expect(planned[0]!.kernel.bytes).toHaveLength(4096);
  });

  it('is unpacked if it is compressed, and what is no kernel is refused as ever', () => {
    const bench = new Bench([{ kernel: new TestFile(new Uint8Array(gzipSync(long(MIB)))) }]);
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('good\n');
    const { diagnostics } = boardOf([{ kernel: new TestFile(Uint8Array.of(1, 2, 3)) }, good]);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toMatchObject([{ code: 'kernel-unknown' }]);
  });

  it('is looked into where the domain gives a reason to', () => {
    const bytes = long(MIB);
    bytes.set(new TextEncoder().encode('Linux version 5.10.0 '), MIB - 100);
    const { diagnostics } = boardOf([{ kernel: new TestFile(bytes), extra: 'xen,enhanced; capabilities = <4>;' }]);
    expect(diagnostics.map((one) => one.code)).toContain('enhanced-old-kernel');
  });

  it('that restarts is read again', () => {
    const file = new TestFile(image([...print('x'), ...hvcCall(0x84000009)]));
    const bench = new Bench([{ kernel: file, extra: `${RESTART} dom0less,max-restarts = <2>;` }]);
    expect(bench.run(undefined, 5000)).toBe('done');
    expect(bench.output()).toBe('xxx');
  });
});

describe('a file that can not be read', () => {
  it('is known by the name of its error, which may be that of another entry of the package', () => {
    const file = new TestFile(long(MIB));
    file.read = () => {
      throw Object.assign(new Error('gone'), { name: 'ModuleReadError' });
    };
    const { board, diagnostics } = boardOf([{ kernel: file }, good]);
    expect(diagnostics.map((one) => one.code)).toContain('module-unreadable');
    expect(board!.domains.map(({ state }) => state)).toEqual(['failed', 'running']);
    file.read = () => {
      throw new RangeError('a bug');
    };
    expect(() => boardOf([{ kernel: file }, good])).toThrow(RangeError);
  });

  it('as the board is planned fails its domain, and the others run', () => {
    const file = new TestFile(long(MIB));
    file.problem = "can't read kernel: permission denied (EACCES)";
    const { board, diagnostics } = boardOf([{ kernel: file }, good]);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toMatchObject([
      { code: 'module-unreadable', path: '/chosen/domU1/module@50000000', domain: 'domU1' },
    ]);
    expect(board!.domains.map(({ state }) => state)).toEqual(['failed', 'running']);
    expect(board!.domains[0]!.reason).toContain('permission denied (EACCES)');
  });

  it('as a domain is loaded does the same', () => {
    const file = new TestFile(long(MIB));
    const read = file.read.bind(file);
    file.read = (at, into) => {
      if (into.length > 65_536) file.problem = 'kernel has changed';
      read(at, into);
    };
    const { board, diagnostics } = boardOf([{ kernel: file }, good]);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toMatchObject([
      { code: 'module-unreadable', path: '/chosen/domU1', domain: 'domU1' },
    ]);
    expect(board!.domains.map(({ state }) => state)).toEqual(['failed', 'running']);
  });

  it('as its domain starts again ends the domain, with the reason, and no other', () => {
    const file = new TestFile(image([...print('x'), ...hvcCall(0x84000009)]));
    const bench = new Bench([{ kernel: file, extra: RESTART }, good]);
    file.problem = 'kernel has changed since the board was made';
    expect(bench.run(undefined, 5000)).toBe('done');
    expect(bench.output()).toBe('x');
    expect(bench.output(2)).toBe('good\n');
    expect(bench.board.domains[0]).toMatchObject({
      state: 'failed',
      reason: "it can't be started again: kernel has changed since the board was made",
    });
  });

  it('and is a ramdisk, or a partial device tree, is told of likewise', () => {
    const module = (kind: string): string => `module@60000000 {
      compatible = "multiboot,${kind}", "multiboot,module"; reg = <0 0x60000000 0 0x1000>; };`;
    for (const kind of ['ramdisk', 'device-tree']) {
      const file = new TestFile(new Uint8Array(4096));
      file.problem = 'gone';
      const files = new Map([[0x60000000, file]]);
      const { diagnostics } = boardOf([{ ...good, extra: module(kind) }, good], {}, { files });
      expect(
        diagnostics.filter(({ severity }) => severity === 'error').map((one) => one.code),
        kind,
      ).toEqual(['module-unreadable']);
    }
  });
});
