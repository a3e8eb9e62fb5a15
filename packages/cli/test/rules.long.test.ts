/** That docs/rules is as the tables of diagnostics are: any change of a text makes its page out of date. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FOLDER, index, page, pagesThere, RULES } from './rules.ts';

const HOW = 'node tools/run.mjs packages/cli/test/write-rules.ts';

describe('docs/rules', () => {
  it('has a page for each rule', () => expect(pagesThere().sort()).toEqual(Object.keys(RULES).sort()));

  it.each(pagesThere())('%s is up to date, and says why', (code) => {
    const written = readFileSync(join(FOLDER, `${code}.md`), 'utf8');
    expect(written, HOW).toBe(page(code, written));
    expect(written).toMatch(/^# [\w-]+\n\n[A-Za-z]/);
  });

  it('has an index that is up to date', () => {
    expect(readFileSync(join(FOLDER, 'README.md'), 'utf8'), HOW).toBe(index());
  });
});
