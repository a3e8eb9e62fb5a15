import { parseTimestamps, type TimestampMode } from '@dom0less/multiboot';
import { describe, expect, it } from 'vitest';
import type { ConsoleClock, XenState } from '../src/index.ts';
import { ConsoleBench, SWITCH } from './console-mux-bench.ts';

const STATE: XenState = {
  version: 'dom0less 1.2',
  nowNs: 1_234_567,
  pcpus: 2,
  domains: [
    {
      id: 1,
      name: 'domU1',
      state: 'running',
      memoryKiB: 262_144,
      cpus: 2,
      vcpus: [
        { id: 0, state: 'running', pcpu: 1 },
        { id: 1, state: 'runnable' },
      ],
    },
    { id: 2, name: 'bad\nname', state: 'crashed', reason: 'no\x1b memory', memoryKiB: 1024, cpus: 1 },
  ],
  counter: { ticks: 77, frequencyHz: 62_500_000 },
  timers: [
    { domain: 1, vcpu: 1, name: 'physical', inUs: 1500 },
    { domain: 1, vcpu: 0, name: 'virtual', inUs: 20.4 },
  ],
  memory: { totalKiB: 1_048_576, freeKiB: 785_408 },
};

const atXen = (options: ConstructorParameters<typeof ConsoleBench>[0] = {}): ConsoleBench =>
  new ConsoleBench({ conswitch: 'ax', ...options });
const lines = (...texts: string[]): string => texts.map((text) => `(XEN) ${text}\n`).join('');
/** The keys that `h` lists. */
const offered = (bench: ConsoleBench): string[] => [...bench.type('h').matchAll(/ key '(.)'/g)].map(([, key]) => key!);

