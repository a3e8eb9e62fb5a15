/**
 * `npm test`: brings the dependencies, then checks style and layers, builds, checks types and runs all tests.
 *
 *   --all       also the long tests (*.long.test.ts)
 *   --coverage  with coverage
 *   any other argument goes to vitest: npm test -- --project fdt
 *
 * Ends with a line `N passed, M failed`. A failing check doesn't keep the tests from running, but fails the whole.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { binary, forwardSignals, install, nx, parallelism, root, run, runQuietly, StepFailed, step } from './steps.mjs';

const args = process.argv.slice(2);
const all = args.includes('--all');
const forVitest = args.filter((arg) => arg !== '--all');
const report = join(root, '.cache', 'vitest.json');
const say = (line) => process.stdout.write(`${line}\n`);
const failed = [];

/** A check whose failure is remembered while the rest goes on. */
async function check(name, work) {
  try {
    await step(name, say, work);
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    failed.push(name);
  }
}

const lint = async () => {
  await runQuietly(process.execPath, [
    binary('@biomejs/biome', 'biome'),
    'ci',
    '--colors=off',
    '--diagnostic-level=warn',
    '.',
  ]);
};
const script = (name) => async () => {
  await runQuietly(process.execPath, [join(root, 'tools', name)]);
};

/** Counts of vitest's report. A file that failed before its tests were known counts as one failure. */
function counts() {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  const broken = testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  return { passed: numPassedTests, failed: numFailedTests + broken.length, skipped: numPendingTests + numTodoTests };
}

async function vitest() {
  mkdirSync(join(root, '.cache'), { recursive: true });
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const workers = `--maxWorkers=${parallelism()}`;
  const command = [binary('vitest', 'vitest'), 'run', ...reporters, workers, ...forVitest];
  const { code } = await run(process.execPath, command, { show: true, env: all ? { DOM0LESS_LONG: '1' } : {} });
  return code;
}

forwardSignals();
const start = performance.now();
try {
  await step('dependencies', say, install);
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  process.exit(error.exitCode);
}
await check('style', lint);
await check('layers', script('check-layers.mjs'));
await check('build and types', () => nx('build', 'typecheck'));
await check('packages', script('check-packages.mjs'));

say(`tests${all ? ', long ones too' : ''} ...`);
const code = await vitest();
let result;
try {
  result = counts();
} catch (error) {
  say(`vitest left no report that can be read: ${error.message}`);
  result = { passed: 0, failed: 0, skipped: 0 };
}
if (code !== 0) failed.push('tests');
else if (result.passed === 0) {
  say('NO TEST RAN');
  failed.push('tests');
}
if (result.skipped > 0) say(`${result.skipped} skipped`);
say(
  `${failed.length === 0 ? 'all checks passed' : `FAILED: ${failed.join(', ')}`} (${((performance.now() - start) / 1000).toFixed(1)} s)`,
);
say(`${result.passed} passed, ${result.failed} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
