/**
 * Predecoded records: what the interpreter reads instead of instruction words. A record is 16 bytes: the handler and the
 * count of RECORD_COUNT, each a u16, then operands where the handler's specification puts them: register offsets as u16, immediates as i32 or i64.
 */
import { RECORD_BYTES, RECORD_COUNT } from '../layout.ts';
import { SINK_OFFSET, SP_OFFSET, V_OFFSET, X_OFFSET, ZR_OFFSET } from '../state.ts';
import type { Fields } from '../table/row.ts';
import type { FieldFn } from '../table/sem.ts';

/** How a register field is used: read or written with 31 = XZR, used with 31 = SP, or a SIMD register. */
export type RegUse = 'X' | 'Xw' | 'SP' | 'V';

/** Handlers that are no instruction's. */
export const HANDLER_UNDECODED = 0;
/** Goes on at the address of its record: behind the last one of a page, and behind an instruction that runs alone. */
export const HANDLER_PAGE_END = 1;
export const HANDLER_CHECK = 2;
export const HANDLER_DELIVER = 3;
/** A floating-point or AdvSIMD instruction where CPACR_EL1 traps them. */
export const HANDLER_FP_TRAP = 4;
export const FIRST_HANDLER = 5;
/** Set in the handler number of an out-of-line handler that reads or writes NZCV. */
export const HANDLER_USES_FLAGS = 0x8000;

/** One operand of a record. */
export interface Operand {
  readonly offset: number;
  readonly bytes: 2 | 4 | 8;
  readonly value: (f: Fields) => number | bigint;
  /** Present: the place in the vCPU state of a register, the one that many behind the field's. */
  readonly register?: { readonly field: string; readonly plus: number; readonly use: RegUse };
  /** True: where a direct branch leads. */
  readonly isTarget?: boolean;
}

/** Places of registers in the vCPU state, by use and number. */
export const REGISTERS: Record<RegUse, (n: number) => number> = {
  X: (n) => (n === 31 ? ZR_OFFSET : X_OFFSET + 8 * n),
  Xw: (n) => (n === 31 ? SINK_OFFSET : X_OFFSET + 8 * n),
  SP: (n) => (n === 31 ? SP_OFFSET : X_OFFSET + 8 * n),
  V: (n) => V_OFFSET + 16 * n,
};

/** Allots the bytes of one handler's records as its semantics ask for operands. */
export class RecordSpec {
  readonly operands: Operand[] = [];
  usesFlags = false;
  readonly #slots = new Map<string, number>();
  readonly #taken = new Uint8Array(RECORD_BYTES);
  readonly #even: readonly string[];

  /** @param even fields whose register is never number 31, so that reads and writes of it have one place */
  constructor(even: readonly string[] = []) {
    this.#even = even;
    this.#taken.fill(1, 0, RECORD_COUNT + 2);
  }

  #allot(
    bytes: 2 | 4 | 8,
    value: Operand['value'],
    from: readonly number[],
    kind: Pick<Operand, 'register' | 'isTarget'> = {},
  ): number {
    const offset = from.find((at) => !this.#taken.subarray(at, at + bytes).includes(1));
    if (offset === undefined) throw new Error('an instruction has more operands than a record holds');
    this.#taken.fill(1, offset, offset + bytes);
    this.operands.push({ offset, bytes, value, ...kind });
    return offset;
  }

  /** Offset of the u16 that holds the register's place in the vCPU state. */
  register(field: string, as: RegUse): number {
    const use = as === 'Xw' && this.#even.includes(field) ? 'X' : as;
    const key = `${field}:${use}`;
    let offset = this.#slots.get(key);
    if (offset === undefined) {
      const [name, plus = '0'] = field.split('+');
      const at = REGISTERS[use];
      const value = (f: Fields): number => {
        const n = f[name!];
        if (n === undefined) throw new Error(`the pattern has no field ${name}`);
        return at(use === 'V' ? (n + Number(plus)) & 31 : n + Number(plus));
      };
      const register = { field: name!, plus: Number(plus), use };
      offset = this.#allot(2, value, [4, 6, 8, 10, 12, 14], { register });
      this.#slots.set(key, offset);
    }
    return offset;
  }

  /** Offset of an immediate of 4 bytes, kept as i32. */
  word(value: FieldFn): number {
    return this.#allot(4, value, [12, 8, 4]);
  }

  /** Offset of 4 bytes that tell where a direct branch leads. */
  target(value: FieldFn): number {
    return this.#allot(4, value, [12, 8, 4], { isTarget: true });
  }

  /** Offset of an immediate of 8 bytes. */
  doubleword(value: FieldFn): number {
    return this.#allot(8, value, [8]);
  }
}
