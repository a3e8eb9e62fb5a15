import { describe, expect, it } from 'vitest';
import { runPcpu } from '../src/index.ts';
import { A, Bench, boardOf, hvcCall, image, print, systemOff, text } from './board.ts';

const guest = (...code: readonly (number | readonly number[])[]) => ({ kernel: image(code.flat()) });
const UART = 1;
const uart = A.movz(UART, 0x2200, 16);
/** Sends the byte in W3. */
const put = [uart, A.strW(3, UART)];
const putChar = (char: string): number[] => [A.movz(3, char.charCodeAt(0)), ...put];
/** SUBS W4, W4, #1 */
const countDownW4 = 0x71000484;
/** VBAR_EL1 := X4. */
const setVbar = A.msr(3, 0, 12, 0, 0, 4);
const CNTV_TVAL = [3, 3, 14, 3, 0] as const;
const CNTV_CTL = [3, 3, 14, 3, 1] as const;
/** GICD and GICC on, INTID 27 and 32 enabled; X5 is GICD, X6 GICC. Uses X7. */
const gicOn = [
  ...[A.movz(5, 0x300, 16), A.movk(5, 0x1000), A.movz(6, 0x300, 16), A.movk(6, 0x2000)],
  ...[A.movz(7, 1), A.strW(7, 5, 0), A.strW(7, 6, 0), A.movz(7, 0xf0), A.strW(7, 6, 4)],
  ...[A.movz(7, 0x800, 16), A.strW(7, 5, 0x100), A.movz(7, 1), A.strW(7, 5, 0x104)],
];

