/** Restarts, start order, and what becomes of the memory of domains that ended. */
import { assemble } from '@dom0less/arm64-cpu';
import { describe, expect, it } from 'vitest';
import { Bench, type GuestSpec, hvcCall, image, print, systemOff } from './board.ts';

const guest = (
  code: readonly (number | readonly number[])[],
  extra = '',
  more: Partial<GuestSpec> = {},
): GuestSpec => ({
  kernel: image(code.flat()),
  extra,
  ...more,
});
/** Words of assembled code. */
const asm = (source: string): number[] => {
  const { bytes } = assemble(source);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, n) => view.getUint32(4 * n, true));
};
const reset = hvcCall(0x84000009);
/** Prints a dot every 50 ms, for ever. */
const counting = asm(`
    ldr x5, =0x03001000       // GICD
    ldr x6, =0x03002000       // GICC
    ldr x1, =0x22000000
    mov w7, #1
    str w7, [x5]
    str w7, [x6]
    mov w7, #0xf0
    str w7, [x6, #4]
    mov w7, #0x8000000        // INTID 27
    str w7, [x5, #0x100]
    mov w3, #'.'
1:  ldr x4, =3125000
    msr cntv_tval_el0, x4
    mov x7, #1
    msr cntv_ctl_el0, x7
    wfi
    ldr w8, [x6, #12]
    str w8, [x6, #16]
    str w3, [x1]
    b 1b`);
const RESTART = 'dom0less,on-reboot = "restart";';
const lives = (bench: Bench, domain: number): string[] =>
  bench.events.flatMap((event) => (event.type === 'domain' && event.domain === domain ? event.state : []));

describe('a domain with on-reboot = "restart"', () => {
  it('starts again ten times from its pristine images, while its neighbour goes on', () => {
    // Counts its starts in shared memory; after ten restarts it powers off.
    const shm =
      'shm { compatible = "xen,domain-shared-memory-v1"; xen,shm-id = "n"; xen,shared-mem = <0 0x48000000 0 0x1000>; };';
    const code = asm(`
        ldr x1, =0x22000000
        ldr x2, =0x48000000
        ldr w4, [x2]
        add w4, w4, #1
        str w4, [x2]
        ldr x5, =0x41000000     // a word of RAM, and one of the image: both are broken for the next start
        ldr w3, [x5]
        adr x6, word
        ldr w7, [x6]
        add w3, w3, w7
        str w3, [x1]
        str w1, [x5]
        str w1, [x6]
        ldr x0, =0x84000008
        cmp w4, #11
        b.eq 1f
        add x0, x0, #1
    1:  hvc #0
    word: .word 0x41`);
    const bench = new Bench([guest(code, RESTART + shm), guest(counting)], {});
    const seen: number[] = [];
    bench.board.subscribe((event) => {
      if (event.type === 'domain' && event.domain === 1 && event.state === 'running') seen.push(bench.output(2).length);
    });
    expect(bench.run(() => bench.states()[0] === 'poweroff', 5000)).toBe('until');
    expect(bench.output(1)).toBe('A'.repeat(11));
    expect(bench.board.domains[0]).toMatchObject({ state: 'poweroff', restarts: 10 });
    expect(bench.states()[1]).toBe('running');
    expect(seen).toHaveLength(10);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBeGreaterThan(seen[0]! + 10);
  });

  it('has timers, interrupts and UART as on its first start', () => {
    // The timer is left pending and enabled, the UART with its interrupt unmasked and raised.
    const code = asm(`
        ldr x1, =0x22000000
        mrs x3, cntv_ctl_el0
        add w3, w3, #'0'
        str w3, [x1]
        ldr w3, [x1, #0x38]
        add w3, w3, #'0'
        str w3, [x1]
        mov w3, #0x20
        str w3, [x1, #0x38]
        mov x3, #1
        msr cntv_tval_el0, x3
        msr cntv_ctl_el0, x3
        ldr x0, =0x84000009
        hvc #0`);
    const bench = new Bench([guest(code, `${RESTART} dom0less,max-restarts = <3>;`)]);
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('00'.repeat(4));
  });

  it('waits longer and longer if it ends as soon as it starts', () => {
    const bench = new Bench([guest([reset], `${RESTART} dom0less,max-restarts = <6>;`)]);
    const starts: number[] = [];
    bench.board.subscribe((event) => event.type === 'domain' && event.state === 'running' && starts.push(bench.ms));
    expect(bench.run(undefined, 5000)).toBe('done');
    const gaps = starts.slice(1).map((at, n) => at - starts[n]!);
    expect(Math.max(...gaps.slice(0, 2))).toBeLessThan(20);
    for (const [n, gap] of gaps.slice(2).entries()) expect(gap).toBeGreaterThanOrEqual(125 * 2 ** n);
    expect(bench.board.domains[0]).toMatchObject({ state: 'reboot', restarts: 6 });
  });

  it('says in the event of its end that it will be back', () => {
    const bench = new Bench([guest([reset], `${RESTART} dom0less,max-restarts = <1>;`)]);
    bench.run();
    const ends = bench.events.flatMap((event) => (event.type === 'domain' && event.state === 'reboot' ? [event] : []));
    expect(ends.map(({ restarting }) => restarting)).toEqual([true, undefined]);
  });
});

