import { library } from '../../tools/tsup.ts';

export default library({ platform: 'node', entry: ['src/index.ts', 'src/main.ts', 'src/pcpu-worker.ts'] });