describe('a domain', () => {
  it('writes to its UART and powers off by PSCI', () => {
    const bench = new Bench([guest(print('hello, world\n'), systemOff())]);
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('hello, world\n');
    expect(bench.states()).toEqual(['poweroff']);
  });

  it('may use SMC as well, and a reset ends it as "reboot"', () => {
    const bench = new Bench([guest(A.movz(0, 0x8400, 16), A.movk(0, 9), A.smc())]);
    expect(bench.run()).toBe('done');
    expect(bench.states()).toEqual(['reboot']);
  });

  it('finds its device tree at X0', () => {
    // The magic, byte by byte.
    const bench = new Bench([
      guest(
        A.addImm(2, 0, 0),
        [0, 1, 2, 3].flatMap(() => [A.ldrbPost(3, 2), ...put]),
        systemOff(),
      ),
    ]);
    const seen: number[] = [];
    bench.board.subscribe((event) => event.type === 'console' && seen.push(...event.bytes));
    expect(bench.run()).toBe('done');
    expect(seen).toEqual([0xd0, 0x0d, 0xfe, 0xed]);
  });

  it('sleeps in WFI until its timer fires', () => {
    const timer = [
      A.movz(3, 62500 >> 16, 16),
      A.movk(3, 62500 & 0xffff),
      A.msr(...CNTV_TVAL, 3),
      A.movz(3, 1),
      A.msr(...CNTV_CTL, 3),
    ];
    const bench = new Bench([
      guest(gicOn, timer, A.wfi, A.ldrW(8, 6, 12), A.addImm(3, 8, 0x30 - 27), put, systemOff()),
    ]);
    // Setting the timer ends the slice, WFI the next one.
    expect([1, 2, 3].map(() => bench.pcpu.step())).toEqual(['ran', 'last', 'idle']);
    expect(bench.pcpu.idleMs()).toBeCloseTo(1, 3);
    bench.ms = 0.9;
    expect(bench.pcpu.step()).toBe('idle');
    bench.ms = 1;
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('0');
  });

  it('takes input of any length whole, as it reads it', () => {
    // Echo until a NUL comes: poll RXFE.
    const loop = [
      uart,
      A.ldrW(3, UART, 0x18),
      A.tbnz(3, 4, -4),
      A.ldrW(3, UART),
      A.cbz(3, 12),
      A.strW(3, UART),
      A.b(-20),
    ];
    const bench = new Bench([guest(loop, systemOff())]);
    const paste = Array.from({ length: 65536 }, (_, n) => 33 + (n % 90));
    bench.board.input(1, Uint8Array.of(...paste, 0));
    expect(bench.board.inputPending(1)).toBe(65537);
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe(String.fromCharCode(...paste));
    expect(bench.board.inputPending(1)).toBe(0);
  });

  it('is held, with nothing lost, while nobody takes its output', () => {
    // Counts X4 down from 256 Ki and sends its low byte, each time once TXFF is clear.
    const loop = [A.ldrW(3, UART, 0x18), A.tbnz(3, 5, -4), A.strW(4, UART), countDownW4, A.cbnz(4, -16)];
    const bench = new Bench([guest(uart, A.movz(4, 4, 16), loop, systemOff()), guest(print('other\n'), systemOff())]);
    for (let n = 0; n < 20; n++) expect(bench.pcpu.step()).toBe('ran');
    bench.board.pump();
    expect(bench.bytes(1)).toHaveLength(65536);
    expect(bench.output(2)).toBe('other\n');
    expect(bench.states()).toEqual(['running', 'poweroff']);
    expect(bench.run()).toBe('done');
    expect(bench.states()).toEqual(['poweroff', 'poweroff']);
    expect(bench.bytes(1)).toEqual(Uint8Array.from({ length: 4 * 65536 }, (_, n) => -n & 0xff));
  });

  it('that ends with output that nobody took has it delivered before its end is told', () => {
    // 20 bytes more than the ring has; they wait in the FIFO.
    const loop = [uart, A.movz(4, 1, 16), A.addImm(4, 4, 20), A.strW(4, UART), countDownW4, A.cbnz(4, -8)];
    const bench = new Bench([guest(loop, systemOff())]);
    expect([1, 2, 3, 4, 5, 6, 7].map(() => bench.pcpu.step()).at(-1)).toBe('idle');
    bench.board.pump();
    expect(bench.states()).toEqual(['running']);
    expect(bench.run()).toBe('done');
    expect(bench.bytes()).toHaveLength(65536 + 20);
    expect(bench.states()).toEqual(['poweroff']);
    expect(bench.events.at(-1)).toMatchObject({ type: 'domain', state: 'poweroff' });
  });

  it('starts a second vCPU by CPU_ON with its context in X0', () => {
    const second = [A.addImm(3, 0, 0), ...put, ...systemOff()];
    const on = [
      A.movz(1, 1),
      A.adr(2, 28),
      A.movz(3, 0x37),
      A.movz(0, 0xc400, 16),
      A.movk(0, 3),
      A.hvc(),
      A.wfi,
      A.b(-4),
    ];
    const bench = new Bench([{ ...guest(on, second), cpus: 2 }]);
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('7');
  });

  it('ends if it takes all its vCPUs offline', () => {
    const bench = new Bench([guest(hvcCall(0x84000002))]);
    expect(bench.run()).toBe('done');
    expect(bench.states()).toEqual(['crashed']);
    expect(bench.board.domains[0]!.reason).toContain('offline');
  });

  it('gets a data abort where there is no device and no memory', () => {
    const code = [A.adr(4, 0x800 - 64), setVbar, A.movz(2, 0x900, 16), A.ldrW(3, 2)];
    while (code.length < (0x800 + 0x200 - 64) / 4) code.push(0);
    // ESR_EL1.EC, as a letter: 0x25 is a data abort from EL1.
    code.push(A.mrs(3, 0, 5, 2, 0, 3), 0xd35afc63, ...put, ...systemOff());
    const bench = new Bench([guest(code)]);
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('%');
  });

  it('finds HVC with an unknown immediate undefined', () => {
    const code = [A.adr(4, 0x800 - 64), setVbar, A.hvc(0x123)];
    while (code.length < (0x800 + 0x200 - 64) / 4) code.push(0);
    code.push(...putChar('U'), ...systemOff());
    const bench = new Bench([guest(code)]);
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('U');
  });

  it('that faults for ever keeps nobody else from running', () => {
    // No memory at VBAR_EL1 = 0: each exception raises the next.
    const bench = new Bench([guest(A.movz(4, 0), setVbar, A.br(4)), guest(print('fine\n'), systemOff())]);
    expect(bench.run(() => bench.output(2) === 'fine\n' && bench.states()[1] === 'poweroff', 50)).toBe('until');
    expect(bench.states()).toEqual(['running', 'poweroff']);
    bench.board.stop();
    expect(bench.pcpu.step()).toBe('done');
  });

  it('has its memory up to the last page, and no further', () => {
    // 64 MiB and 3 pages: writes the last word, then the one behind it.
    const code = [A.adr(4, 0x800 - 64), setVbar, A.movz(2, 0x4400, 16), A.movk(2, 0x2ffc), A.strW(2, 2), A.ldrW(9, 2)];
    code.push(A.addImm(2, 2, 4), ...putChar('1'), A.strW(2, 2), ...putChar('2'));
    while (code.length < (0x800 + 0x200 - 64) / 4) code.push(0);
    // The vector prints the last two digits of the word, then FAR_EL1's.
    code.push(A.addImm(3, 9, 0), ...put, A.mrs(3, 0, 6, 0, 0, 3), ...put, ...systemOff());
    const bench = new Bench([{ ...guest(code), memoryKiB: 65536 + 12 }]);
    expect(bench.run()).toBe('done');
    expect([...bench.bytes()]).toEqual(['1'.charCodeAt(0), 0xfc, 0x00]);
  });

  it('sees neither memory of others nor its own twice', () => {
    // Writes a mark to its last word, and prints what was there.
    const code = [A.movz(2, 0x43ff, 16), A.movk(2, 0xfff8), A.ldr(3, 2), A.addImm(3, 3, 0x61), A.strW(3, 2), ...put];
    const bench = new Bench([guest(code, A.ldrW(3, 2), put, systemOff()), guest(code, systemOff())]);
    expect(bench.run()).toBe('done');
    expect([bench.output(1), bench.output(2)]).toEqual(['aa', 'a']);
  });
});

