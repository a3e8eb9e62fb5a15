/** Where HVC and SMC of a domain go. */
import { callPsci, PSCI_FUNCTION_COUNT, type PsciDomain } from './psci.ts';
import { type CallRegisters, NOT_SUPPORTED, serviceCalls } from './smccc.ts';
import { callTrng, type Entropy, TRNG_FUNCTION_COUNT } from './trng.ts';

const SERVICES = serviceCalls(PSCI_FUNCTION_COUNT + TRNG_FUNCTION_COUNT);
/** The immediate of Xen's hypercalls. */
const XEN_HYPERCALL = 0xea1;
const ENOSYS = 38;

/**
 * Serves an HVC or SMC of the vCPU that `registers` show.
 *
 * @param entropy of the domain
 * @param unhandled told the id of a function that nobody has; the caller gets NOT_SUPPORTED
 * @returns false if the instruction is UNDEFINED: another immediate than 0, or that of Xen's hypercalls
 */
export const callFirmware = (
  registers: CallRegisters,
  domain: PsciDomain,
  immediate: number,
  isSmc: boolean,
  entropy: Entropy,
  unhandled: (id: number) => void,
): boolean => {
  if (immediate === XEN_HYPERCALL && !isSmc) {
    registers.set(0, -ENOSYS);
    return true;
  }
  if (immediate !== 0) return false;
  if (callPsci(registers, domain) || callTrng(registers, entropy)) return true;
  const id = registers.w(0);
  const call = SERVICES.get(id);
  if (call !== undefined) {
    call(registers);
    return true;
  }
  unhandled(id);
  registers.set(0, NOT_SUPPORTED);
  return true;
};
