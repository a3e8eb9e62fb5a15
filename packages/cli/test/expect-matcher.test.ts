import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MATCH_WINDOW } from '../src/console-text.ts';
import { ExpectMatcher } from '../src/expect-matcher.ts';
import { parseExpectation } from '../src/option-values.ts';

const expectation = (text: string) => {
  const parsed = parseExpectation(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.value;
};
const matcher = (...texts: string[]) => new ExpectMatcher(texts.map(expectation));
const bytes = (text: string) => new TextEncoder().encode(text);

describe('ExpectMatcher', () => {
  it('is met once every pattern was seen on its own domain, in any order', () => {
    const m = matcher('a=one', 'a=two', 'b=three');
    m.feed('b', bytes('one two three'));
    m.feed('a', bytes('two'));
    expect(m.met).toBe(false);
    expect(m.pending.map(({ regex }) => regex.source)).toEqual(['one']);
    m.feed('a', bytes('one'));
    expect(m.met).toBe(true);
  });

  it('without expectations it is never met', () => {
    const m = matcher();
    m.feed('a', bytes('x'));
    expect(m.met).toBe(false);
  });

  it('finds a text however it is cut, also within a character', () => {
    const text = 'Gruß aus dem Gast: ✓ bereit\r\n';
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sizes) => {
        const m = matcher('a=^Gruß.*✓ bereit$');
        const data = bytes(text);
        for (let at = 0, n = 0; at < data.length; n++) {
          const size = sizes[n % sizes.length]!;
          m.feed('a', data.subarray(at, at + size));
          at += size;
        }
        return m.met;
      }),
    );
  });

  it('^ and $ are the ends of lines', () => {
    const m = matcher('a=^login:$');
    m.feed('a', bytes('no login:\r\n'));
    expect(m.met).toBe(false);
    m.feed('a', bytes('login:\r\n'));
    expect(m.met).toBe(true);
  });

  it('holds a window of the text only, and ^ does not match where the window begins', () => {
    const m = matcher('a=^begin', 'a=end', 'a=^y+');
    m.feed('a', bytes('xbegin'));
    for (let n = 0; n < 40; n++) m.feed('a', bytes('x'.repeat(1000) + '\n'.repeat(n % 2) + 'x'.repeat(5000)));
    m.feed('a', bytes('e'));
    m.feed('a', bytes('nd'));
    expect(m.pending.map(({ regex }) => regex.source)).toEqual(['^begin', '^y+']);
    const far = matcher('a=start[^]*end');
    far.feed('a', bytes('start'));
    for (let n = 0; n < 3; n++) far.feed('a', bytes('.'.repeat(MATCH_WINDOW)));
    far.feed('a', bytes('end'));
    expect(far.met).toBe(false);
  });
});
