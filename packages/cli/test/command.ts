/** The built command in a process of its own, as a person uses it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.cjs', import.meta.url));

export class Command {
  readonly #child: ChildProcess;
  readonly #chunks: Buffer[] = [];
  stderr = '';
  /** Exit code; null if a signal ended it. */
  readonly exited: Promise<number | null>;
  #changed: () => void = () => {};

  /** `terminal`: at a terminal, by script(1) of bsdutils; `stty` tells the terminal's mode behind it. `env` is added. */
  constructor(
    args: readonly string[],
    { terminal = false, env = {} }: { terminal?: boolean; env?: Record<string, string> } = {},
  ) {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is not there: build the package first (pnpm build)`);
    const command = [process.execPath, MAIN, ...args];
    const inTerminal = ['script', '-qec', `${command.join(' ')}; echo code $?; stty -a`, '/dev/null'];
    const [file, ...rest] = terminal ? inTerminal : command;
    this.#child = spawn(file!, rest, { stdio: 'pipe', env: { ...process.env, ...env } });
    onTestFinished(() => void this.#child.kill('SIGKILL'));
    this.#child.stdout!.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#changed();
    });
    this.#child.stderr!.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString('utf8');
    });
    this.exited = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code) => {
        resolve(code);
        this.#changed();
      });
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get stdout(): string {
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  type(text: string): void {
    this.#child.stdin!.write(text, 'latin1');
  }

  endInput(): void {
    this.#child.stdin!.end();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until stdout shows a pattern, or what a test looks for; fails with its tail if the command ends before. */
  async shows(what: RegExp | ((stdout: string) => boolean)): Promise<void> {
    let code: number | null | undefined;
    void this.exited.then((value) => {
      code = value;
    });
    while (typeof what === 'function' ? !what(this.stdout) : !what.test(this.stdout)) {
      if (code !== undefined) {
        throw new Error(`exited with ${code} without showing ${what}\n${this.stdout.slice(-2000)}\n${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}
