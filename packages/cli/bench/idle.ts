/**
 * Benchmark: processor time that 4 idle domUs cost: utime + stime of the whole process over 60 s, from 20 s after the last
 * of them is up. Linux only, and needs the built package. Argument: vCPUs of each; 1 if absent.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { UP_MARKER } from '../src/guests/index.ts';

const DOMAINS = 4;
const SETTLE_MS = 20_000;
const WINDOW_MS = 60_000;
/** /proc/PID/stat counts in hundredths of a second (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const args = ['dist/main.cjs', 'start', '--domains', String(DOMAINS), '--vcpus', process.argv[2] ?? '1'];
const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
let text = '';
await new Promise<void>((resolve) => {
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (text.split(UP_MARKER).length > DOMAINS) resolve();
  });
});
await sleep(SETTLE_MS);
const before = cpuSeconds(child.pid!);
await sleep(WINDOW_MS);
const used = cpuSeconds(child.pid!) - before;
child.kill('SIGTERM');
const percent = (100 * used) / (WINDOW_MS / 1000);
console.log(
  `${DOMAINS} idle domUs: ${used.toFixed(2)} s in ${WINDOW_MS / 1000} s, ${percent.toFixed(2)} % of one core`,
);
