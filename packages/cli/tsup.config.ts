import { library } from '../../tools/tsup.ts';

export default {
  ...library({ platform: 'node', entry: ['src/index.ts', 'src/main.ts', 'src/pcpu-worker.ts'] }),
  // What a command needs is loaded when it runs: main.ts is small, the rest are chunks.
  splitting: true,
};
