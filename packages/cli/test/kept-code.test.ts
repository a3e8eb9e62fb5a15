/** What a process finds of earlier ones: it starts sooner, and does the same as without. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { assemble } from '@dom0less/arm64-cpu';
import { Board } from '@dom0less/hypervisor';
import { describe, expect, it } from 'vitest';
import { KeptScript } from '../src/cache/kept-script.ts';
import { nativeCode } from '../src/cache/native-code.ts';
import { seal, unseal } from '../src/cache/sealed-file.ts';
import { runBoard } from '../src/commands/run.ts';
import { hostBoard } from '../src/host-tree.ts';
import { startThread } from '../src/pcpu-thread.ts';
import { smallGuest } from '../src/small-guests/index.ts';
import { guestSource } from '../src/small-guests/runtime.ts';
import { TranslationCache } from '../src/translations/translation-cache.ts';
import { Folder } from './boards.ts';
import { Command } from './command.ts';
import { fakeIo } from './fake-io.ts';

const folder = new Folder();
let folders = 0;
const newPath = (): string => join(folder.path, `cache${++folders}`);

const KERNEL = folder.put('banner', smallGuest('banner'));
const HELLO = 'banner: a guest that says hello and powers off\r\n';

/** Boots the banner with this cache folder; gives what it said on stderr. */
async function boot(cache: string): Promise<string> {
  const env = { DOM0LESS_KERNEL: KERNEL, DOM0LESS_CACHE: cache };
  const command = new Command(['start', '--domains', '1', '--pcpus', '2'], { env });
  expect(await command.exited).toBe(0);
  expect(command.stdout).toBe(HELLO);
  return command.stderr;
}

const filesOf = (path: string): string[] => readdirSync(path).map((name) => join(path, name));
const inodesOf = (path: string): number[] => filesOf(path).map((file) => statSync(file).ino);

describe("V8's machine code of a module", () => {
  it('can be had when V8 has flushed what was not called for long', async () => {
    const native = nativeCode();
    if (native === undefined) return expect(process.versions.v8).not.toMatch(/^11\.3\./);
    // (module (func (export "f")))
    const wire = Uint8Array.from([
      0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 0x66, 0, 0, 10, 4, 1, 2, 0, 0x0b,
    ]);
    const module = new WebAssembly.Module(wire);
    const { f } = new WebAssembly.Instance(module).exports;
    for (const flag of ['--expose-gc', '--stress-flush-code']) setFlagsFromString(flag);
    const collect = runInNewContext('gc') as () => void;
    for (let n = 0; n < 3; n++) {
      native.optimize(f as () => void);
      expect(native.deserialize(native.serialize(module), wire)).toBeInstanceOf(WebAssembly.Module);
      for (let k = 0; k < 4; k++) collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const flag of ['--no-expose-gc', '--no-stress-flush-code']) setFlagsFromString(flag);
  });
});

describe('a sealed file', () => {
  const parts = [Uint8Array.of(1, 2, 3), new Uint8Array(), Uint8Array.from({ length: 40 }, (_, n) => n)];
  const file = Buffer.concat(seal('us', parts));

  it('gives back its parts to the one that it is for, who must know how many they are', () => {
    expect(unseal('us', 3, file)!.map((part) => new Uint8Array(part))).toEqual(parts);
    expect(unseal('them', 3, file)).toBeUndefined();
    expect(unseal('us', 2, file)).toBeUndefined();
    expect(unseal('us', 4, file)).toBeUndefined();
  });

  it('gives nothing where a byte is changed or missing, or there are more', () => {
    for (let at = 0; at < file.length; at++) {
      const changed = Buffer.from(file);
      changed[at]! ^= 1 << (at % 8);
      expect(unseal('us', 3, changed)).toBeUndefined();
      expect(unseal('us', 3, file.subarray(0, at))).toBeUndefined();
    }
    expect(unseal('us', 3, Buffer.concat([file, Buffer.alloc(8)]))).toBeUndefined();
  });
});

describe('a kept script', () => {
  const wrap = (body: string): string => `(function (exports, require, module, __filename) {${body}})`;

  it('runs as its text says, with code of an earlier run, with none, and when its text has changed', () => {
    const before = process.env.DOM0LESS_CACHE;
    process.env.DOM0LESS_CACHE = newPath();
    try {
      const kept = join(process.env.DOM0LESS_CACHE, 'code');
      const run = (body: string): number => {
        const script = new KeptScript(new URL(`file://${folder.put('kept.cjs', wrap(body))}`), 'test');
        const { value } = script.run<{ value: number }>();
        script.keep();
        return value;
      };
      expect(run('exports.value = 1')).toBe(1);
      expect(readdirSync(kept)).toHaveLength(1);
      const inodes = inodesOf(kept);
      expect(run('exports.value = 1')).toBe(1);
      expect(inodesOf(kept)).toEqual(inodes);
      // As long as before: V8 alone would not see the difference.
      expect(run('exports.value = 2')).toBe(2);
      expect(readdirSync(kept)).toHaveLength(2);
    } finally {
      if (before === undefined) delete process.env.DOM0LESS_CACHE;
      else process.env.DOM0LESS_CACHE = before;
    }
  });
});

