import { parseConswitch } from '@dom0less/multiboot';
import { describe, expect, it } from 'vitest';
import { ConsoleBench, SWITCH, serialInput } from './console-mux-bench.ts';

describe('the focus', () => {
  it('starts at the first domain with a console', () => {
    expect(new ConsoleBench().mux.focus).toBe(1);
    expect(new ConsoleBench({ domains: [1, 2, 3], silent: [1] }).mux.focus).toBe(2);
    expect(new ConsoleBench({ domains: [1], silent: [1] }).mux.focus).toBe('xen');
  });

  it('passes over a domain without a console', () => {
    const bench = new ConsoleBench({ domains: [1, 2, 3], silent: [2] });
    expect(bench.type(SWITCH)).toBe(serialInput('DOM3'));
  });

  it('goes round: domains in order, then Xen, then again', () => {
    const bench = new ConsoleBench({ domains: [1, 2, 3] });
    bench.mux.announceFocus();
    expect(bench.shown()).toBe(serialInput('DOM1'));
    for (const receiver of ['DOM2', 'DOM3', 'Xen', 'DOM1', 'DOM2'])
      expect(bench.type(SWITCH)).toBe(serialInput(receiver));
    expect(bench.mux.focus).toBe(2);
  });

  it('takes two steps for six switch characters', () => {
    expect(new ConsoleBench({ domains: [1, 2, 3] }).type(SWITCH + SWITCH)).toBe(
      serialInput('DOM2') + serialInput('DOM3'),
    );
  });

  it('moves on when its domain ends, and the dead are skipped', () => {
    const bench = new ConsoleBench({ domains: [1, 2, 3] });
    bench.mux.domainEnded(2);
    expect(bench.shown()).toBe('');
    bench.mux.domainEnded(1);
    expect(bench.shown()).toBe(serialInput('DOM3'));
    bench.mux.domainEnded(1);
    expect(bench.shown()).toBe('');
    expect(bench.type(SWITCH)).toBe(serialInput('Xen'));
    expect(bench.type(SWITCH)).toBe(serialInput('DOM3'));
    bench.mux.domainEnded(3);
    expect(bench.shown()).toBe(serialInput('Xen'));
    expect(bench.type(SWITCH)).toBe(serialInput('Xen'));
    expect(bench.mux.focus).toBe('xen');
  });
});

describe('input', () => {
  it('goes to the domain in focus, exactly', () => {
    const bench = new ConsoleBench();
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => 255 - index);
    bench.mux.input(bytes);
    expect([...(bench.delivered.get(1) ?? [])]).toEqual([...bytes]);
    bench.type(`${SWITCH}two`);
    expect(bench.got(2)).toBe('two');
  });

  it('brings one or two switch characters before the character that follows them', () => {
    const bench = new ConsoleBench();
    bench.type('\x01');
    expect(bench.got(1)).toBe('');
    bench.type('\x01');
    expect(bench.got(1)).toBe('');
    bench.type('b\x01c');
    expect(bench.got(1)).toBe('\x01\x01b\x01c');
  });

  it('that was typed before a switch does not go to the next domain', () => {
    const bench = new ConsoleBench();
    bench.type(`one${SWITCH}\x01two`);
    expect(bench.got(1)).toBe('one');
    expect(bench.got(2)).toBe('\x01two');
  });

  it('arrives whole when it is long, in pieces of limited size', () => {
    const bench = new ConsoleBench();
    const paste = 'x'.repeat(65_536);
    bench.type(paste);
    expect(bench.got(1)).toBe(paste);
    expect(bench.longest).toBe(4096);
  });
});

