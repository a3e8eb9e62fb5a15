import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConsoleView } from '../src/console-view.ts';
import { InputKeys, type KeyEvent } from '../src/input-keys.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const bytes = (value: string) => Buffer.from(value, 'latin1');

describe('InputKeys', () => {
  const feed = (chunks: readonly string[], options = { quit: true, switch: true }): (string | KeyEvent['type'])[] => {
    const keys = new InputKeys(options);
    return chunks
      .flatMap((chunk) => keys.feed(bytes(chunk)))
      .map((event) => (event.type === 'input' ? text(event.bytes) : event.type));
  };

  it.each([
    ['keys pass', ['ls\r'], ['ls\r']],
    ['three switch keys switch', ['a\x01\x01\x01b'], ['a', 'switch', 'b']],
    ['six switch twice', ['\x01\x01\x01', '\x01\x01\x01'], ['switch', 'switch']],
    ['one or two go to the domain with the next key', ['\x01', 'x', '\x01\x01y'], ['\x01x', '\x01\x01y']],
    ['the quit key quits, and nothing comes after it', ['a\x1db'], ['a', 'quit']],
  ])('%s', (_what, chunks, events) => expect(feed(chunks)).toEqual(events));

  it('without commands of ours every byte passes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (data) => {
        const events = new InputKeys({ quit: false, switch: false }).feed(data);
        return text(data) === events.map((event) => (event.type === 'input' ? text(event.bytes) : '?')).join('');
      }),
    );
  });
});

describe('ConsoleView', () => {
  const show = (view: ConsoleView, output: readonly (readonly [domain: number, value: string])[]): string =>
    output.map(([domain, value]) => text(view.show(domain, bytes(value)))).join('');

  it('a domain that is alone passes byte by byte', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (data) => {
        const view = new ConsoleView({ domains: [1], interactive: false });
        return text(view.show(1, data)) === text(data);
      }),
    );
  });

  it('several domains give whole lines with their names', () => {
    const view = new ConsoleView({ domains: [1, 2], interactive: false });
    const output = show(view, [
      [1, 'hel'],
      [2, 'good\r\nb'],
      [1, 'lo\r\n'],
      [2, 'ye\n'],
    ]);
    expect(output).toBe('(XEN) DOM2: good\n(XEN) DOM1: hello\n(XEN) DOM2: bye\n');
  });

  it('a line without end is not held back for ever', () => {
    const view = new ConsoleView({ domains: [1, 2], interactive: false });
    const output = show(view, [[2, 'x'.repeat(300)]]) + text(view.end(2));
    expect(output.split('\n').map((line) => line.replace('(XEN) DOM2: ', '').length)).toEqual([126, 126, 48, 0]);
  });

  it('at a terminal the focus is raw, and lines of others do not begin within one of its', () => {
    const view = new ConsoleView({ domains: [1, 2], interactive: true });
    const output = show(view, [
      [1, '# '],
      [2, 'tick\r\npart'],
      [1, 'ls'],
    ]);
    expect(output).toBe('# \n(XEN) DOM2: tick\nls');
    expect(text(view.focus(2))).toBe('\n(XEN) DOM2: part\n');
    expect(
      show(view, [
        [2, '> '],
        [1, 'done\n'],
      ]),
    ).toBe('> \n(XEN) DOM1: done\n');
  });
});
