/** The part of the command line that runs boards, and what a process needs around it: all-commands.ts, but sooner loaded. */
import { commandLine } from './command-line.ts';
import { runCommand } from './commands/run.ts';
import { startCommand } from './commands/start.ts';
import { addSessions } from './session-commands.ts';

export { bugReport } from './command-line.ts';
export { EXIT } from './errors.ts';
export { nodeIo } from './io.ts';

export const main = commandLine([
  addSessions({ run: async () => ({ runCommand }), start: async () => ({ startCommand }) }),
]);