describe('a domain that ends', () => {
  it('without a policy is left as it is, as with Xen', () => {
    const bench = new Bench([guest([asm('ldr x2, =0x41000000\n str w2, [x2]\n ldr x0, =0x84000009\n hvc #0')])]);
    expect(bench.run()).toBe('done');
    expect(lives(bench, 1)).toEqual(['running', 'reboot']);
    const { ram } = bench.planned[0]!.memory;
    expect(bench.physical(ram[0]!.pa + 0x1000000, 4)).toEqual(Uint8Array.of(0, 0, 0, 0x41));
  });

  it('with "destroy" is scrubbed, and its memory can be that of others', () => {
    // The first one touches 40 MiB and ends; then the second one starts and needs what the first had.
    const touch = (text: string, delay: number): number[] =>
      asm(`
        ldr x9, =${delay}
    0:  subs x9, x9, #1
        b.ne 0b
        ldr x1, =0x22000000
        ldr x2, =0x40800000
        ldr x4, =0x43000000
    1:  str w2, [x2]
        add x2, x2, #0x200000
        cmp x2, x4
        b.lo 1b
        adr x2, text
    2:  ldrb w0, [x2], #1
        cbz w0, 3f
        str w0, [x1]
        b 2b
    3:  ldr x0, =0x84000008
        hvc #0
    text: .asciz "${text}"
        .balign 4`);
    const first = guest([touch('first', 1)], 'dom0less,on-poweroff = "destroy";');
    const second = guest([touch('second', 2_000_000)], 'dom0less,start-after = "domU1", "first";');
    const bench = new Bench([first, second], { blocksLeft: 26 });
    expect(bench.run(undefined, 5000)).toBe('done');
    expect(bench.states()).toEqual(['poweroff', 'poweroff']);
    const { ram } = bench.planned[0]!.memory;
    expect(bench.physical(ram[0]!.pa, 4)).toEqual(new Uint8Array(4));
  });

  it('by a crash may start again too', () => {
    const offline = hvcCall(0x84000002);
    const bench = new Bench([
      guest([print('x'), offline], 'dom0less,on-crash = "restart"; dom0less,max-restarts = <2>;'),
    ]);
    expect(bench.run(undefined, 3000)).toBe('done');
    expect(bench.output()).toBe('xxx');
  });
});

describe('a domain that starts after another', () => {
  const hello = (text: string): number[] => [...print(text), ...systemOff()];

  it('waits for a line of its console', () => {
    const after = 'dom0less,start-after = "domU2", "^ready [0-9]+$";';
    const bench = new Bench([guest([hello('late\n')], after), guest([hello('not ready\nready 1\n')])]);
    expect(bench.states()).toEqual(['paused', 'running']);
    expect(bench.run()).toBe('done');
    expect([bench.output(1), bench.output(2)]).toEqual(['late\n', 'not ready\nready 1\n']);
    expect(lives(bench, 1)).toEqual(['paused', 'running', 'poweroff']);
  });

  it('or for its start only', () => {
    const bench = new Bench([guest([hello('a')], 'dom0less,start-after = "domU2";'), guest([hello('b')])]);
    expect(bench.states()).toEqual(['running', 'running']);
    const starts = bench.events.flatMap((event) => (event.type === 'domain' ? [event.domain] : []));
    expect(starts).toEqual([1, 2, 1]);
  });

  it('is given up when the other one ends without it', () => {
    const after = (name: string, pattern: string) => `dom0less,start-after = "${name}"${pattern};`;
    const bench = new Bench([
      guest([hello('a')]),
      guest([hello('b')], after('domU1', ', "login"')),
      guest([hello('c')], after('domU2', '')),
    ]);
    expect(bench.run()).toBe('done');
    expect(bench.states()).toEqual(['poweroff', 'failed', 'failed']);
    expect(bench.board.domains[1]!.reason).toBe('domU1 did not show /login/, which it waited for');
    expect(bench.board.domains[2]!.reason).toBe('domU2, which it starts after, was not started');
  });

  it('starts in the order that the tree gives', () => {
    const bench = new Bench([guest([hello('a')], 'dom0less,start-order = <2>;'), guest([hello('b')])]);
    const starts = bench.events.flatMap((event) => (event.type === 'domain' ? [event.domain] : []));
    expect(starts).toEqual([2, 1]);
  });
});

it("a domain's UUID is told", () => {
  const uuid = '01234567-89ab-cdef-0123-456789abcdef';
  const bench = new Bench([guest([systemOff()], `dom0less,uuid = "${uuid}"; dom0less,name = "web";`)]);
  expect(bench.board.domains[0]).toMatchObject({ name: 'web', nodeName: 'domU1', uuid });
});
