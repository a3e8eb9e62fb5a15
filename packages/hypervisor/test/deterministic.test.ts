import { describe, expect, it } from 'vitest';
import { type ConsoleScript, runDeterministic } from '../src/index.ts';
import { A, boardOf, type GuestSpec, hvcCall, image, print, systemOff, text } from './board.ts';

const UART = 1;
const countDownW4 = 0x71000484;
const CNTVCT = [3, 3, 14, 0, 2] as const;

/** Runs a board to its end; the board empties its rings whenever it is told to. */
const run = (
  guests: readonly GuestSpec[],
  { pcpus = 1, looks = 0, script }: { pcpus?: number; looks?: number; script?: ConsoleScript } = {},
) => {
  // A clock that stands still: nothing may depend on it.
  const { board } = boardOf(guests, { deterministic: true, pcpus, now: () => 0 });
  const consoles = guests.map(() => '');
  board!.subscribe((event) => {
    if (event.type === 'console') consoles[event.domain - 1] += text(event.bytes);
  });
  // The board may look when nobody asks it to, too: here, as often as a domain writes.
  const looking: ConsoleScript = {
    output: (domain, byte) => {
      for (let look = 0; look < looks; look++) board!.pump();
      return script?.output(domain, byte);
    },
    get done() {
      return script?.done ?? false;
    },
  };
  runDeterministic(board!.pcpuInit(0), { notify: () => board!.pump() }, looking);
  board!.pump();
  const instructions = guests.map((_, n) => board!.instructions(n + 1).map(Number));
  return { consoles, instructions, states: board!.domains.map(({ state }) => state) };
};

/** GICD and GICC on, INTID 27 enabled. Uses X7, X8 and X9. */
const gicOn = [
  ...[A.movz(8, 0x300, 16), A.movk(8, 0x1000), A.movz(9, 0x300, 16), A.movk(9, 0x2000)],
  ...[A.movz(7, 1), A.strW(7, 8, 0), A.strW(7, 9, 0), A.movz(7, 0xf0), A.strW(7, 9, 4)],
  ...[A.movz(7, 0x800, 16), A.strW(7, 8, 0x100)],
];

/** Waits for WFI with its timer set, three times, and writes the low byte of the counter each time. */
const sleeper: GuestSpec = {
  kernel: image([
    ...[...gicOn, A.movz(UART, 0x2200, 16), A.movz(4, 3), A.movz(5, 1), A.msr(3, 3, 14, 3, 1, 5)],
    ...[A.movz(6, 0x1234), A.msr(3, 3, 14, 3, 0, 6), A.mrs(...CNTVCT, 7), A.strW(7, UART), A.wfi],
    ...[countDownW4, A.cbnz(4, -24), ...systemOff()],
  ]),
};

/** Echoes until it reads a NUL. */
const echo: GuestSpec = {
  kernel: image([
    ...[...print('type> '), A.ldrW(3, UART, 0x18), A.tbnz(3, 4, -4), A.ldrW(3, UART)],
    ...[A.cbz(3, 12), A.strW(3, UART), A.b(-20), ...systemOff()],
  ]),
};

const typing = (): ConsoleScript => {
  let seen = '';
  return {
    output: (_, byte) => {
      seen += String.fromCharCode(byte);
      return seen.endsWith('> ')
        ? Uint8Array.of(
            ...'hello'
              .repeat(20)
              .split('')
              .map((c) => c.charCodeAt(0)),
            0,
          )
        : undefined;
    },
    done: false,
  };
};

describe('deterministic mode', () => {
  it.each([1, 2])('gives the same bytes and the same counts of instructions each time, on %i pCPUs', (pcpus) => {
    const guests = [sleeper, echo, sleeper];
    const first = run(guests, { pcpus, script: typing() });
    expect(first.states).toEqual(['poweroff', 'poweroff', 'poweroff']);
    expect(first.consoles[0]).toHaveLength(3);
    expect(first.consoles[1]).toBe(`type> ${'hello'.repeat(20)}`);
    expect(run(guests, { pcpus, script: typing() })).toEqual(first);
  });

  it('starts domains again, and those that wait for another, at the same counts of instructions each time', () => {
    // Writes the low byte of the counter, and reboots; then waits for longer and longer.
    const rebooting = image([A.movz(UART, 0x2200, 16), A.mrs(...CNTVCT, 7), A.strW(7, UART), ...hvcCall(0x84000009)]);
    const waiting = image([...print('go'), A.mrs(...CNTVCT, 7), A.strW(7, UART), ...systemOff()]);
    const busy = image([A.movz(4, 40, 16), countDownW4, A.cbnz(4, -4), ...print('ready!'), ...systemOff()]);
    const guests: GuestSpec[] = [
      { kernel: rebooting, extra: 'dom0less,on-reboot = "restart"; dom0less,max-restarts = <7>;' },
      { kernel: waiting, extra: 'dom0less,start-after = "domU3", "ready!";' },
      { kernel: busy },
      sleeper,
    ];
    const first = run(guests, { pcpus: 2 });
    expect(first.states).toEqual(['reboot', 'poweroff', 'poweroff', 'poweroff']);
    expect(first.consoles[0]).toHaveLength(8);
    expect(first.consoles[1]).toMatch(/^go[\s\S]$/);
    // Counters of the same program, started at other times.
    expect(new Set(first.consoles[0])).not.toHaveLength(1);
    // However often the board looks at what there is in between.
    for (const looks of [1, 3]) expect(run(guests, { pcpus: 2, looks })).toEqual(first);
  });

  it('lets time pass at once where nothing can run', () => {
    const second = 62_500_000;
    const code = [
      ...[A.movz(5, 1), A.msr(3, 3, 14, 3, 1, 5), A.movz(6, second >>> 16, 16), A.movk(6, second & 0xffff)],
      ...[A.msr(3, 3, 14, 3, 0, 6), A.wfi, A.mrs(3, 3, 14, 3, 1, 3), ...[A.movz(UART, 0x2200, 16), A.strW(3, UART)]],
    ];
    const before = performance.now();
    const { consoles, instructions } = run([{ kernel: image([...gicOn, ...code, ...systemOff()]) }]);
    // CTL: ISTATUS and ENABLE.
    expect(consoles).toEqual(['\x05']);
    expect(instructions[0]![0]).toBeLessThan(100);
    expect(performance.now() - before).toBeLessThan(30_000);
  });

  it('stops at the byte at which its script is done', () => {
    let count = 0;
    const script: ConsoleScript = {
      output: () => {
        count++;
        return undefined;
      },
      get done() {
        return count === 7;
      },
    };
    const { consoles, states } = run([{ kernel: image([...print('0123456789'), ...systemOff()]) }], { script });
    expect(consoles).toEqual(['0123456']);
    expect(states).toEqual(['running']);
  });

  it('waits, without time going by, while nobody takes what a guest writes', () => {
    const bytes = 3 * 65536;
    const loop = [A.movz(UART, 0x2200, 16), A.movz(4, 3, 16), A.strW(4, UART), countDownW4, A.cbnz(4, -8)];
    const { consoles } = run([{ kernel: image([...loop, ...systemOff()]) }]);
    expect(consoles[0]).toHaveLength(bytes);
  });
});
