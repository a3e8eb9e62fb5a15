/** What a board keeps resident beside the guests' RAM. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { UP_MARKER } from '../../src/guests/index.ts';
import { type Command, environment } from './measured-process.ts';

const MIB = 2 ** 20;
const SECONDS = 180;

/** In MiB. */
export interface Memory {
  /** Proportional set size when the last domain has said its marker. */
  readonly resident: number;
  /** Guest RAM that is backed then. */
  readonly guests: number;
}

/** Proportional set size of a process in MiB. */
function residentMiB(pid: number): number {
  const line = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'));
  return Number(line?.[1]) / 1024;
}

/** An event of `--json`, as far as it is of interest here. */
interface Event {
  readonly event: string;
  readonly domain?: string;
  readonly base64?: string;
  readonly backedBytes?: number;
}

/** Boots until every domain's init has said its marker. The command is ours. */
export function measureMemory({ file, args, ...command }: Command, domains: number): Promise<Memory> {
  return new Promise((resolve, reject) => {
    const env = environment({ file, args, ...command });
    const child = spawn(file, [...args, '--json'], { stdio: ['ignore', 'pipe', 'ignore'], env });
    const timer = setTimeout(() => child.kill('SIGKILL'), SECONDS * 1000);
    const consoles = new Map<string, string>();
    let resident: number | undefined;
    let guests: number | undefined;
    let text = '';
    const hear = ({ event, domain = '', base64 = '', backedBytes = 0 }: Event): void => {
      if (event === 'memory') guests = backedBytes / MIB;
      if (event !== 'console' || resident !== undefined) return;
      consoles.set(domain, (consoles.get(domain) ?? '') + Buffer.from(base64, 'base64').toString('latin1'));
      const up = [...consoles.values()].filter((shown) => shown.includes(UP_MARKER));
      if (up.length < domains) return;
      resident = residentMiB(child.pid!);
      child.kill('SIGTERM');
    };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop()!;
      for (const line of lines) hear(JSON.parse(line) as Event);
    });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      if (resident !== undefined && guests !== undefined) resolve({ resident, guests });
      else reject(new Error(`${file} ended before every domain was up`));
    });
  });
}
