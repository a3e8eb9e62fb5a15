import { configDefaults, defineProject } from 'vitest/config';

const conditions = ['@dom0less/source', 'import', 'module', 'default'];
/** Tests that take minutes: run by `npm run test:all`. */
const LONG = '**/*.long.test.ts';

/** Test settings that every package shares: sources of sibling packages are used unbuilt. */
export const project = (name: string) =>
  defineProject({
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    test: {
      name,
      include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
      exclude: [...configDefaults.exclude, ...(process.env.DOM0LESS_LONG === '1' ? [] : [LONG])],
      // A process per file: engines under test start threads of their own and may be stopped with it.
      pool: 'forks',
      testTimeout: 30_000,
      hookTimeout: 60_000,
    },
  });
