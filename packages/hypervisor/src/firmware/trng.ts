/** SMCCC TRNG 1.0 (Arm DEN 0098): entropy for domains, from the host or from a seed. */
import { type CallRegisters, NOT_SUPPORTED, type ServiceCall, uid } from './smccc.ts';
import { threefry } from './threefry.ts';

/** Fills `words` with random bits for the domain that calls. */
export type Entropy = (words: Uint32Array<ArrayBuffer>) => void;

const SUCCESS = 0;
const INVALID_PARAMETERS = -2;
const VERSION_1_0 = 0x0001_0000;
/** A call gives bits in three registers: X3 has the lowest, X1 the highest. */
const RESULTS = [3, 2, 1];

const TRNG_VERSION = 0x8400_0050;
const TRNG_FEATURES = 0x8400_0051;
const TRNG_GET_UUID = 0x8400_0052;
const TRNG_RND32 = 0x8400_0053;
const TRNG_RND64 = 0xc400_0053;

/** Gives as many bits as X1 asks for, with zeros above them; `width` is that of a register of the call. */
const rnd =
  (width: 32 | 64): ((registers: CallRegisters, entropy: Entropy) => void) =>
  (registers, entropy) => {
    const [bits, high] = [registers.w(1), width === 64 ? registers.high(1) : 0];
    if (bits === 0 || bits > RESULTS.length * width || high !== 0) {
      registers.set(0, INVALID_PARAMETERS);
      return;
    }
    const words = new Uint32Array(Math.ceil(bits / 32));
    entropy(words);
    const above = words.length * 32 - bits;
    words[words.length - 1] = words.at(-1)! >>> above;
    const perRegister = width / 32;
    RESULTS.forEach((register, n) => {
      registers.setWords(register, words[n * perRegister] ?? 0, width === 64 ? (words[n * 2 + 1] ?? 0) : 0);
    });
    registers.set(0, SUCCESS);
  };

/** A function of the service; its entropy is the calling domain's. */
type TrngCall = (registers: CallRegisters, entropy: Entropy) => void;

const constant =
  (call: ServiceCall): TrngCall =>
  (registers) =>
    call(registers);

const FUNCTIONS: ReadonlyMap<number, TrngCall> = new Map<number, TrngCall>([
  [TRNG_VERSION, constant((registers) => registers.set(0, VERSION_1_0))],
  [TRNG_FEATURES, (registers) => registers.set(0, FUNCTIONS.has(registers.w(1)) ? SUCCESS : NOT_SUPPORTED)],
  // 8f18a6be-1feb-5ab7-a54f-9b6f8ce3702e: version 5, made from the package's name.
  [TRNG_GET_UUID, constant(uid(0xbea6188f, 0xb75aeb1f, 0x6f9b4fa5, 0x2e70e38c))],
  [TRNG_RND32, rnd(32)],
  [TRNG_RND64, rnd(64)],
]);

/** How many function ids the service has. */
export const TRNG_FUNCTION_COUNT = FUNCTIONS.size;

/** Serves the call in `registers` if it is one of the TRNG's; else gives false. */
export const callTrng = (registers: CallRegisters, entropy: Entropy): boolean => {
  const call = FUNCTIONS.get(registers.w(0));
  call?.(registers, entropy);
  return call !== undefined;
};

/**
 * Entropy that follows from a seed (a number of at most 53 bits): block `next()` of domain `id`. Every domain has a
 * sequence of its own, whatever the others do.
 */
export const seededEntropy =
  (seed: number, id: number, next: () => number): Entropy =>
  (words) => {
    const key = [seed >>> 0, Math.floor(seed / 2 ** 32), id, 0] as const;
    for (let at = 0; at < words.length; at += 4) {
      words.set(threefry([next(), 0, 0, 0], key).slice(0, words.length - at), at);
    }
  };

/** Entropy of the host: that of Web Crypto. */
export const hostEntropy: Entropy = (words) => void crypto.getRandomValues(words);
