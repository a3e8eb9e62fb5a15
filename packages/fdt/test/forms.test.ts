import { describe, expect, it, test } from 'vitest';
import {
  CheckLevels,
  checkDts,
  type DtsCheckOptions,
  parseFdt,
  printAsm,
  printDts,
  printYaml,
  sortTree,
  writeFdt,
} from '../src/index.ts';
import { bytesOf, names, textOf } from './fixtures.ts';

/** dtc writes a byte above 0x7f as a negative number, which is read back as something else. */
const repaired = (text: string) => text.replaceAll('\\xffffff', '\\x');

/** Compiles a source of the fixtures and keeps what it says beside the tree. */
function compiled(name: string, options: DtsCheckOptions = {}) {
  const path = names.find((each) => each.endsWith(`/${name}.dts`))!;
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const include = (file: string) => (names.includes(folder + file) ? bytesOf(folder + file) : undefined);
  const { tree, sourceMap, errors } = checkDts(textOf(path), {
    filename: `${name}.dts`,
    include,
    disable: 'all',
    ...options,
  });
  expect(errors).toEqual([]);
  return { tree: tree!, source: sourceMap! };
}

const FORMS: Readonly<Record<string, (name: string) => string | Uint8Array>> = {
  asm: (name) => {
    const { tree, source } = compiled(name);
    return printAsm(tree, { source });
  },
  asm1: (name) => {
    const { tree, source } = compiled(name);
    return printAsm(tree, { source, version: 1, padding: 8, align: 64, reserveEntries: 2 });
  },
  v1: (name) => writeFdt(compiled(name).tree, { version: 1 }),
  v2: (name) => writeFdt(compiled(name).tree, { version: 2 }),
  v3: (name) => writeFdt(compiled(name).tree, { version: 3 }),
  yaml: (name) => {
    const { tree, source } = compiled(name);
    return printYaml(tree, source);
  },
  source: (name) => {
    const { tree, source } = compiled(name);
    return printDts(tree, { source });
  },
  sorted: (name) => {
    const { tree, source } = compiled(name, { symbols: true });
    return printDts(sortTree(tree), { source });
  },
  lines: (name) => {
    const { tree, source } = compiled(name);
    return printDts(tree, { source, annotate: { style: 'lines', main: `${name}.dts` } });
  },
  ranges: (name) => {
    const { tree, source } = compiled(name);
    return printDts(tree, { source, annotate: { style: 'ranges', main: `${name}.dts` } });
  },
};

describe('another form of output', () => {
  const files = names.filter((name) => name.startsWith('forms/'));

  test.each(files)('%s is as dtc writes it', (file) => {
    const [, name, form] = /^forms\/(.*)\.(\w+)$/.exec(file)!;
    const ours = FORMS[form!]!(name!);
    if (typeof ours === 'string') expect(ours).toBe(repaired(textOf(file)));
    else expect(ours).toEqual(bytesOf(file));
  });

  it('has every kind among the fixtures', () => {
    for (const form of Object.keys(FORMS)) expect(files.some((file) => file.endsWith(`.${form}`))).toBe(true);
  });

  it.each([1, 2, 3] as const)('of version %i is read back as the same tree', (version) => {
    const { tree } = compiled('merging');
    const back = parseFdt(writeFdt(tree, { version }));
    for (const node of back.root.walk()) node.removeProperty('name');
    if (version === 1) back.bootCpuidPhys = tree.bootCpuidPhys;
    expect(writeFdt(back)).toEqual(writeFdt(tree));
  });

  it('of a value with very many marks takes time in proportion', () => {
    const source = `/dts-v1/; / { a = <${'&n '.repeat(60_000)}>, ${'<1>, '.repeat(30_000)} <2>; n: n { }; };`;
    const { tree, sourceMap } = checkDts(source, { disable: 'all' });
    expect(printDts(tree!, { source: sourceMap })).toContain('<0x01>, <0x01>, <0x02>;');
    expect(printYaml(tree!, sourceMap!)).toContain('[0x2]]');
  });

  it('that YAML or source can not have is refused, or written as bytes', () => {
    const source = '/dts-v1/; / { a = "\\xe9"; b = /incbin/("f"), "x"; c = "\\0001"; d = <>, "y"; };';
    const { tree, sourceMap } = checkDts(source, { include: () => Uint8Array.of(1, 2), disable: 'all' });
    expect(() => printYaml(tree!, sourceMap!)).toThrow(
      expect.objectContaining({ code: 'FDT_ERR_BADVALUE', path: '/', property: 'a' }),
    );
    const printed = printDts(tree!, { source: sourceMap });
    expect(printed).toContain('a = "\\xe9";\n\tb = <0x1027800>;\n\tc = "\\0001";\n\td = "y";');
    expect(writeFdt(checkDts(printed).tree!)).toEqual(writeFdt(tree!));
  });
});

describe('a tree with errors of checks', () => {
  const SOURCE = `/dts-v1/;
/ {
	a = <1>;
	a = <2>;
	b { x = <&gone>; };
	b { phandle = <0>; };
	l: c { };
	l: d { };
};
`;

  it('is compiled if that is asked for, with all that the source has', () => {
    const { tree, errors } = checkDts(SOURCE, { force: true });
    expect(errors.map(({ check, nodePath }) => `${check} ${nodePath}`)).toEqual([
      'duplicate_property_names /',
      'duplicate_node_names /b',
      'duplicate_label /d',
      'explicit_phandles /b',
    ]);
    expect(tree!.root.properties.map(({ name, value }) => [name, value[3]])).toEqual([
      ['a', 1],
      ['a', 2],
    ]);
    expect(tree!.root.children.map(({ name }) => name)).toEqual(['b', 'b', 'c', 'd']);
    expect(tree!.node('/b')?.u32('x') ?? tree!.root.children[0]!.u32('x')).toBe(0xffffffff);
    expect(checkDts(SOURCE).tree).toBeUndefined();
    expect(checkDts('/dts-v1/; / { a = <&x; };', { force: true }).tree).toBeUndefined();
  });

  it('has no errors of checks that are off, and warnings of those that only warn', () => {
    const twins = '/dts-v1/; / { l: a { }; l: b { }; };';
    const off = new CheckLevels().lower('duplicate_label', 'error');
    expect(checkDts(twins, { levels: off })).toMatchObject({ errors: [], warnings: [] });
    const warning = new CheckLevels().lower('duplicate_label', 'error').raise('duplicate_label', 'warning');
    const { tree, warnings } = checkDts(twins, { levels: warning });
    expect(tree).toBeDefined();
    expect(warnings).toMatchObject([{ code: 'duplicate_label', severity: 'warning', path: '/b' }]);
  });

  it('raises what a check builds on, and lowers what builds on it', () => {
    const levels = new CheckLevels().raise('reg_format', 'error');
    expect(
      ['reg_format', 'addr_size_cells', 'size_cells_is_cell', 'ranges_format'].map((code) => levels.of(code)),
    ).toEqual(['error', 'error', 'error', 'warning']);
    levels.lower('size_cells_is_cell', 'error').lower('size_cells_is_cell', 'warning');
    expect(['reg_format', 'size_cells_is_cell', 'address_cells_is_cell'].map((code) => levels.of(code))).toEqual([
      'off',
      'off',
      'error',
    ]);
    expect(() => levels.raise('no_such_check', 'error')).toThrow(/no check named/);
  });
});
