/**
 * What `npm start` and `npm test` have in common: steps that report themselves in plain lines, children that are
 * stopped with us, the installation of dependencies, and the build. Nothing but Node and npm is needed.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const PNPM = ['-y', 'pnpm@10'];
const HEARTBEAT_MS = 15_000;
/** node_modules/.dom0less-install: what the installed dependencies were made from. */
const STAMP = join(root, 'node_modules', '.dom0less-install');

/** A program ended unsuccessfully; `exitCode` is what we end with, `log` what it said. */
export class StepFailed extends Error {
  constructor(message, exitCode, log) {
    super(message);
    this.exitCode = exitCode;
    this.log = log;
  }
}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

const children = new Set();
let stopping;

function forward(signal) {
  stopping = signal;
  for (const child of children) child.kill(signal);
  if (children.size === 0) process.exit(128 + constants.signals[signal]);
}

/** Passes signals on to running children. A terminal sends its interrupt to all of us itself. */
export function forwardSignals() {
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    process.on(signal, () => {
      if (signal === 'SIGINT' && process.stdin.isTTY) stopping = signal;
      else forward(signal);
    });
  }
}

/**
 * Runs a program in the repository's root and resolves with its exit code (128 + n after signal n) and its output.
 * With `show`, it has our standard streams and the output is empty.
 */
export function run(file, args, { show = false, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: show ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32' && file === 'npx',
    });
    children.add(child);
    let log = '';
    const keep = (text) => {
      log += text;
    };
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    child.once('error', (error) => {
      children.delete(child);
      reject(new StepFailed(`${file} can't be run: ${error.message}`, 1, ''));
    });
    child.once('close', (code, signal) => {
      children.delete(child);
      // A program that has our streams decides how it ends; behind a quiet one there is nothing left to do.
      if (stopping !== undefined && !show) process.exit(128 + constants.signals[stopping]);
      resolve({ code: code ?? 128 + constants.signals[signal], log });
    });
  });
}

/** Runs a program quietly; its output is kept for the report of a failure. */
export async function runQuietly(file, args, options) {
  const { code, log } = await run(file, args, options);
  if (code !== 0) throw new StepFailed(`${[file, ...args].join(' ')} ended with ${code}`, code, log);
  return log;
}

/**
 * Runs one step between two lines: what starts, and how it ended after how long. A long one says that it still runs.
 * `work` may return a remark for the last line; when it fails, the log of what failed is printed and the error passed on.
 */
export async function step(name, say, work) {
  const start = performance.now();
  say(`${name} ...`);
  const heartbeat = setInterval(() => say(`${name} ... ${seconds(start)}`), HEARTBEAT_MS);
  try {
    const remark = await work();
    say(`${name}: done${remark ? `, ${remark}` : ''} (${seconds(start)})`);
  } catch (error) {
    if (error.log) say(error.log.trimEnd());
    say(`${name}: FAILED (${seconds(start)}): ${error.message}`);
    throw error;
  } finally {
    clearInterval(heartbeat);
  }
}

/** How many things to do at once. */
export const parallelism = () => Math.max(1, Math.min(8, availableParallelism()));

/** Hash of everything that decides what an installation holds. */
function installationKey() {
  const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name, 'package.json'));
  const files = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', ...packages.sort()];
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  for (const file of files) {
    const path = join(root, file);
    if (existsSync(path)) hash.update(`\0${file}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** Installs the locked dependencies with our own pnpm, unless they are the installed ones. Returns a remark for {@link step}. */
export async function install() {
  const key = installationKey();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === key) return 'up to date';
  await runQuietly('npx', [...PNPM, 'install', '--frozen-lockfile', '--config.confirm-modules-purge=false']);
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, key);
  return '';
}

/** Of nx's output, what the failed tasks said; all of it if it names none. */
function failedTasks(log) {
  const failed = new Set([...log.matchAll(/^- (\S+:\S+)$/gm)].map((match) => match[1]));
  const blocks = log.split(/^(?=> nx run |\s*NX {2})/m);
  const said = blocks.filter((block) => failed.has(/^> nx run (\S+)/.exec(block)?.[1]));
  return said.length > 0 ? said.join('') : log;
}

/** Runs nx targets over all packages. What did not change comes from nx's cache. Returns a remark for {@link step}. */
export async function nx(...targets) {
  const args = ['run-many', '-t', ...targets, '--output-style=static', `--parallel=${parallelism()}`];
  const env = { NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true' };
  const { code, log } = await run(process.execPath, [binary('nx', 'nx'), ...args], { env });
  if (code !== 0) throw new StepFailed(`nx ${args.join(' ')} ended with ${code}`, code, failedTasks(log));
  const cache = /Cache:\s+(\d+)\/(\d+) hit/.exec(log);
  return cache === null ? '' : `${cache[1]} of ${cache[2]} from cache`;
}

/** Packs one package of packages/ into `destination` and returns the path of the tarball. */
export async function packPackage(folder, destination) {
  const args = ['--dir', join(root, 'packages', folder), 'pack', '--json', '--pack-destination', destination];
  const log = await runQuietly('npx', [...PNPM, ...args]);
  return JSON.parse(log.slice(log.indexOf('{'), log.lastIndexOf('}') + 1)).filename;
}

/** Path of a program that one of the root's dependencies brings. */
export function binary(packageName, name) {
  const folder = join(root, 'node_modules', packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof bin === 'string' ? bin : bin[name]);
}