describe('the debug keys', () => {
  it('are listed by h', () => {
    expect(atXen().type('h')).toBe(
      lines(
        "'h' pressed -> showing installed handlers",
        " key 'h' (ascii '68') => show this message",
        " key 'w' (ascii '77') => synchronously dump console ring buffer (dmesg)",
      ),
    );
    expect(offered(atXen({ state: () => STATE, reboot: () => {} }))).toEqual([...'*?HRahmqrtw']);
  });

  it('are those that what is known suffices for', () => {
    const state: XenState = { nowNs: 0, pcpus: 1, domains: [] };
    expect(offered(atXen({ state: () => state }))).toEqual([...'*?hqw']);
    expect(atXen({ state: () => state }).type('art')).toBe('');
    expect(atXen().type('qRm?*')).toBe('');
  });

  it('show domains with q, control characters made harmless', () => {
    expect(atXen({ state: () => STATE }).type('q')).toBe(
      lines(
        "'q' pressed -> dumping domain info",
        'General information for domain 1:',
        '    name=domU1 state=running vcpus=2 memory=262144KiB',
        'VCPU information for domain 1:',
        '    VCPU0: CPU1 [running]',
        '    VCPU1: [runnable]',
        'General information for domain 2:',
        '    name=bad?name state=crashed vcpus=1 memory=1024KiB',
        '    reason: no? memory',
      ),
    );
  });

  it('show the run queue with r', () => {
    expect(atXen({ state: () => STATE }).type('r')).toBe(
      lines("'r' pressed -> dumping run queues", 'NOW=1234567', 'CPU00: idle', 'CPU01: d1v0', 'Runqueue: d1v1'),
    );
  });

  it('show timers with a, the next one first', () => {
    expect(atXen({ state: () => STATE }).type('a')).toBe(
      lines(
        "'a' pressed -> dumping timer queues",
        'Dumping timer queues:',
        '  ex=          20us timer=d1v0 virtual',
        '  ex=        1500us timer=d1v1 physical',
      ),
    );
  });

  it('show the clock with t', () => {
    expect(atXen({ state: () => STATE }).type('t')).toBe(
      lines("'t' pressed -> dumping clock info", 'System counter: 77 ticks at 62500000 Hz, NOW=1234567'),
    );
  });

  it.each([
    ['m', 'memory'],
    ['H', 'heap'],
  ])('show memory with %s', (key, what) => {
    expect(atXen({ state: () => STATE }).type(key)).toBe(
      lines(
        `'${key}' pressed -> dumping ${what} info`,
        'Physical memory information:',
        '    d1: 262144kB',
        '    d2: 1024kB',
        '    Dom heap: 785408kB free of 1048576kB',
      ),
    );
  });

  it('show what runs here with ?', () => {
    expect(atXen({ state: () => STATE }).type('?')).toBe(
      lines(
        "'?' pressed -> dumping system information",
        'Version: dom0less 1.2',
        'Online Cpus: 2',
        'Domains: 2, 1 running',
        'NOW=1234567',
      ),
    );
  });

  it('show all diagnostics with *', () => {
    const bench = atXen({ state: () => STATE });
    const single = new Map([...'?amqrt'].map((key) => [key, bench.type(key)]));
    const all = bench.type('*');
    expect(
      all.startsWith("(XEN) '*' pressed -> firing all diagnostic keyhandlers\n(XEN) [?: system information]\n"),
    ).toBe(true);
    for (const text of single.values()) expect(all).toContain(text);
    expect([...all.matchAll(/^\(XEN\) \[(.):/gm)].map(([, key]) => key)).toEqual([...single.keys()]);
  });

  it('reboot with R, after what was said of it is shown', () => {
    const seen: string[] = [];
    const bench: ConsoleBench = atXen({ reboot: () => seen.push(bench.shown()) });
    bench.type('R');
    expect(seen).toEqual(["(XEN) 'R' pressed -> rebooting machine\n"]);
  });

  it('dump the newest text with w, as much as the ring holds', () => {
    const bench = atXen({ ringBytes: 100 });
    for (let n = 10; n < 30; n++) bench.writes(1, `line ${n}\n`);
    const pressed = "(XEN) 'w' pressed -> dumping console ring buffer (dmesg)\n";
    const text = bench.type('w');
    expect(text.startsWith(pressed)).toBe(true);
    const dumped = text.slice(pressed.length);
    expect(dumped).toHaveLength(100);
    expect(dumped).toBe(`27\n(XEN) DOM1: line 28\n(XEN) DOM1: line 29\n${pressed}`);
    expect(bench.type('w').slice(pressed.length)).toBe((dumped + pressed).slice(-100));
  });

  it('do not put what w dumped into the ring once more', () => {
    const bench = atXen();
    const pressed = "(XEN) 'w' pressed -> dumping console ring buffer (dmesg)\n";
    const line = bench.writes(1, 'line\n');
    expect(bench.type('w')).toBe(pressed + line + pressed);
    expect(bench.type('w')).toBe(pressed + line + pressed + pressed);
  });

  it('that mean nothing do nothing, switch characters too', () => {
    expect(atXen({ state: () => STATE }).type('xyz\r\n\x01Z\x00\x80')).toBe('');
  });

  it('reach Xen only while it has the focus', () => {
    const bench = atXen({ domains: [1] });
    bench.type(`${SWITCH}hw`);
    expect(bench.got(1)).toBe('hw');
  });
});

describe('the ring', () => {
  it('holds 16 KiB and does not begin within a character', () => {
    const bench = new ConsoleBench({ focused: 'raw' });
    bench.writes(1, `a${'é'.repeat(10_000)}`);
    expect(new TextDecoder().decode(bench.mux.recentText)).toBe('é'.repeat(8192));
    bench.writes(1, 'b');
    expect(new TextDecoder().decode(bench.mux.recentText)).toBe(`${'é'.repeat(8191)}b`);
  });
});

describe('timestamps', () => {
  const clock: ConsoleClock = {
    wallMs: () => Date.UTC(2026, 10, 4, 16, 52, 28, 7),
    bootNs: () => 12_006_945_999,
    ticks: () => 0xabc_def0_1234,
  };
  const shown = (mode: TimestampMode): string => {
    const bench = new ConsoleBench({ timestamps: { mode, clock } });
    bench.mux.log('(XEN) text');
    return bench.shown();
  };

  it.each<[TimestampMode, string]>([
    ['none', ''],
    ['date', '[2026-11-04 16:52:28] '],
    ['datems', '[2026-11-04 16:52:28.007] '],
    ['boot', '[   12.006945] '],
    ['raw', '[00000abcdef01234] '],
  ])('of mode %s come after the prefix', (mode, stamp) => {
    expect(shown(mode)).toBe(`(XEN) ${stamp}text\n`);
  });

  it("come at line starts of domains' text too, and only there", () => {
    const bench = new ConsoleBench({ timestamps: { mode: 'boot', clock } });
    expect(bench.writes(1, 'a\nb')).toBe('(XEN) [   12.006945] a\n(XEN) [   12.006945] b');
    expect(bench.writes(1, 'c')).toBe('c');
    expect(bench.writes(2, 'd\n')).toBe('(XEN) [   12.006945] DOM2: d\n');
  });

  it.each([
    ['datems', 'datems'],
    ['yes', 'date'],
    ['0', 'none'],
    ['toString', undefined],
    ['', undefined],
  ])('are asked for with %j', (value, mode) => {
    expect(parseTimestamps(value)).toBe(mode);
  });
});
