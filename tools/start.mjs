/** `npm start`: brings the dependencies, builds, and hands over to `dom0less start` with the arguments given. */
import { join } from 'node:path';
import { forwardSignals, install, nx, root, run, StepFailed, step } from './steps.mjs';

// Progress goes to stderr: stdout belongs to the consoles of the domains.
const say = (line) => process.stderr.write(`dom0less: ${line}\n`);

forwardSignals();
try {
  await step('dependencies', say, install);
  await step('build', say, () => nx('build'));
  const command = join(root, 'packages', 'cli', 'dist', 'main.cjs');
  const { code } = await run(process.execPath, [command, 'start', ...process.argv.slice(2)], { show: true });
  process.exitCode = code;
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  process.exitCode = error.exitCode;
}
