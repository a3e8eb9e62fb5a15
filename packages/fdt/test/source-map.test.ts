import { describe, expect, it } from 'vitest';
import { checkDts, type DtsSpan } from '../src/index.ts';

const SOURCE = `/dts-v1/;
/ {
	l: a@1 { // the node
		reg = <1
			2>;
		flag;
	};
};
&l { /* again */ reg = <3 4>; b { }; };
`;

const textOf = (span: DtsSpan | undefined): string | undefined => span?.text.slice(span.start, span.end);
const mapOf = (source: string, options = {}) => checkDts(source, { filename: 'x.dts', ...options }).sourceMap!;

describe('the source map of a compiled tree', () => {
  const map = mapOf(SOURCE);

  it('has the whole property that counts, through its semicolon', () => {
    expect(textOf(map.propertySpan('/a@1', 'reg'))).toBe('reg = <3 4>;');
    expect(textOf(map.propertySpan('/a@1', 'flag'))).toBe('flag;');
    expect(map.propertySpan('/a@1', 'none')).toBeUndefined();
  });

  it("has a node's name and where a property can be added", () => {
    expect(textOf(map.nameSpan('/a@1'))).toBe('a@1');
    expect(map.nameSpan('/')).toBeUndefined();
    const { text, start, end } = map.bodySpan('/a@1')!;
    expect([start === end, text.slice(start, start + 12)]).toEqual([true, ' // the node']);
    expect(textOf(map.nameSpan('/a@1/b'))).toBe('b');
  });

  it('gives no span for what the compiler added or another preprocessor made', () => {
    const added = mapOf('/dts-v1/; / { x = <&l>; l: a { }; };');
    expect(added.property('/a', 'phandle')).toBeDefined();
    expect(added.propertySpan('/a', 'phandle')).toBeUndefined();
    const marked = mapOf('# 1 "x.dts"\n/dts-v1/; / { x = <1>; };');
    expect(marked.property('/', 'x')).toMatchObject({ file: 'x.dts', line: 1 });
    expect(marked.propertySpan('/', 'x')).toBeUndefined();
  });

  it('leads through our own preprocessor to the file, but not into what a macro became', () => {
    const source = '#define N 5\n/dts-v1/;\n/ { x = <1>; y = <N>; };\n';
    const map = mapOf(source, { preprocess: true });
    const span = map.propertySpan('/', 'x');
    expect([span?.text, textOf(span)]).toEqual([source, 'x = <1>;']);
    expect(map.propertySpan('/', 'y')).toBeUndefined();
  });
});

it('checks are made as asked: more, fewer, or none', () => {
  const source = '/dts-v1/; / { a@1 { }; };';
  const codes = (options = {}) => checkDts(source, options).warnings.map(({ code }) => code);
  expect(codes()).toContain('unit_address_vs_reg');
  expect(codes({ disable: ['unit_address_vs_reg'] })).not.toContain('unit_address_vs_reg');
  expect(codes({ disable: 'all' })).toEqual([]);
});