describe('conswitch', () => {
  it('names another character', () => {
    const bench = new ConsoleBench({ conswitch: 'b' });
    expect(bench.type(`${SWITCH}\x02\x02\x02`)).toBe(serialInput('DOM2').replace('CTRL-a', 'CTRL-b'));
    expect(bench.got(1)).toBe(SWITCH);
  });

  it('disables switching and the hint with a back-quote', () => {
    const bench = new ConsoleBench({ conswitch: '`' });
    bench.mux.announceFocus();
    expect(bench.shown()).toBe('(XEN) *** Serial input to DOM1\n');
    expect(bench.type(`${SWITCH}\x00\x00\x00`)).toBe('');
    expect(bench.got(1)).toBe(`${SWITCH}\x00\x00\x00`);
  });

  it('starts at Xen with an x', () => {
    const bench = new ConsoleBench({ conswitch: 'ax' });
    expect(bench.mux.focus).toBe('xen');
    bench.mux.announceFocus();
    expect(bench.shown()).toBe(serialInput('Xen'));
    expect(bench.type(SWITCH)).toBe(serialInput('DOM1'));
  });

  it.each([
    ['a', { code: 1, letter: 'a', startAtXen: false }],
    ['zx', { code: 26, letter: 'z', startAtXen: true }],
    ['}', { code: 29, letter: '}', startAtXen: false }],
    ['bxyz', { code: 2, letter: 'b', startAtXen: true }],
    ['`', { letter: '`', startAtXen: false }],
  ])('reads %j', (value, expected) => {
    expect(parseConswitch(value)).toEqual(expected);
  });

  it.each(['', 'A', '1x', '\x7f', 'é'])('says what is wrong with %j, and switches with nothing', (value) => {
    const parsed = parseConswitch(value);
    expect(parsed.problem).toContain(JSON.stringify(value));
    expect(parsed.problem).toContain('lower-case letter');
    expect(parsed).not.toHaveProperty('code');
    expect(new ConsoleBench({ conswitch: value }).type(SWITCH)).toBe('');
  });
});

describe('a domain that is not in focus', () => {
  it('is shown in lines', () => {
    const bench = new ConsoleBench();
    expect(bench.writes(2, 'hel')).toBe('');
    expect(bench.writes(2, 'lo\r\nwor')).toBe('(XEN) DOM2: hello\r\n');
    expect(bench.writes(2, 'ld\n\n')).toBe('(XEN) DOM2: world\n(XEN) DOM2: \n');
  });

  it('has a line ended after 126 bytes', () => {
    const bench = new ConsoleBench();
    expect(bench.writes(2, 'x'.repeat(125))).toBe('');
    expect(bench.writes(2, 'y')).toBe(`(XEN) DOM2: ${'x'.repeat(125)}y\n`);
    expect(bench.writes(2, '\n')).toBe('(XEN) DOM2: \n');
  });

  it('has no newline added when the 126th byte is one', () => {
    expect(new ConsoleBench().writes(2, `${'x'.repeat(125)}\n`)).toBe(`(XEN) DOM2: ${'x'.repeat(125)}\n`);
  });

  it.each(['é', '→', '𝄞'])('does not have %s torn by that', (character) => {
    for (let length = 122; length < 126; length++) {
      const bench = new ConsoleBench();
      const shown = bench.writes(2, `${'x'.repeat(length)}${character}end\n`);
      expect(shown).not.toContain('\ufffd');
      expect(shown.replaceAll('(XEN) DOM2: ', '').replaceAll('\n', '')).toBe(`${'x'.repeat(length)}${character}end`);
    }
  });

  it('has bytes that are no UTF-8, and escape sequences, shown as they are', () => {
    const bench = new ConsoleBench();
    const bytes = Uint8Array.from([0xff, 0xe2, 0x1b, 0x5b, 0x36, 0x6e, 0x80, 0x00, 0xf0, 0x0a]);
    bench.mux.output(2, bytes);
    expect(bench.shownBytes()).toBe(`(XEN) DOM2: ${String.fromCharCode(...bytes)}`);
  });

  it('has the rest of its last line shown when it ends', () => {
    const bench = new ConsoleBench();
    bench.writes(2, 'Power down');
    bench.mux.domainEnded(2);
    expect(bench.shown()).toBe('(XEN) DOM2: Power down\n');
  });

  it('has what is held back shown on demand', () => {
    const bench = new ConsoleBench();
    bench.writes(2, 'login: ');
    bench.mux.flushLines();
    bench.mux.flushLines();
    expect(bench.shown()).toBe('(XEN) DOM2: login: \n');
  });
});

