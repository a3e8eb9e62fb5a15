/** Python's own test modules, and arithmetic whose results V8 knows too. */
import { OK, type Suite } from './suite.ts';

/** Runs each module by itself with Python's regression test runner; it says `ok` only if the module ran and passed. */
export function python(modules: readonly string[]): Suite {
  const lines = [
    'pytest() { python3 -m test -v $1 >/tmp/pytest 2>&1; code=$?; grep -E "^(FAIL|ERROR):|^Ran |^== Tests result|^Traceback|Error" /tmp/pytest; tail -n 30 /tmp/pytest; [ $code = 0 ] && grep -q "^== Tests result: SUCCESS" /tmp/pytest && grep -q "^1 test OK" /tmp/pytest; }',
    ...modules.map((name) => `check python-${name} pytest ${name}`),
  ];
  const expected = new Map(modules.map((name) => [`python-${name}`, OK]));
  return { files: {}, script: lines.join('\n'), expected };
}