describe('the board', () => {
  it('ends a domain that touches more memory than there is to back it, and no other', () => {
    // A word in the middle of its 64 MiB, where nothing was loaded.
    const touch = [A.movz(2, 0x4200, 16), A.strW(2, 2)];
    const bench = new Bench([guest(touch, systemOff()), guest(print('fine\n'), systemOff())], { blocksLeft: 0 });
    expect(bench.run()).toBe('done');
    expect(bench.states()).toEqual(['crashed', 'poweroff']);
    expect(bench.board.domains[0]!.reason).toMatch(/memory of \d+ MiB is used up/);
    expect(bench.output(2)).toBe('fine\n');
    const enough = new Bench([guest(touch, systemOff())], { blocksLeft: 1 });
    enough.run();
    expect(enough.states()).toEqual(['poweroff']);
  });

  it('logs calls that nobody serves if guest_loglvl says so', () => {
    const kernel = guest(hvcCall(0x84000060), systemOff());
    for (const [chosen, lines] of [
      ['', []],
      ['xen,xen-bootargs = "guest_loglvl=none/all";', ['(XEN) d1v0 Unhandled SMC/HVC: 0x84000060']],
    ] as const) {
      const bench = new Bench([kernel], { host: { chosen } });
      bench.run();
      const logged = bench.events.flatMap((event) => (event.type === 'log' ? event.line : []));
      expect(logged.filter((line) => line.includes('Unhandled'))).toEqual(lines);
    }
  });
});

describe('runPcpu', () => {
  it('runs a board to its end, sleeping on the way', async () => {
    const timer = [A.movz(3, 5, 16), A.msr(...CNTV_TVAL, 3), A.movz(3, 1), A.msr(...CNTV_CTL, 3)];
    const { board } = boardOf([guest(gicOn, timer, A.wfi, print('awake\n'), systemOff())]);
    let output = '';
    board!.subscribe((event) => {
      if (event.type === 'console') output += text(event.bytes);
    });
    let notes = 0;
    runPcpu(board!.pcpuInit(0), { notify: () => notes++ });
    expect(notes).toBe(1);
    board!.pump();
    expect(output).toBe('awake\n');
    const { domains } = await board!.done;
    expect(domains).toMatchObject([{ id: 1, name: 'domU1', state: 'poweroff' }]);
  });
});
