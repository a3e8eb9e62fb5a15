/** Names of registers in assembly source. */
const REGISTER = /^([xw](zr|\d|[12]\d|30)|w?sp|[bhsdqv](\d|[12]\d|3[01]))$/i;

/** True if the name is a register's, so that it can't be a symbol in an expression. */
export const isRegisterName = (name: string): boolean =>
  REGISTER.test(name) || /^(fp|lr|v\d+\.\d*[bhsdq])$/i.test(name);

/** GNU as's other names. */
const SYNONYMS: Readonly<Record<string, string>> = { fp: 'x29', lr: 'x30', ip0: 'x16', ip1: 'x17' };

/** A register by its letter (x, w, b, h, s, d, q, v) and number, where 31 is the zero register; `sp` is the stack pointer. */
export interface RegisterName {
  readonly letter: string;
  readonly number: number;
  readonly sp: boolean;
}

/** Parses a lower-case register name; `undefined` where it is none. */
export function parseRegisterName(text: string): RegisterName | undefined {
  const name = SYNONYMS[text] ?? text;
  if (name === 'sp' || name === 'wsp') return { letter: name === 'sp' ? 'x' : 'w', number: 31, sp: true };
  if (!REGISTER.test(name)) return undefined;
  const number = name.endsWith('zr') ? 31 : Number(name.slice(1));
  return { letter: name[0]!, number, sp: false };
}

/** Name of a general register: `letter` x or w. */
export function generalName(letter: string, number: number, sp: boolean): string {
  if (number < 31) return `${letter}${number}`;
  if (sp) return letter === 'x' ? 'sp' : 'wsp';
  return `${letter}zr`;
}
