/** Debian's programs, unmodified, in a domU: a selection that takes a minute. The rest is in userland*.long.test.ts. */
import { kernel } from './userland/kernel.ts';
import { digests } from './userland/openssl.ts';
import { ptrace } from './userland/ptrace.ts';
import { python } from './userland/python.ts';
import { userlandTests } from './userland/results.ts';
import { sqlite } from './userland/sqlite.ts';
import { xz } from './userland/xz.ts';

const PYTHON_TESTS = ['test_float', 'test_struct'];

userlandTests({
  packages: ['openssl', 'sqlite3', 'xz-utils', 'perl', 'python3', 'python-testsuite'],
  suites: [kernel(), ptrace(), digests(), sqlite(2000), xz(60_000), python(PYTHON_TESTS)],
  pythonTests: PYTHON_TESTS,
  timeoutSeconds: 180,
});
