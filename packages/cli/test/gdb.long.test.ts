/** Debian's gdb in a domU. */
import { gdb } from './userland/gdb.ts';
import { userlandTests } from './userland/results.ts';

userlandTests({ packages: ['gdb-minimal'], suites: [gdb()], timeoutSeconds: 300 });
