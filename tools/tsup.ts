import type { Options } from 'tsup';

/** Build settings that every package shares; a package names its platform and, if it has several, its entries. */
export const library = (options: { platform: 'neutral' | 'node'; entry?: string[] }): Options => ({
  entry: options.entry ?? ['src/index.ts'],
  format: ['esm'],
  target: 'node20',
  platform: options.platform,
  dts: {
    compilerOptions: { ignoreDeprecations: '6.0', customConditions: [] },
  },
  sourcemap: true,
  clean: true,
  treeshake: true,
  splitting: false,
});
