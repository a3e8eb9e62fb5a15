import { library } from '../../tools/tsup.ts';

export default library({ platform: 'neutral', entry: ['src/index.ts', 'src/plan.ts'] });
