/**
 * Accesses at constant offsets from one register, as prologues and structures have them: one look-up of the TLB answers
 * for all that follow on the straight line. The bytes between the lowest and the highest of them are a window, which is
 * either wholly in one page that allows them all, or the region is left.
 */
import type { Access } from '../table/row.ts';
import type { Instruction } from './region.ts';

/** A window that was looked up. Offsets count from where the base register pointed when it was opened. */
export interface Window {
  /** The base register. */
  readonly base: number;
  /** Local with the host address of its lowest byte. */
  readonly host: number;
  readonly low: number;
  readonly high: number;
  readonly align: number;
  /** It may be written. */
  readonly store: boolean;
  /** Where the base register points by now. */
  readonly at: number;
}

/** A window to be opened: bytes from where the base register points. */
export type Plan = Pick<Window, 'low' | 'high' | 'align' | 'store'>;

/** No window is wider: it would cross the end of a page too often. */
const WIDEST = 256;

/** What an instruction adds to the register `n`; undefined where it writes something else there. */
function added({ known: { changes } }: Instruction, n: number): number | undefined {
  for (let k = 0; k < changes.length; k++) if (changes[k]!.register === n) return changes[k]!.by;
  return 0;
}

/** The base register of an access. */
export const baseOf = (i: Instruction): number => i.known.fields.Rn!;

/** The window that accesses from `instructions[from]` on have in common; undefined if that is the only one. */
export function planWindow(instructions: readonly Instruction[], from: number): Plan | undefined {
  const first = instructions[from]!.known.access!;
  const base = baseOf(instructions[from]!);
  let plan: Plan = {
    low: first.offset,
    high: first.offset + first.bytes,
    align: first.align,
    store: first.store,
  };
  let members = 1;
  let at: number | undefined = added(instructions[from]!, base);
  for (let n = from + 1; n < instructions.length && at !== undefined; n++) {
    const i = instructions[n]!;
    if (!i.probed) break;
    const { access } = i.known;
    if (access && baseOf(i) === base) {
      const joined = join(plan, access, at);
      if (joined) {
        plan = joined;
        members++;
      }
    }
    const step = added(i, base);
    at = step === undefined ? undefined : at + step;
  }
  return members > 1 ? plan : undefined;
}

/** The window with another access, if it fits; its lowest byte is aligned as the strictest access is. */
function join(plan: Plan, access: Access, at: number): Plan | undefined {
  const offset = at + access.offset;
  const align = Math.max(plan.align, access.align);
  // The access of the stricter alignment says which addresses are aligned; the others must agree with it.
  const aligned = access.align > plan.align ? offset : plan.low;
  const least = Math.min(access.align, plan.align);
  if ((offset - plan.low) % least !== 0) return undefined;
  const low = aligned - Math.ceil((aligned - Math.min(plan.low, offset)) / align) * align;
  const high = Math.max(plan.high, offset + access.bytes);
  return high - low > WIDEST ? undefined : { low, high, align, store: plan.store || access.store };
}

/** Where in the window an access is, if it is covered. */
export function placeIn(window: Window, access: Access): number | undefined {
  const offset = window.at + access.offset;
  const covered = offset >= window.low && offset + access.bytes <= window.high && (window.store || !access.store);
  return covered && (offset - window.low) % access.align === 0 ? offset - window.low : undefined;
}

/**
 * The windows behind an instruction: the same list where it changes none of their base registers. None outlives a change
 * of the TLB.
 */
export function behind(windows: readonly Window[], i: Instruction): readonly Window[] {
  if (i.probed!.usage.system) return [];
  if (windows.every(({ base }) => added(i, base) === 0)) return windows;
  const out: Window[] = [];
  for (const window of windows) {
    const step = added(i, window.base);
    if (step !== undefined) out.push({ ...window, at: window.at + step });
  }
  return out;
}
