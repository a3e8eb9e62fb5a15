import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileDts, writeFdt } from '@dom0less/fdt';
import { describe, expect, it } from 'vitest';
import { main } from '../src/cli.ts';
import { fakeIo } from './fake-io.ts';

const fixture = (path: string): string => fileURLToPath(new URL(`./fixtures/${path}`, import.meta.url));
const dt = async (...args: string[]) => {
  const io = fakeIo();
  const code = await main(['dt', ...args], io);
  return { code, io };
};

describe('dt', () => {
  it.each(['gic2-vpl011-ramdisk-cpus1', 'gic3-vpl011-ramdisk-cpus2'])(
    'gives the tree that Xen gave for %s',
    async (name) => {
      const board = fixture(`${name}/host.dts`);
      const golden = readFileSync(fixture(`${name}/domU.dtb`));
      const blob = await dt(board, 'domU1', '-O', 'dtb');
      expect(blob.code).toBe(0);
      expect(blob.io.stdout.bytes.equals(golden)).toBe(true);
      const source = await dt(board, 'domU1');
      expect(source.code).toBe(0);
      expect(writeFdt(compileDts(source.io.stdout.text), { layout: 'libfdt-sw' })).toEqual(new Uint8Array(golden));
      expect(source.io.boards).toEqual([]);
    },
  );

  it('says which sizes it takes from reg for want of files', async () => {
    const { io } = await dt(fixture('gic2-vpl011-ramdisk-cpus1/host.dts'), 'domU1');
    expect(io.stderr.text).toMatch(
      /info module-assumed: .*module@50000000: reg = <[^>]*>: no file is loaded at 0x50000000/,
    );
  });
});
