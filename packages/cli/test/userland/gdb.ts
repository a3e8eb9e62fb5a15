/** A session of Debian's gdb: hardware breakpoint, steps, calls stepped over, hardware watchpoints, software breakpoint. */
import { executable } from './executable.ts';
import type { Suite } from './suite.ts';

const SOURCE = `
        .set    SYS_exit, 93
start:  mov     x19, #0
        adr     x20, counter
        mov     x21, #5
loop:   bl      add
        str     x19, [x20]
        subs    x21, x21, #1
        b.ne    loop
behind: ldr     x0, [x20]
        mov     x8, #SYS_exit
        svc     #0
add:    add     x19, x19, x21
        ret
        .balign 8
counter:
        .quad   0
`;

/** gdb sees a number change, a call, and the end, as the program makes them. */
export function gdb(): Suite {
  const { file, addressOf } = executable(SOURCE);
  const at = (label: string): string => `*0x${addressOf(label).toString(16)}`;
  const seen = String.raw`printf "SEEN %x %d\n", $pc, $x19`;
  const commands = [
    'set pagination off',
    'set confirm off',
    'starti',
    seen,
    // Met a first and a second time.
    `thbreak ${at('add')}`,
    'continue',
    seen,
    'stepi',
    seen,
    'stepi',
    seen,
    // The word changes twice: 5, then 9.
    `watch *(long *)0x${addressOf('counter').toString(16)}`,
    'continue',
    seen,
    'continue',
    seen,
    'delete',
    `rwatch *(long *)0x${addressOf('counter').toString(16)}`,
    'continue',
    seen,
    'delete',
    'continue',
  ];
  const hex = (label: string, words = 0): string => (addressOf(label) + 4 * words).toString(16);
  const expected = [
    `${hex('start')} 0`,
    `${hex('add')} 0`,
    `${hex('add', 1)} 5`,
    `${hex('loop', 1)} 5`,
    `${hex('loop', 2)} 5`,
    `${hex('loop', 2)} 9`,
    // gdb stops behind what read it.
    `${hex('behind', 1)} 15`,
  ].map((text) => `SEEN ${text}`);
  return {
    files: { counted: file, 'commands.gdb': commands.join('\n') },
    script: `cp counted /tmp/counted; chmod 755 /tmp/counted
session() {
  gdb -nx -batch -x commands.gdb /tmp/counted >/tmp/gdb.log 2>&1
  grep -E '^SEEN|exited with' /tmp/gdb.log >/tmp/gdb.seen || { cat /tmp/gdb.log; return 1; }
  sed 's/process [0-9]*/process PID/' /tmp/gdb.seen
}
value gdb session`,
    // Octal, as gdb has it: 15 is 017.
    expected: new Map([['gdb', `${expected.join(' ')} [Inferior 1 (process PID) exited with code 017]`]]),
  };
}
