import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codesOf, example, FOLDER, pagesThere, RULES, WITHOUT_EXAMPLE } from './rules.ts';

describe('the rules of check', () => {
  const codes = Object.keys(RULES);
  const withExample = codes.filter((code) => example(code, 'bad') !== undefined);

  it('all have a bad and a good example, or a reason for none', () => {
    const lacking = codes.filter((code) => !example(code, 'bad') || !example(code, 'good'));
    expect(lacking.sort()).toEqual(Object.keys(WITHOUT_EXAMPLE).sort());
  });

  it.each(withExample)('%s is found in its bad example, and not in its good one', (code) => {
    expect(codesOf(example(code, 'bad')!)).toContain(code);
    expect(codesOf(example(code, 'good')!)).not.toContain(code);
  });

  it.each(withExample)('%s has a page that shows its examples', (code) => {
    const page = readFileSync(join(FOLDER, `${code}.md`), 'utf8');
    for (const kind of ['bad', 'good'] as const) expect(page).toContain(example(code, kind)!.trimEnd());
  });

  it('have an index of their pages', () => {
    const index = readFileSync(join(FOLDER, 'README.md'), 'utf8');
    for (const code of pagesThere()) expect(index).toContain(`[${code}](${code}.md)`);
  });
});
