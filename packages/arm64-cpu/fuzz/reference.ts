/** Runs records under qemu-aarch64 (user mode). */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { harness } from './harness.ts';

/** A core with FEAT_LSE, FEAT_RDM, CRC32 and the cryptographic instructions, and without SVE, PAuth and LSE2. */
const CPU = 'cortex-a76';
const COMMAND = 'qemu-aarch64';

/** A defect of the reference or of its set-up, with what to do. */
export class FuzzReferenceError extends Error {
  override readonly name = 'FuzzReferenceError';
}

export class Reference {
  /** The first line of its version. */
  readonly version: string;
  readonly #folder: string;
  readonly #program: string;
  #next = 0;

  /** Throws `FuzzReferenceError` where qemu-aarch64 isn't installed. */
  constructor() {
    const found = spawnSync(COMMAND, ['--version'], { encoding: 'utf8' });
    if (found.error || found.status !== 0) {
      throw new FuzzReferenceError(`${COMMAND} is not installed: on Debian, apt-get install qemu-user`);
    }
    this.version = found.stdout.split('\n')[0]!;
    this.#folder = mkdtempSync(join(tmpdir(), 'arm64-fuzz-'));
    this.#program = join(this.#folder, 'harness');
    writeFileSync(this.#program, harness(), { mode: 0o755 });
  }

  /** Starts a process on the records, and gives what they become. */
  async run(records: Uint8Array): Promise<Uint8Array> {
    const name = join(this.#folder, `${this.#next++}`);
    const [input, output] = [`${name}.in`, `${name}.out`];
    writeFileSync(input, records);
    const from = openSync(input, 'r');
    const to = openSync(output, 'w');
    try {
      const child = spawn(COMMAND, ['-cpu', CPU, this.#program], { stdio: [from, to, 'inherit'] });
      const code = await new Promise<string>((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (status, signal) => resolve(String(status ?? signal)));
      });
      const result = new Uint8Array(readFileSync(output));
      if (code !== '0' || result.length !== records.length) {
        throw new FuzzReferenceError(`${COMMAND} ended with ${code} after ${result.length} of ${records.length} bytes`);
      }
      return result;
    } finally {
      closeSync(from);
      closeSync(to);
      rmSync(input, { force: true });
      rmSync(output, { force: true });
    }
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
