/** Debian's programs, unmodified, in a domU: openssl, sqlite3, xz, perl, and Python's own tests. */
import { describe } from 'vitest';
import { authenticated, ciphers, digests, keys } from './userland/openssl.ts';
import { perl } from './userland/perl.ts';
import { python } from './userland/python.ts';
import { userlandTests } from './userland/results.ts';
import { sqlite } from './userland/sqlite.ts';
import { xz } from './userland/xz.ts';

const PACKAGES = ['openssl', 'sqlite3', 'xz-utils', 'perl', 'python3', 'python-testsuite'];
const PYTHON_TESTS = [
  'test_math',
  'test_float',
  'test_struct',
  'test_int',
  'test_cmath',
  'test_statistics',
  'test_zlib',
  'test_hashlib',
  'test_json',
  'test_re',
];

describe('openssl, sqlite3, xz and perl', () => {
  userlandTests({
    packages: PACKAGES,
    suites: [
      digests(['', '-neon', '-plain']),
      ciphers(['', '-neon', '-plain']),
      authenticated(['', '-neon', '-plain']),
      keys(),
      sqlite(20_000),
      xz(600_000),
      perl(),
    ],
    timeoutSeconds: 600,
  });
});

describe("Python's own tests", () => {
  userlandTests({
    packages: PACKAGES,
    suites: [python(PYTHON_TESTS)],
    pythonTests: PYTHON_TESTS,
    timeoutSeconds: 900,
  });
});
