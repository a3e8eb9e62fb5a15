import { describe, expect, it } from 'vitest';
import { MATCH_WINDOW } from '../src/console-text.ts';
import { parseSend, type Send } from '../src/send-option.ts';
import { Typist } from '../src/typist.ts';

const bytes = (value: string) => Buffer.from(value, 'latin1');
const send = (text: string): Send => {
  const parsed = parseSend(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.value;
};
const typed = (typist: Typist, domain: string, text: string): string[] =>
  typist.feed(domain, bytes(text)).map((one) => Buffer.from(one).toString('latin1'));

describe('--send', () => {
  it.each([
    ['domU1=# $=ls\\n', 'domU1', '# $', 'ls\n'],
    ['d@1=a\\=b=c\\=d=e', 'd@1', 'a=b', 'c=d=e'],
    ['d=\\d+\\\\=x', 'd', '\\d+\\\\', 'x'],
    ['d=(?\\=x)x=\\x04\\xff\\t\\r\\\\', 'd', '(?=x)x', '\x04\xff\t\r\\'],
    ['d=x=', 'd', 'x', ''],
    ['d=x=é', 'd', 'x', '\xc3\xa9'],
  ])('%j is a domain, a pattern and bytes', (text, domain, source, typing) => {
    const value = send(text);
    expect(value).toMatchObject({ domain, regex: { source, flags: 'gm' } });
    expect(Buffer.from(value.bytes).toString('latin1')).toBe(typing);
  });

  it.each([
    ['domU1', 'expected DOMAIN=REGEX=TEXT'],
    ['domU1=x', 'expected DOMAIN=REGEX=TEXT'],
    ['=x=y', 'expected DOMAIN=REGEX=TEXT'],
    ['d=x\\=y', 'expected DOMAIN=REGEX=TEXT'],
    ['d==y', 'is empty'],
    ['d=(=y', 'Unterminated group'],
    ['d=x=\\q', '\\q is no escape'],
    ['d=x=\\x4', '\\x is no escape'],
    ['d=x=\\', '\\ is no escape'],
  ])('%j is refused: %s', (text, problem) => {
    expect(parseSend(text)).toMatchObject({ problem: expect.stringContaining(problem) });
  });
});

describe('a typist', () => {
  it('types each send once, in order, each at what comes behind the match of the one before', () => {
    const typist = new Typist([send('a=# =one'), send('a=# =two'), send('b=>=three')]);
    expect(typed(typist, 'a', 'x#')).toEqual([]);
    expect(typed(typist, 'a', ' ')).toEqual(['one']);
    expect(typed(typist, 'a', 'one\n')).toEqual([]);
    expect(typed(typist, 'b', '# >>')).toEqual(['three']);
    expect(typist.pending.map(({ domain }) => domain)).toEqual(['a']);
    expect(typed(typist, 'a', '# # ')).toEqual(['two']);
    expect(typist.pending).toEqual([]);
  });

  it('types several at once if all their patterns are there', () => {
    const typist = new Typist([send('a=x=1'), send('a=y=2'), send('a=x=3')]);
    expect(typed(typist, 'a', 'x y')).toEqual(['1', '2']);
  });

  it('sees a pattern behind any amount of other text', () => {
    const typist = new Typist([send('a=^start$=1'), send('a=^end$=2')]);
    expect(typed(typist, 'a', 'start\n')).toEqual(['1']);
    for (let n = 0; n < 5; n++) expect(typed(typist, 'a', '.'.repeat(MATCH_WINDOW / 2))).toEqual([]);
    expect(typed(typist, 'a', '\nend\n')).toEqual(['2']);
  });
});
