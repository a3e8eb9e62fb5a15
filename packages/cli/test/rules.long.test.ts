/** That docs/rules is as the tables of diagnostics are: any change of a text makes its page out of date. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { example, FOLDER, index, page, pagesThere, RULES } from './rules.ts';

/** Rules whose cause is an image, a passthrough fragment, or a number of CPUs, which a source alone can't show; see the packages' tests. */
const WITHOUT_EXAMPLE =
  /^(?:kernel-(?:aarch32|nested|too-large|image-size|truncated)$|uimage-|zboot-|fragment-|placement-(?:no-memory|outside|no-room)$|board-memory-exhausted$|memory-budget$|host-memory-exhausted$|domains-too-many$|direct-map-|guest-map-overlap$|device-|interrupt-|domain-not-in-effect$|affinity-|cpupool-without-pcpus$|scheduler-replaced$|shm-direct-map$)/;
const HOW = 'node tools/run.mjs packages/cli/test/write-rules.ts';

describe('docs/rules', () => {
  it('has a page for each rule, with examples or a reason for none', () => {
    expect(pagesThere().sort()).toEqual(Object.keys(RULES).sort());
    const none = Object.keys(RULES).filter((code) => example(code, 'bad') === undefined);
    expect(none.filter((code) => !WITHOUT_EXAMPLE.test(code))).toEqual([]);
  });

  it.each(pagesThere())('%s is up to date, and says why', (code) => {
    const written = readFileSync(join(FOLDER, `${code}.md`), 'utf8');
    expect(written, HOW).toBe(page(code, written));
    expect(written).toMatch(/^# [\w-]+\n\n[A-Za-z]/);
  });

  it('has an index that is up to date', () => {
    expect(readFileSync(join(FOLDER, 'README.md'), 'utf8'), HOW).toBe(index());
  });
});
