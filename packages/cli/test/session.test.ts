import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { main } from '../src/cli.ts';
import { Folder, hostTree } from './boards.ts';
import { type FakeIo, fakeIo, type Script } from './fake-io.ts';

const folder = new Folder();
const one = folder.put('one.dts', hostTree([{ name: 'domU@1', kernel: 0x48000000 }]));
const two = folder.put(
  'two.dts',
  hostTree([
    { name: 'domU1', kernel: 0x48000000 },
    { name: 'domU2', kernel: 0x48200000 },
  ]),
);
const mixed = folder.put(
  'mixed.dts',
  hostTree([
    { name: 'domU1', kernel: 0x48000000, memory: '<1>' },
    { name: 'domU2', kernel: 0x48200000 },
  ]),
);

const session = async (
  args: readonly string[],
  script: Script,
  options: { tty?: boolean } = {},
): Promise<{ code: number; io: FakeIo }> => {
  const io = fakeIo({ ...options, script });
  const code = await main(['run', ...args], io);
  return { code, io };
};
const tick = () => new Promise((resolve) => setImmediate(resolve));

describe('exit codes', () => {
  it('0 when all domains have powered off; their output went to stdout as it was', async () => {
    const { code, io } = await session([one], (board) => {
      board.write(1, 'bytes \xff\0\r\n');
      board.end(1, 'poweroff');
      board.notify();
    });
    expect({ code, out: io.stdout.text }).toEqual({ code: 0, out: 'bytes \xff\0\r\n' });
    expect(io.stderr.text).toContain('domU powered off');
  });

  it('0 as soon as all expectations are met, though domains still run; a domain goes by either of its names', async () => {
    for (const name of ['domU@1', 'domU']) {
      const { code, io } = await session([one, '--expect', `${name}=log.n:`, '--expect', `${name}=^#`], (board) => {
        board.write(1, 'log');
        board.notify();
        board.write(1, 'in:\r\n# ');
        board.notify();
      });
      expect(code).toBe(0);
      expect(io.boards[0]!.stopped).toBe(true);
    }
  });

  it.each([
    ['a domain crashed', [one], 'crashed', /domU crashed: why/],
    ['the domain of an expectation is off', [one, '--expect', 'domU=x'], 'poweroff', /domU@1 did not show \/x\//],
  ] as const)('1 when %s', async (_what, args, state, message) => {
    const { code, io } = await session(args, (board) => {
      board.end(1, state, 'why');
      board.notify();
    });
    expect(code).toBe(1);
    expect(io.stderr.text).toMatch(message);
  });

  it('1 without waiting for other domains when the domain of an expectation is off', async () => {
    const { code } = await session([two, '--expect', 'domU1=x'], (board) => {
      board.end(1, 'poweroff');
      board.notify();
    });
    expect(code).toBe(1);
  });

  it('1 when the timeout is over, with or without expectations', async () => {
    for (const args of [[], ['--expect', 'domU=x']]) {
      const { code, io } = await session([one, '--timeout', '0.05', ...args], () => {});
      expect(code).toBe(1);
      expect(io.stderr.text).toContain('the timeout of 0.05 s is over');
    }
  });

  it('1 in the end when a domain of several could not be built', async () => {
    const { code, io } = await session([mixed], (board) => {
      board.end(2, 'poweroff');
      board.notify();
    });
    expect(code).toBe(1);
    expect(io.stderr.text).toContain('error domain-memory-one-cell: /chosen/domU1');
  });

  it('3 when a thread dies, with its error and the wish to report it', async () => {
    const { code, io } = await session([one], (board) => board.failThread(new Error('boom')), { tty: true });
    expect(code).toBe(3);
    expect(io.stderr.text).toMatch(/bug of dom0less; please report[\s\S]*boom/);
    expect(io.stdin.raw).toBe(false);
  });

  it('128 + its number after a signal', async () => {
    const { code, io } = await session([one], (_board, { signal }) => signal('SIGTERM'), { tty: true });
    expect({ code, modes: io.stdin.modes }).toEqual({ code: 143, modes: [true, false] });
  });

  it('1 when nobody reads stdout any more', async () => {
    const { code } = await session([one], (_board, { stdout }) => {
      stdout.on('error', () => {});
      stdout.destroy(new Error('EPIPE'));
    });
    expect(code).toBe(1);
  });
});

const PANIC = '[    1.000000] Kernel panic - not syncing: sysrq triggered crash\r\n';

describe('a panic', () => {
  it('is told, the domain runs on, and in the end the exit code is 1', async () => {
    const { code, io } = await session([two], async (board, { stderr }) => {
      board.write(1, `x\r\n${PANIC}Call trace:\r\n`);
      board.notify();
      await tick();
      expect(stderr.text).toContain('domU1 panicked: Kernel panic - not syncing: sysrq triggered crash\n');
      expect(board.stopped).toBe(false);
      board.write(1, 'still here\r\n');
      board.end(1, 'reboot');
      board.end(2, 'poweroff');
      board.notify();
    });
    expect(code).toBe(1);
    expect(io.stdout.text).toContain('(XEN) DOM1: still here\n');
  });

  it('ends a run at once with 1 if its domain had still to show something, and with 0 what was met before', async () => {
    const script: Script = (board) => {
      board.write(1, PANIC);
      board.notify();
    };
    expect((await session([two, '--expect', 'domU1=login:'], script)).code).toBe(1);
    expect((await session([two, '--expect', 'domU1=Kernel panic'], script)).code).toBe(0);
  });

  it('of the last domain that runs ends the run with 1 when its console is silent, not before', async () => {
    const { code, io } = await session([two], async (board) => {
      board.write(1, PANIC);
      board.end(2, 'poweroff');
      board.notify();
      await new Promise((resolve) => setTimeout(resolve, 700));
      board.write(1, 'end of the trace\r\n');
      board.notify();
      await new Promise((resolve) => setTimeout(resolve, 700));
      expect(board.stopped).toBe(false);
    });
    expect(code).toBe(1);
    expect(io.stdout.text).toContain('(XEN) DOM1: end of the trace\n');
  });

  it('of one domain does not keep what is expected of another from being met', async () => {
    const { code } = await session([two, '--expect', 'domU2=login:'], (board) => {
      board.write(1, PANIC);
      board.notify();
      board.write(2, 'login:');
      board.notify();
    });
    expect(code).toBe(0);
  });
});

describe('--send', () => {
  it('types into its domain when the pattern appears, and tells in the end what was never typed', async () => {
    const sends = ['--send', 'domU2=login:=root\\n', '--send', 'domU2=# =poweroff\\n', '--send', 'domU1=never=x'];
    const { code, io } = await session([two, ...sends], (board) => {
      board.write(2, 'login:');
      board.notify();
      board.write(1, '# ');
      board.write(2, '# ');
      board.notify();
      for (const { id } of board.domains) board.end(id, 'poweroff');
      board.notify();
    });
    expect(code).toBe(0);
    expect(io.boards[0]!.inputs).toEqual([
      { domain: 2, text: 'root\n' },
      { domain: 2, text: 'poweroff\n' },
    ]);
    expect(io.stderr.text).toContain('nothing was typed into domU1: it did not show /never/');
  });
});

describe('--json', () => {
  const events = (io: FakeIo) =>
    io.stdout.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it('makes stdout one object a line, and people read stderr', async () => {
    const { code, io } = await session([two, '--json'], (board) => {
      board.log('(XEN) hello');
      board.write(1, 'a\xff\n');
      board.write(2, PANIC);
      board.end(1, 'poweroff');
      board.end(2, 'crashed', 'why');
      board.notify();
    });
    expect(code).toBe(1);
    expect(events(io).filter(({ event }) => event !== 'diagnostic')).toEqual([
      { event: 'log', line: '(XEN) hello' },
      { event: 'console', domain: 'domU1', base64: 'Yf8K' },
      { event: 'console', domain: 'domU2', base64: Buffer.from(PANIC).toString('base64') },
      {
        event: 'panic',
        domain: 'domU2',
        id: 2,
        system: 'Linux',
        line: 'Kernel panic - not syncing: sysrq triggered crash',
      },
      { event: 'domain', domain: 'domU1', id: 1, state: 'poweroff' },
      { event: 'domain', domain: 'domU2', id: 2, state: 'crashed', reason: 'why' },
      { event: 'memory', backedBytes: 2 ** 21 },
      { event: 'exit', code: 1 },
    ]);
    expect(io.stderr.text).toContain('domU2 crashed: why');
    expect(io.stderr.text).not.toContain('DOM1: a');
  });

  it('shows the consoles on stderr if that is a terminal', async () => {
    const { io } = await session(
      [two, '--json'],
      (board) => {
        board.write(1, 'seen\n');
        for (const { id } of board.domains) board.end(id, 'poweroff');
        board.notify();
      },
      { tty: true },
    );
    expect(io.stderr.text).toContain('(XEN) seen');
    expect(events(io).at(-1)).toEqual({ event: 'exit', code: 0 });
  });

  it('tells diagnostics and the exit code of bad input, too', async () => {
    const { code, io } = await session([mixed, '--json', '--strict'], () => {});
    expect(code).toBe(2);
    expect(events(io)).toContainEqual(
      expect.objectContaining({
        event: 'diagnostic',
        code: 'domain-memory-one-cell',
        path: '/chosen/domU1',
        property: 'memory',
        value: '<0x1>',
      }),
    );
    expect(events(io).at(-1)).toEqual({ event: 'exit', code: 2 });
  });
});

describe('console logs', () => {
  it('hold exactly what each domain wrote, under its node name, also what came last', async () => {
    const logs = join(folder.path, 'logs', 'deep');
    const all = Buffer.from(Array.from({ length: 256 }, (_, n) => n)).toString('latin1');
    await session([two, '--console-log', logs, '--expect', 'domU2=go'], (board) => {
      board.write(1, all);
      board.write(2, 'g');
      board.notify();
      board.write(2, 'o');
      board.write(1, 'behind');
      board.notify();
    });
    expect(readFileSync(join(logs, 'domU1.log'), 'latin1')).toBe(`${all}behind`);
    expect(readFileSync(join(logs, 'domU2.log'), 'latin1')).toBe('go');
  });

  it('that can not be made or written end the run with 2 and the file named', async () => {
    const unmade = await session([one, '--console-log', '/dev/full/x'], () => {});
    expect(unmade.code).toBe(2);
    expect(unmade.io.stderr.text).toContain('/dev/full/x');
    const full = join(folder.path, 'full');
    mkdirSync(full);
    symlinkSync('/dev/full', join(full, 'domU@1.log'));
    const unwritten = await session([one, '--console-log', full], (board) => {
      board.write(1, 'x');
      board.notify();
    });
    expect(unwritten.code).toBe(2);
    expect(unwritten.io.stderr.text).toContain(`can't write ${join(full, 'domU@1.log')}: no space left`);
  });
});

describe('output', () => {
  it('that nobody reads stays in the domain: the board is not asked for more until there is room', async () => {
    const { code, io } = await session([one], async (board, { stdout }) => {
      stdout.blocked = true;
      board.write(1, 'x'.repeat(5000));
      board.notify();
      const before = board.pumps;
      for (let n = 0; n < 10; n++) {
        board.write(1, 'y'.repeat(5000));
        board.notify();
        await tick();
      }
      expect(board.pumps).toBe(before);
      expect(stdout.writableLength).toBe(5000);
      board.end(1, 'poweroff');
      stdout.unblock();
    });
    expect(code).toBe(0);
    expect(io.stdout.bytes.length).toBe(55_000);
  });

  it('of a log event is a line on stderr', async () => {
    const { io } = await session([one], (board) => {
      board.log('(XEN) Loading d1 DTB');
      board.end(1, 'poweroff');
      board.notify();
    });
    expect(io.stderr.text).toContain('(XEN) Loading d1 DTB\n');
    expect(io.stdout.text).toBe('');
  });
});

describe('input', () => {
  it('from a pipe goes to the domain byte by byte, and its end does not end the run', async () => {
    const { code, io } = await session([one], async (board, { stdin }) => {
      stdin.end('ls\x1d\x01\x01\x01\n');
      await new Promise((resolve) => stdin.on('end', resolve));
      expect(board.inputs.map(({ text }) => text).join('')).toBe('ls\x1d\x01\x01\x01\n');
      await tick();
      board.end(1, 'poweroff');
      board.notify();
    });
    expect(code).toBe(0);
    expect(io.stdin.modes).toEqual([]);
  });

  it('waits in the pipe while the guest is slow', async () => {
    await session([one], async (board, { stdin }) => {
      board.pending = 2 ** 20;
      stdin.write('a');
      await tick();
      expect(stdin.isPaused()).toBe(true);
      board.notify();
      expect(stdin.isPaused()).toBe(true);
      board.pending = 0;
      // The board is not pumped again at once.
      board.notify();
      await vi.waitFor(() => expect(stdin.isPaused()).toBe(false));
      board.end(1, 'poweroff');
      board.notify();
    });
  });

  it('at a terminal is raw, Ctrl-] quits and says so at the start, Ctrl-A three times switches', async () => {
    const { code, io } = await session(
      [two],
      async (board, { stdin, stdout, stderr }) => {
        expect(stdin.raw).toBe(true);
        expect(stderr.text).toContain('press Ctrl-] to quit');
        expect(stdout.text).toContain("(XEN) *** Serial input to DOM1 (type 'CTRL-a' three times to switch input)");
        stdin.write('one\x03');
        await tick();
        stdin.write('\x01\x01\x01two');
        await tick();
        board.end(1, 'poweroff');
        board.notify();
        stdin.write('\x01\x01\x01to Xen\x01\x01\x01still two\x1d');
      },
      { tty: true },
    );
    const inputs = io.boards[0]!.inputs;
    expect(inputs).toEqual([
      { domain: 1, text: 'one\x03' },
      { domain: 2, text: 'two' },
      { domain: 2, text: 'still two' },
    ]);
    expect({ code, raw: io.stdin.raw }).toEqual({ code: 0, raw: false });
  });

  it('a terminal is given back when the process ends in the middle', async () => {
    const { io } = await session(
      [one],
      async (_board, { stdin, exit }) => {
        exit();
        expect(stdin.raw).toBe(false);
        stdin.write('\x1d');
      },
      { tty: true },
    );
    expect(io.stdin.modes).toEqual([true, false]);
  });
});
