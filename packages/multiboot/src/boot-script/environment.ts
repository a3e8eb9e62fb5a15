import { splitAgain } from './parse-script.ts';
import type { ScriptWord } from './syntax.ts';

/** Longest value of a variable, and longest command line after its variables have their values, in characters. */
export const MAX_LINE = 16 * 1024;
/** Characters that all variables may have together. */
const MAX_ENVIRONMENT = 2 ** 20;

/** What U-Boot's qemu-arm64 board has in its environment; fdt_addr_r lies between the kernel and the ramdisk. */
export const DEFAULT_ENVIRONMENT: Readonly<Record<string, string>> = {
  fdt_addr: '0x40000000',
  scriptaddr: '0x40200000',
  loadaddr: '0x40200000',
  pxefile_addr_r: '0x40300000',
  kernel_addr_r: '0x40400000',
  fdt_addr_r: '0x43f00000',
  ramdisk_addr_r: '0x44000000',
  fdt_high: '0xffffffffffffffff',
  initrd_high: '0xffffffffffffffff',
  arch: 'arm',
  board: 'qemu-arm',
  devtype: 'virtio',
  devnum: '0',
  distro_bootpart: '1',
};

/** What a line became: its arguments, or why it has none. */
export type Expansion = { words: string[]; hashWord: boolean } | { detail: string } | { tooLong: true };

/** Environment variables, which setenv sets, and those of the shell, which `name=value` sets. */
export class Environment {
  readonly #variables = new Map<string, string>();
  readonly #shell = new Map<string, string>();
  #size = 0;
  /** Value of `$?`. */
  lastResult = 0;

  constructor(initial: Readonly<Record<string, string>>) {
    for (const [name, value] of Object.entries(initial)) this.set(name, value);
  }

  /** The value of an environment variable. */
  get(name: string): string | undefined {
    return this.#variables.get(name);
  }

  /** Names and values of all environment variables, by name. */
  entries(): [string, string][] {
    return [...this.#variables].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Sets an environment variable, or removes it if `value` is empty; false if there is no room for it. */
  set(name: string, value: string): boolean {
    return this.#put(this.#variables, name, value);
  }

  /** Sets a variable of the shell; false if there is no room for it. */
  setShell(name: string, value: string): boolean {
    return this.#put(this.#shell, name, value);
  }

  #put(map: Map<string, string>, name: string, value: string): boolean {
    const old = map.get(name);
    const freed = old === undefined ? 0 : name.length + old.length;
    const size = this.#size - freed + (value === '' ? 0 : name.length + value.length);
    if (value.length > MAX_LINE || size > MAX_ENVIRONMENT) return false;
    this.#size = size;
    if (value === '') map.delete(name);
    else map.set(name, value);
    return true;
  }

  /** The value of `$name`: `${name:-default}` and its kin included; an unknown one is empty. */
  lookup(reference: string): string {
    if (reference === '?') return String(this.lastResult);
    const colon = reference.indexOf(':');
    const name = colon < 0 ? reference : reference.slice(0, colon);
    const value = this.#variables.get(name) ?? this.#shell.get(name) ?? '';
    if (colon < 0) return value;
    const [kind, fallback] = [reference[colon + 1], reference.slice(colon + 2)];
    // As in hush, and the other way round than in other shells.
    if (kind === '+') return value === '' ? fallback : '';
    if (value !== '' || (kind !== '-' && kind !== '=')) return value;
    if (kind === '=') this.setShell(name, fallback);
    return fallback;
  }

  /** A word with the values of its variables; line ends in it become blanks. Undefined if it gets too long. */
  fill(word: ScriptWord): string | undefined {
    let text = '';
    let substituted = false;
    for (const part of word.parts) {
      substituted ||= typeof part !== 'string';
      text += typeof part === 'string' ? part : this.lookup(part.variable);
      if (text.length > MAX_LINE) return undefined;
    }
    return substituted ? text.replaceAll('\n', ' ') : text;
  }

  /**
   * The arguments of a command. As in hush, a command with variables is put together again, with apostrophes around
   * the words that had quotes, and split a second time: so an unquoted value can become several arguments.
   */
  expand(words: readonly ScriptWord[]): Expansion {
    const filled: string[] = [];
    let length = 0;
    for (const word of words) {
      const text = this.fill(word);
      length += (text?.length ?? MAX_LINE) + 3;
      if (text === undefined || length > MAX_LINE) return { tooLong: true };
      filled.push(text);
    }
    if (!words.some(({ parts }) => parts.some((part) => typeof part !== 'string'))) {
      return { words: filled, hashWord: false };
    }
    return splitAgain(filled.map((text, i) => (words[i]!.quoted ? `'${text}'` : text)).join(' '));
  }
}
