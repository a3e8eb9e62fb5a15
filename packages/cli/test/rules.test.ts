import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codesOf, example, FOLDER, index, page, pagesThere, RULES } from './rules.ts';

/** Rules whose cause is an image a passthrough fragment, or a number of CPUs, which a source alone can't show; see the packages' tests. */
const WITHOUT_EXAMPLE =
  /^(?:kernel-(?:aarch32|nested|too-large|image-size|truncated)$|uimage-|zboot-|fragment-|placement-(?:no-memory|outside|no-room)$|board-memory-exhausted$|memory-budget$|host-memory-exhausted$|domains-too-many$|direct-map-|guest-map-overlap$|device-|interrupt-|domain-not-in-effect$|affinity-|cpupool-without-pcpus$|scheduler-replaced$|shm-direct-map$)/;
const HOW = 'node tools/run.mjs packages/cli/test/write-rules.ts';

describe('the rules of check', () => {
  const withExample = Object.keys(RULES).filter((code) => example(code, 'bad') !== undefined);

  it.each(withExample)('%s is found in its bad example, and not in its good one', (code) => {
    expect(codesOf(example(code, 'bad')!)).toContain(code);
    expect(codesOf(example(code, 'good')!)).not.toContain(code);
  });

  it('have an example each, or a reason for none', () => {
    const none = pagesThere().filter((code) => code in RULES && !withExample.includes(code));
    expect(none.filter((code) => !WITHOUT_EXAMPLE.test(code))).toEqual([]);
  });

  it.each(pagesThere())('%s has a page that is up to date', (code) => {
    expect(RULES, `docs/rules/${code}.md is about no rule`).toHaveProperty(code);
    const written = readFileSync(join(FOLDER, `${code}.md`), 'utf8');
    expect(written, HOW).toBe(page(code, written));
    expect(written).toMatch(/^# [\w-]+\n\n[A-Za-z]/);
  });

  it('have an index', () => {
    expect(readFileSync(join(FOLDER, 'README.md'), 'utf8'), HOW).toBe(index());
  });
});
