/** What a guest and its devices may do to a GIC of either version, for the tests against models. */
import fc from 'fast-check';

export const VCPUS = 3;
export const SPIS = 64;
/** Few interrupts and few priorities, so that they meet. */
export const INTIDS = [0, 1, 15, 16, 27, 30, 32, 33, 63, 64, 95];

export const vcpu = fc.integer({ min: 0, max: VCPUS - 1 });
export const intid = fc.constantFrom(...INTIDS);
export const sgi = fc.constantFrom(0, 1, 15);
export const spi = fc.constantFrom(...INTIDS.filter((i) => i >= 32));
export const on = fc.boolean();
export const mostly = fc.constantFrom(true, true, true, false);
/** The INTID that an end of interrupt names; undefined: what was acknowledged last. */
export const ended = fc.option(intid, { nil: undefined, freq: 5 });

/** An operation by a vCPU. */
export const of = <T extends string, R extends object>(op: T, record: { [K in keyof R]: fc.Arbitrary<R[K]> }) =>
  fc.record({ op: fc.constant(op), vcpu, ...record }) as unknown as fc.Arbitrary<{ op: T; vcpu: number } & R>;

const line = fc.constantFrom(...INTIDS.filter((i) => i >= 16));
const priority = fc.constantFrom(0, 0x40, 0x48, 0x57, 0xa0, 0xf8);

/** Those that are the same on both. */
export const COMMON = [
  { weight: 6, arbitrary: of('line', { intid: line, on }) },
  { weight: 2, arbitrary: of('deactivate', { intid }) },
  { weight: 2, arbitrary: of('pend', { intid, on }) },
  { weight: 2, arbitrary: of('enable', { intid, on: mostly }) },
  { weight: 1, arbitrary: of('activate', { intid, on }) },
  { weight: 2, arbitrary: of('priority', { intid, value: priority }) },
  { weight: 1, arbitrary: of('edge', { intid, on }) },
  { weight: 1, arbitrary: of('pmr', { value: fc.constantFrom(0, 0x48, 0xa0, 0xff) }) },
] as const;

/** Any of an array of operations, and many of them. */
export const sequence = <T>(operation: fc.Arbitrary<T>, minLength = 0): fc.Arbitrary<T[]> =>
  fc.array(operation, { minLength, maxLength: 60, size: 'max' });