describe('the domain in focus', () => {
  it('is shown byte by byte with (XEN) at line starts', () => {
    const bench = new ConsoleBench();
    expect(bench.writes(1, '/ # ')).toBe('(XEN) / # ');
    expect(bench.writes(1, 'l')).toBe('l');
    expect(bench.writes(1, 's\r\nbin\n')).toBe('s\r\n(XEN) bin\n');
  });

  it('is not cut after 126 bytes', () => {
    expect(new ConsoleBench().writes(1, 'x'.repeat(500))).toBe(`(XEN) ${'x'.repeat(500)}`);
  });

  it('has text from before the switch shown with its next byte, and a newline added', () => {
    const bench = new ConsoleBench();
    bench.writes(2, '/ # ');
    expect(bench.type(SWITCH)).toBe(serialInput('DOM2'));
    expect(bench.writes(2, 'ls')).toBe('(XEN) / # l\n(XEN) s');
  });

  it('has no newline added there if the next byte is one', () => {
    const bench = new ConsoleBench();
    bench.writes(2, 'half');
    bench.type(SWITCH);
    expect(bench.writes(2, '\nline')).toBe('(XEN) half\n(XEN) line');
  });

  it('has no UTF-8 character torn there', () => {
    const bench = new ConsoleBench();
    bench.writes(2, '/ # ');
    bench.type(SWITCH);
    expect(bench.writes(2, '→x')).toBe('(XEN) / # →\n(XEN) x');
  });

  it('is within its line still after a line of another source, as with Xen', () => {
    const bench = new ConsoleBench();
    expect(bench.writes(1, '/ # ')).toBe('(XEN) / # ');
    expect(bench.writes(2, 'tick\n')).toBe('(XEN) DOM2: tick\n');
    expect(bench.writes(1, 'ls')).toBe('ls');
  });

  it('begins a line of its own when it is in lines again', () => {
    const bench = new ConsoleBench();
    bench.writes(1, '/ # ');
    bench.type(SWITCH);
    expect(bench.writes(1, 'tick\n')).toBe('(XEN) DOM1: tick\n');
  });
});

describe('fresh lines', () => {
  it('begin on a new line, and the line that they broke goes on with a prefix', () => {
    const bench = new ConsoleBench({ freshLines: true });
    bench.writes(1, '/ # ');
    expect(bench.writes(2, 'tick\n')).toBe('\n(XEN) DOM2: tick\n');
    expect(bench.writes(1, 'ls')).toBe('(XEN) ls');
    bench.mux.log('(XEN) news');
    expect(bench.shown()).toBe('\n(XEN) news\n');
    bench.mux.log('more');
    expect(bench.shown()).toBe('(XEN) more\n');
  });
});

describe('the raw style', () => {
  it('shows the domain in focus without a prefix', () => {
    const bench = new ConsoleBench({ focused: 'raw' });
    expect(bench.writes(1, 'a\r\nb')).toBe('a\r\nb');
    expect(bench.writes(2, 'tick\n')).toBe('\n(XEN) DOM2: tick\n');
  });

  it('shows a prompt from before the switch at once', () => {
    const bench = new ConsoleBench({ focused: 'raw' });
    bench.writes(2, '/ # ');
    expect(bench.type(SWITCH)).toBe(`${serialInput('DOM2')}/ # `);
    expect(bench.writes(2, 'ls')).toBe('ls');
  });
});

describe('the lines style', () => {
  it('shows the domain in focus as the others', () => {
    const bench = new ConsoleBench({ focused: 'lines' });
    expect(bench.writes(1, 'a\nb')).toBe('(XEN) DOM1: a\n');
    expect(bench.type(SWITCH)).toBe(serialInput('DOM2'));
    expect(bench.writes(1, '\n')).toBe('(XEN) DOM1: b\n');
  });
});

describe('newlines', () => {
  it('become CR LF when cooked, a carriage return before them notwithstanding', () => {
    const bench = new ConsoleBench({ newlines: 'cooked' });
    expect(bench.writes(2, 'a\r\nb\n')).toBe('(XEN) DOM2: a\r\r\n(XEN) DOM2: b\r\n');
  });

  it('lose their carriage return when plain; others stay', () => {
    const bench = new ConsoleBench({ newlines: 'plain' });
    expect(bench.writes(1, '50%\r')).toBe('(XEN) 50%');
    expect(bench.writes(1, '99%\r\r\n')).toBe('\r99%\r\n');
    expect(bench.writes(2, 'a\r\n')).toBe('(XEN) DOM2: a\n');
  });
});

describe('log lines', () => {
  it('get the prefix unless they have it', () => {
    const bench = new ConsoleBench();
    for (const line of ['(XEN) one', 'two', '(XEN)', '', 'three\nfour']) bench.mux.log(line);
    expect(bench.shown()).toBe('(XEN) one\n(XEN) two\n(XEN) \n(XEN) \n(XEN) three\n(XEN) four\n');
  });

  it('leave the terminal where a line can end it', () => {
    const bench = new ConsoleBench();
    bench.mux.endLine();
    expect(bench.shown()).toBe('');
    bench.writes(1, '/ # ');
    bench.mux.endLine();
    bench.mux.endLine();
    expect(bench.shown()).toBe('\n');
    expect(bench.writes(1, 'x')).toBe('(XEN) x');
  });
});

describe('a domain that the console was not told of', () => {
  it('is a bug of the caller', () => {
    expect(() => new ConsoleBench().writes(7, 'x')).toThrow('no domain 7');
    expect(() => new ConsoleBench().mux.domainEnded(7)).toThrow(RangeError);
  });
});
