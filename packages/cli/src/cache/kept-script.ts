/** JavaScript of ours, with the bytecode that V8 made of it kept from run to run. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { codeFolder } from './code-folder.ts';
import { seal, unseal } from './sealed-file.ts';

/** What the script's text evaluates to: CommonJS's wrapper around a bundle. */
type Wrapper = (exports: object, require: NodeJS.Require, module: { exports: object }, __filename: string) => void;

const WORD = 4;

/** What V8 gives for a script with nothing in it: only the head tells of versions and flags. */
const emptyCode = (): Buffer => new Script('').createCachedData();

/**
 * V8 takes code only under the flags under which it was made, by a number in its head. The engine's flags, which are set
 * in between, say nothing about JavaScript's bytecode: gives the code that number of before.
 *
 * @param before {@link emptyCode} under the flags under which the code is to be taken.
 * @returns false where the number can't be told.
 */
function setFlagsNumber(code: Buffer, before: Buffer): boolean {
  const now = emptyCode();
  if (now.length !== before.length) return false;
  const changed: number[] = [];
  for (let at = 0; at < now.length; at += WORD) {
    if (!now.subarray(at, at + WORD).equals(before.subarray(at, at + WORD))) changed.push(at);
  }
  if (changed.length === 0) return true;
  const [at] = changed;
  if (changed.length > 1 || at === undefined || now.compare(code, at, at + WORD, at, at + WORD) !== 0) return false;
  before.copy(code, at, at, at + WORD);
  return true;
}

/** A script beside the command, which is loaded before flags of V8 are set. */
export class KeptScript {
  readonly #path: string;
  readonly #text: Buffer;
  readonly #identity: string;
  #script: Script | undefined;
  /** Of before flags were set; undefined if there is code already. */
  #before: Buffer | undefined;

  /** `use`: which of its uses this is. Each has code of its own, of what that use runs. */
  constructor(url: URL, use: string) {
    this.#path = fileURLToPath(url);
    this.#text = readFileSync(this.#path);
    const hash = createHash('sha256').update(this.#text).digest('hex');
    this.#identity = JSON.stringify(['script', hash, use, process.versions.v8, process.arch]);
  }

  get #name(): string {
    return createHash('sha256').update(this.#identity).digest('hex').slice(0, 32);
  }

  /** Runs the script; gives what it exports. */
  run<Exports>(): Exports {
    const bytes = codeFolder().read(this.#name);
    const [cachedData] = (bytes && unseal(this.#identity, 1, bytes)) ?? [];
    // Bundles are ASCII.
    const text = this.#text.toString('latin1');
    this.#script = new Script(text, { filename: this.#path, ...(cachedData ? { cachedData } : {}) });
    if (cachedData === undefined || this.#script.cachedDataRejected) this.#before = emptyCode();
    const module = { exports: {} };
    const wrapper = this.#script.runInThisContext() as Wrapper;
    wrapper(module.exports, createRequire(this.#path), module, this.#path);
    return module.exports as Exports;
  }

  /** Keeps V8's code of what has run by now, if nothing is kept yet. What can't be written is not kept. */
  keep(): void {
    if (this.#before === undefined || this.#script === undefined) return;
    const code = this.#script.createCachedData();
    if (setFlagsNumber(code, this.#before)) codeFolder().write(this.#name, seal(this.#identity, [code]));
    this.#before = undefined;
  }
}
