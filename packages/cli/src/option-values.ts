/** Values of the command line's options. Each parser gives a value or the text of what is wrong with it. */

/** A value, or what is wrong with the text. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };

/** A file and the host physical address that it is put at. */
export interface Load {
  readonly address: number;
  readonly file: string;
}

/** A pattern that a domain's console has to show. */
export interface Expectation {
  /** The domain's node name, with or without unit address. */
  readonly domain: string;
  readonly regex: RegExp;
}

/** Physical addresses have 48 bits (Arm ARM, ID_AA64MMFR0_EL1.PARange without 52-bit support). */
const PA_LIMIT = 2 ** 48;
const NUMBER = /^(?:0x[\da-f]+|\d+)$/i;
/** setTimeout's limit. */
const MAX_SECONDS = Math.floor((2 ** 31 - 1) / 1000);

/** Parses `ADDR=FILE`; ADDR is a host physical address below 2^48, hexadecimal with 0x or decimal. */
export function parseLoad(text: string): Parsed<Load> {
  const option = `--load ${text}`;
  const at = text.indexOf('=');
  if (at < 0) return { problem: `${option}: expected ADDR=FILE, e.g. --load 0x48000000=Image` };
  const [number, file] = [text.slice(0, at), text.slice(at + 1)];
  if (!NUMBER.test(number)) {
    return { problem: `${option}: ${JSON.stringify(number)} is no address; write it as 0x48000000 or 1207959552` };
  }
  const address = Number(number);
  if (address >= PA_LIMIT) return { problem: `${option}: the address does not fit in 48 bits` };
  if (file === '') return { problem: `${option}: the name of the file is missing` };
  return { value: { address, file } };
}

/** Parses `DOMAIN=REGEX`; REGEX is JavaScript's, with `^` and `$` at line ends. */
export function parseExpectation(text: string): Parsed<Expectation> {
  const option = `--expect ${text}`;
  const at = text.indexOf('=');
  if (at <= 0) return { problem: `${option}: expected DOMAIN=REGEX, e.g. --expect 'domU1=login:'` };
  const [domain, source] = [text.slice(0, at), text.slice(at + 1)];
  if (source === '') return { problem: `${option}: the regular expression is empty` };
  try {
    return { value: { domain, regex: new RegExp(source, 'm') } };
  } catch (error) {
    return { problem: `${option}: ${(error as Error).message}` };
  }
}

/** Parses a number of seconds, fractions allowed. */
export function parseTimeout(text: string): Parsed<number> {
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds > 0 && seconds <= MAX_SECONDS) return { value: seconds };
  return { problem: `--timeout ${text}: expected a number of seconds above 0 and at most ${MAX_SECONDS}` };
}

/** Parses a seed: an integer of at most 53 bits. */
export function parseSeed(text: string): Parsed<number> {
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return { value };
  return { problem: `--seed ${text}: expected an integer from 0 to ${Number.MAX_SAFE_INTEGER}` };
}

/** Parses a number of things from `least` to `most`. */
export const parseCount =
  (option: string, least: number, most: number) =>
  (text: string): Parsed<number> => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return { value };
    return { problem: `${option} ${text}: expected a number from ${least} to ${most}` };
  };

/** Most pCPUs: each takes a part of the board's 4 GiB. */
const MAX_PCPUS = 64;

/** Parses the number of pCPUs of a board. */
export const parsePcpus = parseCount('--pcpus', 1, MAX_PCPUS);

/** All values, or all problems. */
export function parseAll<T>(texts: readonly string[], parse: (text: string) => Parsed<T>, problems: string[]): T[] {
  const values: T[] = [];
  for (const text of texts) {
    const parsed = parse(text);
    if ('problem' in parsed) problems.push(parsed.problem);
    else values.push(parsed.value);
  }
  return values;
}
