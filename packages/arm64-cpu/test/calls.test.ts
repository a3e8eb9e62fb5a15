/** Calls of translated code by translated code, where what was called changes what it comes back to. */
import { afterEach, describe, expect, it } from 'vitest';
import { assemble } from '../src/asm/assemble.ts';
import { TRANSLATE_ALL, translateBoards, WAYS } from './board.ts';
import { CODE, DATA, Machine, NORMAL, UXN } from './machine.ts';

const FAR = CODE + 0x3000;
const LAST_OF_PAGE = 0xffc;

/** A caller at CODE and what it calls, `far`, in another page; EL1 may write both. */
function start(caller: string, callee: string): Machine {
  const m = new Machine();
  m.tables.map(CODE, CODE, NORMAL | UXN, { size: 0x200000, level: 2 });
  m.program(caller.replaceAll('far', `0x${FAR.toString(16)}`));
  m.program(callee, FAR);
  m.level(1);
  m.set('sp', BigInt(DATA + 0x1000));
  m.set('x19', BigInt(CODE));
  m.set('x20', BigInt(DATA));
  m.set('x28', 100n);
  m.set('pc', BigInt(CODE));
  return m;
}

const LOOP = `
again: bl far
       add x0, x0, #1
       sub x28, x28, #1
       cbnz x28, again
       hvc #0`;

afterEach(() => translateBoards(undefined));

describe.each(WAYS)('a call, $how', ({ translate }) => {
  const run = (caller: string, callee: string, budget = 1_000_000): Machine => {
    translateBoards(translate);
    const m = start(caller, callee);
    expect(m.go(budget)).toBe('request');
    expect([m.get('regionCalls'), m.get32('flagKind')]).toEqual([0n, 0]);
    return m;
  };

  it('comes back to code whose page was data meanwhile', () => {
    const m = run(LOOP, 'str x28, [x19, #0x800]\n str x28, [x19, #0x808]\n add x1, x1, #1\n ret');
    expect([m.get('x0'), m.get('x1'), m.read64(CODE + 0x808)]).toEqual([100n, 100n, 1n]);
  });

  it('comes back to an instruction that it has written', () => {
    // ADD x0, x0, #1 or #3, in turn.
    const one = `0x${new DataView(assemble('add x0, x0, #1').bytes.buffer).getUint32(0, true).toString(16)}`;
    const patch = `
      tst x28, #1
      ldr w2, =${one}
      mov w3, #0x800
      csel w3, w3, wzr, ne
      add w2, w2, w3
      str w2, [x19, #4]
      add x4, x19, #4
      dc cvau, x4
      dsb ish
      ic ivau, x4
      dsb ish
      isb
      ret`;
    expect(run(LOOP, patch).get('x0')).toBe(50n * 1n + 50n * 3n);
  });

  it('comes back to the next page', () => {
    const before = LAST_OF_PAGE - 4 * 4;
    const caller = `b start\n .space 0x${(before - 4).toString(16)}\n again: sub x28, x28, #1\n ldr x3, [x20]\n ldr x4, [x20]\n add x2, x2, #1\n bl far\n add x0, x0, #1\n cbnz x28, again\n hvc #0\n start: b again`;
    // Slices of all lengths: the caller's budget ends right behind the call, too.
    const states = [false, translate].map((how) => {
      translateBoards(how);
      const m = start(caller, 'add x1, x1, #1\n ret');
      const seen: bigint[] = [];
      for (let n = 0; m.get('x28') !== 0n; n++) {
        m.engine.run(m.vcpu, 1 + (n % 23));
        seen.push(m.get('pc'), m.get('instructions'), m.get('x0'), m.get('x1'));
      }
      return seen;
    });
    expect(states[1]).toEqual(states[0]);
  });

  it('comes back from any depth', () => {
    const callee = `
      1: str x30, [x20], #8
      subs x28, x28, #1
      b.eq 2f
      bl 1b
      2: add x1, x1, #1
      ldr x30, [x20, #-8]!
      ret`;
    const m = run('mov x28, #1000\n bl far\n hvc #0', callee);
    expect([m.get('x1'), m.get('x20')]).toEqual([1000n, BigInt(DATA)]);
  });

  it('never comes back where it is not expected to', () => {
    // Each turn leaves one more call behind.
    const m = run('again: bl far\n brk #0', `sub x28, x28, #1\n add x1, x1, #1\n cbz x28, 1f\n br x19\n 1: hvc #0`);
    expect([m.get('x1'), m.get('x28')]).toEqual([100n, 0n]);
  });

  it('leaves flags to whoever reads them', () => {
    const m = run(
      'again: cmp x28, #50\n bl far\n cinc x0, x0, hi\n sub x28, x28, #1\n cbnz x28, again\n hvc #0',
      'cinc x1, x1, lo\n ret',
    );
    expect([m.get('x0'), m.get('x1')]).toEqual([50n, 49n]);
    const set = run(
      'again: bl far\n cinc x0, x0, eq\n sub x28, x28, #1\n cbnz x28, again\n hvc #0',
      'fmov d0, x28\n fcmp d0, #0.0\n ands x1, x28, #3\n ret',
    );
    expect(set.get('x0')).toBe(25n);
  });

  it('sees the rounding that what was called has set', () => {
    const m = run(
      'fmov d1, #1.0\n fmov d2, #3.0\n again: fdiv d3, d1, d2\n bl far\n fdiv d4, d1, d2\n sub x28, x28, #1\n cbnz x28, again\n fmov x0, d3\n fmov x1, d4\n hvc #0',
      'mrs x2, fpcr\n eor x2, x2, #0x400000\n msr fpcr, x2\n ret',
    );
    // 1/3 to nearest and upwards: an even count of calls ends as it began.
    expect([m.get('x0'), m.get('x1')]).toEqual([0x3fd5_5555_5555_5556n, 0x3fd5_5555_5555_5555n]);
  });
});

describe('a call', () => {
  it('ends its slice as interpreted code does', () => {
    const states = [false, TRANSLATE_ALL].map((translate) => {
      translateBoards(translate);
      const m = start(LOOP, 'add x1, x1, #1\n cbz x1, 1f\n add x1, x1, #1\n 1: ret');
      const seen: bigint[] = [];
      for (let budget = 1; m.get('x28') !== 0n; budget = (budget % 37) + 1) {
        m.engine.run(m.vcpu, budget);
        seen.push(m.get('pc'), m.get('instructions'), m.get('x1'));
      }
      return seen;
    });
    expect(states[1]).toEqual(states[0]);
  });
});
