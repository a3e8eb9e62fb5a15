/** PSCI 1.1 for domains (Arm DEN 0022), with the functions that Xen has. */
import { affinityOf } from '../domain/guest-map.ts';
import { type CallRegisters, NOT_SUPPORTED } from './smccc.ts';

const SUCCESS = 0;
const INVALID_PARAMETERS = -2;
const ALREADY_ON = -4;
const INVALID_ADDRESS = -9;
const VERSION_1_1 = 0x0001_0001;
/** AFFINITY_INFO. */
const ON = 0;
const OFF = 1;
/** MIGRATE_INFO_TYPE: no trusted OS, or one that need not be migrated. */
const NO_MIGRATION = 2;

/** What PSCI does to the domain whose vCPU calls. */
export interface PsciDomain {
  /** Number of vCPUs. */
  readonly cpus: number;
  isOn(vcpu: number): boolean;
  /** Starts an offline vCPU at `entry` with `context` in X0; false if it is not offline (any more). */
  start(vcpu: number, entry: bigint, context: bigint): boolean;
  /** Takes the calling vCPU offline; it does not return. */
  stop(): void;
  /** Lets the calling vCPU wait for an interrupt. */
  suspend(): void;
  /** Ends the domain. */
  shutdown(state: 'poweroff' | 'reboot'): void;
}

/** A function: its result goes to X0, or it does not return. */
type PsciFunction = (registers: CallRegisters, domain: PsciDomain) => number | undefined;

/** Argument `n` as wide as the calling convention of the function id in W0 says. */
const argument = (registers: CallRegisters, n: number): bigint =>
  (registers.w(0) & 0x4000_0000) !== 0 ? registers.x(n) : BigInt(registers.w(n));

/** The vCPU with this MPIDR, or undefined. */
const vcpuOf = (mpidr: bigint, domain: PsciDomain): number | undefined => {
  for (let n = 0; n < domain.cpus; n++) if (BigInt(affinityOf(n)) === mpidr) return n;
  return undefined;
};

const cpuOn: PsciFunction = (registers, domain) => {
  const vcpu = vcpuOf(argument(registers, 1), domain);
  const entry = argument(registers, 2);
  if (vcpu === undefined) return INVALID_PARAMETERS;
  if ((entry & 3n) !== 0n) return INVALID_ADDRESS;
  return domain.start(vcpu, entry, argument(registers, 3)) ? SUCCESS : ALREADY_ON;
};

const cpuOff: PsciFunction = (_, domain) => {
  domain.stop();
  return undefined;
};

const cpuSuspend: PsciFunction = (_, domain) => {
  domain.suspend();
  return SUCCESS;
};

const affinityInfo: PsciFunction = (registers, domain) => {
  const target = argument(registers, 1);
  const level = Number(argument(registers, 2) & 0xffff_ffffn);
  if (level > 3) return INVALID_PARAMETERS;
  // Affinity fields are 8 bits each; those below the level do not count. Aff3 is bits 39:32.
  const field = [0n, 8n, 16n, 32n][level]!;
  let state = OFF;
  for (let n = 0; n < domain.cpus; n++) {
    if (BigInt(affinityOf(n)) >> field === target >> field && domain.isOn(n)) state = ON;
  }
  return state;
};

const shutdown =
  (state: 'poweroff' | 'reboot'): PsciFunction =>
  (_, domain) => {
    domain.shutdown(state);
    return undefined;
  };

const constant = (value: number) => (): number => value;

const PSCI_FEATURES = 0x8400_000a;
const SMCCC_VERSION = 0x8000_0000;

/** PSCI 0.2 and later by function id, both calling conventions. */
const FUNCTIONS: ReadonlyMap<number, PsciFunction> = new Map<number, PsciFunction>([
  [0x8400_0000, constant(VERSION_1_1)],
  [0x8400_0001, cpuSuspend],
  [0xc400_0001, cpuSuspend],
  [0x8400_0002, cpuOff],
  [0x8400_0003, cpuOn],
  [0xc400_0003, cpuOn],
  [0x8400_0004, affinityInfo],
  [0xc400_0004, affinityInfo],
  [0x8400_0006, constant(NO_MIGRATION)],
  [0x8400_0008, shutdown('poweroff')],
  [0x8400_0009, shutdown('reboot')],
  [
    PSCI_FEATURES,
    (registers): number =>
      FUNCTIONS.has(registers.w(1)) || registers.w(1) === SMCCC_VERSION ? SUCCESS : NOT_SUPPORTED,
  ],
]);

/** PSCI 0.1 has no ids of its own: these are the ones in the guest's device tree. Its arguments are as wide as X. */
const LEGACY = new Map<number, PsciFunction>([
  [1, cpuOff],
  [
    2,
    (registers, domain) => {
      const vcpu = vcpuOf(registers.x(1), domain);
      if (vcpu === undefined) return INVALID_PARAMETERS;
      return domain.start(vcpu, registers.x(2), 0n) ? SUCCESS : INVALID_PARAMETERS;
    },
  ],
]);

/** How many function ids PSCI 0.2 and later have here. */
export const PSCI_FUNCTION_COUNT = FUNCTIONS.size;

/** Serves the call in `registers` if it is one of PSCI's; else gives false. */
export const callPsci = (registers: CallRegisters, domain: PsciDomain): boolean => {
  const id = registers.w(0);
  const call = FUNCTIONS.get(id) ?? LEGACY.get(id);
  if (call === undefined) return false;
  const value = call(registers, domain);
  if (value !== undefined) registers.set(0, value);
  return true;
};
