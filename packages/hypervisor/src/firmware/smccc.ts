/** SMC Calling Convention (Arm DEN 0028): function ids, registers of a call, and the services other than PSCI. */
import { stateOffset } from '@dom0less/arm64-cpu';

/** Results that all services share. */
export const NOT_SUPPORTED = -1;

/** Arguments and results of one call: X registers of the vCPU's state at `base`. */
export class CallRegisters {
  readonly #view: DataView;
  base = 0;

  constructor(view: DataView) {
    this.#view = view;
  }

  /** Low 32 bits of Xn, unsigned. */
  w(n: number): number {
    return this.#view.getUint32(this.base + stateOffset(`x${n}`), true);
  }

  /** High 32 bits of Xn, unsigned. */
  high(n: number): number {
    return this.#view.getUint32(this.base + stateOffset(`x${n}`) + 4, true);
  }

  /** All of Xn. */
  x(n: number): bigint {
    return this.#view.getBigUint64(this.base + stateOffset(`x${n}`), true);
  }

  /** Sets Xn to two words. */
  setWords(n: number, low: number, high: number): void {
    this.#view.setUint32(this.base + stateOffset(`x${n}`), low, true);
    this.#view.setUint32(this.base + stateOffset(`x${n}`) + 4, high, true);
  }

  /** Sets Xn to a 32-bit result, sign-extended as the convention has error codes. */
  set(n: number, value: number): void {
    this.#view.setInt32(this.base + stateOffset(`x${n}`), value, true);
    this.#view.setInt32(this.base + stateOffset(`x${n}`) + 4, value < 0 ? -1 : 0, true);
  }
}

/** A function of a service: leaves its results in the registers. */
export type ServiceCall = (registers: CallRegisters) => void;

const result =
  (value: number): ServiceCall =>
  (registers) =>
    registers.set(0, value);

/** A UUID as four words: its bytes in order, the first in the low bits. */
export const uid =
  (...words: readonly [number, number, number, number]): ServiceCall =>
  (registers) =>
    words.forEach((word, n) => {
      registers.set(n, word);
    });

const revision =
  (major: number, minor: number): ServiceCall =>
  (registers) => {
    registers.set(0, major);
    registers.set(1, minor);
  };

const SMCCC_VERSION = 0x8000_0000;
const SMCCC_ARCH_FEATURES = 0x8000_0001;
const SMCCC_ARCH_WORKAROUND_1 = 0x8000_8000;
const SMCCC_ARCH_WORKAROUND_2 = 0x8000_7fff;
const SMCCC_ARCH_WORKAROUND_3 = 0x8000_3fff;
const SMCCC_1_2 = 0x0001_0002;
/** ARCH_FEATURES of a workaround that is there and that this PE does not need. */
const NOT_NEEDED = 1;
/** ARCH_FEATURES of WORKAROUND_2: the PE is not affected. */
const NOT_REQUIRED = -2;

/** Answers of SMCCC_ARCH_FEATURES (DEN 0070): this engine does not speculate, so no PE of it needs a workaround. */
const ARCH_FEATURES: ReadonlyMap<number, number> = new Map([
  [SMCCC_VERSION, 0],
  [SMCCC_ARCH_FEATURES, 0],
  [SMCCC_ARCH_WORKAROUND_1, NOT_NEEDED],
  [SMCCC_ARCH_WORKAROUND_2, NOT_REQUIRED],
  [SMCCC_ARCH_WORKAROUND_3, NOT_NEEDED],
]);

/** Functions of Xen's hypervisor service: count, UID, revision. */
const XEN_FUNCTIONS = 3;
/** Functions of the standard service that are neither PSCI's nor TRNG's: count, UID, revision. */
const STANDARD_FUNCTIONS = 3;

/** Services other than PSCI and TRNG, by function id. `otherFunctions` is how many function ids those have. */
export const serviceCalls = (otherFunctions: number): ReadonlyMap<number, ServiceCall> =>
  new Map([
    [SMCCC_VERSION, result(SMCCC_1_2)],
    [SMCCC_ARCH_FEATURES, (registers) => registers.set(0, ARCH_FEATURES.get(registers.w(1)) ?? NOT_SUPPORTED)],
    [SMCCC_ARCH_WORKAROUND_1, result(0)],
    [SMCCC_ARCH_WORKAROUND_2, result(0)],
    [SMCCC_ARCH_WORKAROUND_3, result(0)],
    [0x8600_ff00, result(XEN_FUNCTIONS)],
    // a71812dc-c698-4369-9acf-79d18ddee667
    [0x8600_ff01, uid(0xdc1218a7, 0x694398c6, 0xd179cf9a, 0x67e6de8d)],
    [0x8600_ff03, revision(0, 1)],
    [0x8400_ff00, result(STANDARD_FUNCTIONS + otherFunctions)],
    // f863386f-4b39-4cbd-9220-ce1641e59f6f
    [0x8400_ff01, uid(0x6f3863f8, 0xbd4c394b, 0x16ce2092, 0x6f9fe541)],
    [0x8400_ff03, revision(0, 1)],
  ]);