describe('a boot', () => {
  it('keeps code for the next, which takes it and writes nothing', async () => {
    const cache = newPath();
    await boot(cache);
    const kept = join(cache, 'code');
    // This thread's, the pCPU's, and where V8 gives it the core's.
    expect(readdirSync(kept).length).toBeGreaterThanOrEqual(2);
    for (const file of filesOf(kept)) expect(statSync(file).mode & 0o777).toBe(0o600);
    const inodes = inodesOf(kept);
    await boot(cache);
    expect(inodesOf(kept)).toEqual(inodes);
  });

  it('does the same with files that are cut, changed, or of somebody else, and with none', async () => {
    const cache = newPath();
    await boot(cache);
    const kept = join(cache, 'code');
    for (const spoil of [
      (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 1000)),
      (file: string) => writeFileSync(file, readFileSync(file).fill(0x55, 5000)),
      (file: string) => writeFileSync(file, ''),
      (file: string) => chmodSync(file, 0o666),
      (file: string) => rmSync(file),
    ]) {
      for (const file of filesOf(kept)) spoil(file);
      await boot(cache);
    }
  });

  it('goes on as ever where nothing can be kept', async () => {
    const open = newPath();
    mkdirSync(join(open, 'code'), { recursive: true });
    chmodSync(join(open, 'code'), 0o777);
    for (const cache of ['/dev/null/cache', '/proc/cache', folder.put('file', ''), open]) await boot(cache);
    expect(readdirSync(join(open, 'code'))).toEqual([]);
  });

  it('several at once with one folder leave whole files', async () => {
    const cache = newPath();
    await Promise.all([1, 2, 3].map(() => boot(cache)));
    expect(readdirSync(join(cache, 'code')).every((name) => name.endsWith('.pack'))).toBe(true);
    await boot(cache);
  });
});

const LOOP = `
        movz    x0, #1, lsl #16
1:      subs    x0, x0, #1
        add     x1, x0, x0
        b.ne    1b
`;

/** Sleeps until a key is pressed, runs some loops for long enough to be translated, and powers off. */
const LOOPS = assemble(
  guestSource(`
        .set    UART_SPI, 32
start:
        bl      devices
        bl      gic_on
        mov     w0, #1
        strb    w0, [x10, #(GICD_ITARGETSR + UART_SPI)]
        str     w0, [x10, #(GICD_ISENABLER + UART_SPI / 8)]
        mov     w0, #0x50
        str     w0, [x9, #UART_IMSC]
        wfi
${LOOP.repeat(32)}
        b       power_off
`),
).bytes;

describe('translations of a boot', () => {
  const WORKER = new URL('../dist/pcpu-worker.cjs', import.meta.url);

  /** Boots the loops with translations kept in `path`; gives how many were made. */
  async function translated(path: string, pcpus: number): Promise<number> {
    let cache: TranslationCache | undefined;
    const io = fakeIo();
    const board = hostBoard([{ name: 'loops', memoryMiB: 16, bootargs: '', kernel: LOOPS }]);
    class Cache extends TranslationCache {
      override load(): ReturnType<TranslationCache['load']> {
        const pack = super.load();
        // Behind the pack on its way to the thread.
        setImmediate(() => io.stdin.write('x'));
        return pack;
      }
    }
    const code = await runBoard(
      board,
      {
        ...{ consoleLog: undefined, expectations: [], sends: [], timeout: undefined, seed: undefined },
        ...{ json: false, strict: true, raw: false, pcpus, deterministic: false },
      },
      {
        ...io,
        hostCpus: 2,
        prepareBoard: (options) => Board.prepare(options),
        startPcpu: (work, notify, taken) => startThread(WORKER, work, notify, { execArgv: [] }, taken),
        openTranslations: () => {
          cache = new Cache({ folder: path, identity: () => 'test', guests: () => 'loops' });
          return cache;
        },
      },
    );
    expect(code).toBe(0);
    return cache!.translated;
  }

  it('are none where an earlier boot left them', async () => {
    const path = newPath();
    expect(await translated(path, 1)).toBeGreaterThanOrEqual(8);
    expect(await translated(path, 1)).toBe(0);
    expect(await translated(path, 2)).toBe(0);
  });
});
