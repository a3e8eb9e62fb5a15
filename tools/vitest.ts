import { defineProject } from 'vitest/config';

const conditions = ['@dom0less/source', 'import', 'module', 'default'];

/** Test settings that every package shares: sources of sibling packages are used unbuilt. */
export const project = (name: string) =>
  defineProject({
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    test: { name, include: ['src/**/*.test.ts', 'test/**/*.test.ts'] },
  });
