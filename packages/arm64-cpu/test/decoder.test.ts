import { describe, expect, it, vi } from 'vitest';
import { HELPERS } from '../src/core/index.ts';
import { candidates, decode, type Encoding } from '../src/decoder.ts';
import { ENCODINGS } from '../src/encodings.ts';
import { buildCold } from '../src/interpreter/cold.ts';
import { HANDLERS } from '../src/interpreter/handlers.ts';
import { importNamed } from '../src/interpreter/imports.ts';
import { HANDLER_USES_FLAGS } from '../src/interpreter/record.ts';
import { InterpreterSem } from '../src/interpreter/sem.ts';
import { FunctionBuilder } from '../src/wasm/function-builder.ts';

function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (Math.imul(a ^ (a >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 12), 0x297a2d39);
    t ^= t >>> 15;
    return t >>> 0;
  };
}

/** Words of generic rows, of which chance finds none: MRS of VBAR_EL1, TPIDR_EL0, ICC_PMR_EL1, MSR of ESR_EL1, ICC_PMR_EL1. */
const EXAMPLES: Record<string, number> = {
  MRS_storage_EL0: 0xd53bd040,
  MRS_storage_EL1: 0xd538c000,
  MSR_storage: 0xd5185200,
  MRS_host: 0xd5384600,
  MSR_host: 0xd5184600,
};

/** A word of the row whose fields are all allocated, found by trying. */
function example(e: Encoding, next: () => number): number | undefined {
  const known = EXAMPLES[e.row.name];
  if (known !== undefined && decode(known)?.encoding === e) return known;
  for (let n = 0; n < 2000; n++) {
    const noise = n === 0 ? 0 : next();
    const word = ((noise & ~e.pattern.mask) | e.pattern.match) >>> 0;
    if (decode(word)?.encoding === e) return word;
  }
  return undefined;
}

const overlaps = (a: Encoding, b: Encoding): boolean =>
  ((a.pattern.match ^ b.pattern.match) & a.pattern.mask & b.pattern.mask) === 0;

const fixedBits = (e: Encoding): number => e.pattern.mask.toString(2).replaceAll('0', '').length;

describe('the decoder', () => {
  it('names are unique, and every row is what some word decodes to', () => {
    expect(new Set(ENCODINGS.map((e) => e.row.name)).size).toBe(ENCODINGS.length);
    const next = random(1);
    const lost = ENCODINGS.filter((e) => example(e, next) === undefined).map((e) => e.row.name);
    expect(lost).toEqual([]);
  });

  it('of the rows that overlap, the one with more fixed bits wins, then the earlier one', () => {
    const next = random(2);
    for (let n = 0; n < 300_000; n++) {
      const list = candidates(next());
      for (let i = 1; i < list.length; i++) {
        const [a, b] = [list[i - 1]!, list[i]!];
        const order = fixedBits(b) - fixedBits(a) || a.index - b.index;
        if (order > 0) throw new Error(`${b.row.name} is behind ${a.row.name}`);
      }
    }
  });

  it('rows that overlap are the ones meant to: a special case inside a wider row', () => {
    const pairs: string[] = [];
    for (const [i, a] of ENCODINGS.entries()) {
      for (const b of ENCODINGS.slice(i + 1)) {
        if (!overlaps(a, b)) continue;
        const isInside = (x: Encoding, y: Encoding) => (x.pattern.mask & y.pattern.mask) >>> 0 === y.pattern.mask;
        const [inner, outer] = isInside(a, b) ? [a, b] : [b, a];
        // Equal masks, or neither inside the other: told apart by `when` and `check` alone.
        const nested = isInside(inner, outer) && inner.pattern.mask !== outer.pattern.mask;
        pairs.push(`${family(inner)} ${nested ? '<' : '~'} ${family(outer)}`);
      }
    }
    expect([...new Set(pairs)].sort()).toMatchInlineSnapshot(`
      [
        "LDn_asisdlse_i < LDn_asisdlse_r",
        "LDn_asisdlso_i < LDn_asisdlso_r",
        "MRS_register < MRS_host",
        "MRS_register < MRS_reserved_id",
        "MRS_register < MRS_storage_EL0",
        "MRS_register < MRS_storage_EL1",
        "MRS_reserved_id < MRS_host",
        "MRS_reserved_id < MRS_storage_EL0",
        "MRS_reserved_id < MRS_storage_EL1",
        "MRS_storage_EL0 ~ MRS_host",
        "MRS_storage_EL0 ~ MRS_storage_EL1",
        "MRS_storage_EL1 ~ MRS_host",
        "MSR_register < MSR_host",
        "MSR_register < MSR_storage",
        "MSR_storage ~ MSR_host",
        "NAME_addsub_shift_plain ~ NAME_addsub_shift",
        "NAME_log_shift_plain ~ NAME_log_shift",
        "PMULL_asimddiff_1Q < PMULL_asimddiff",
        "SEV < HINT",
        "SEVL < HINT",
        "STn_asisdlse_i < STn_asisdlse_r",
        "STn_asisdlso_i < STn_asisdlso_r",
        "WFE < HINT",
        "WFI < HINT",
      ]
    `);
  });

  it('rows that overlap without one inside the other never both allow a word', () => {
    const next = random(3);
    const mixed = ENCODINGS.flatMap((a, i) =>
      ENCODINGS.slice(i + 1)
        .filter((b) => overlaps(a, b))
        .filter((b) => {
          const common = (a.pattern.mask & b.pattern.mask) >>> 0;
          return common === a.pattern.mask && common === b.pattern.mask
            ? true
            : common !== a.pattern.mask && common !== b.pattern.mask;
        })
        .map((b) => [a, b] as const),
    );
    const clashes = new Set<string>();
    for (const [a, b] of mixed) {
      const match = (a.pattern.match | b.pattern.match) >>> 0;
      const mask = (a.pattern.mask | b.pattern.mask) >>> 0;
      for (let n = 0; n < 200; n++) {
        const word = ((next() & ~mask) | match) >>> 0;
        if (allows(a, word) && allows(b, word)) clashes.add(`${family(a)}, ${family(b)}`);
      }
    }
    expect([...clashes].filter((c) => !ALIKE.includes(c))).toEqual([]);
  });

  it('rows say that they move SP where, and only where, their semantics write a register in which 31 is SP', () => {
    const writes = vi.spyOn(InterpreterSem.prototype, 'setSP');
    const module = {
      fn: (name: string) => {
        const f = HELPERS.find((h) => h.name === name) ?? importNamed(name);
        return { name, index: 0, params: f.params, results: f.results };
      },
      constant: () => 0,
    };
    const wrong = HANDLERS.filter((h) => {
      writes.mockClear();
      buildCold(new FunctionBuilder(['i32', 'i32']), module, h);
      const fields = writes.mock.calls.map(([field]) => field);
      if (fields.length > 0 !== (h.encoding.row.movesSp !== undefined)) return true;
      // Another register than SP is none of its business.
      const others = Object.fromEntries(h.encoding.pattern.fields.map(({ name }) => [name, 1]));
      return fields.length > 0 && h.encoding.row.movesSp!({ ...others, ...h.fields });
    });
    writes.mockRestore();
    expect(wrong.map((h) => h.encoding.row.name)).toEqual([]);
  });

  it('handlers have consecutive numbers below the flag that marks those with NZCV', () => {
    const all = HANDLERS;
    expect(all.map((h) => h.id)).toEqual(all.map((_, n) => n + all[0]!.id));
    expect(all.at(-1)!.id).toBeLessThan(HANDLER_USES_FLAGS);
  });
});

function allows(e: Encoding, word: number): boolean {
  const fields: Record<string, number> = { pc: 0 };
  for (const { name, lsb, width } of e.pattern.fields) fields[name] = (word >>> lsb) & (2 ** width - 1);
  return (e.row.when?.(fields) ?? true) && (e.row.check?.(fields) ?? true);
}

/** Rows by the part of their names that does not tell register, size or operation. */
const family = (e: Encoding): string =>
  e.row.name
    .replace(/^(MRS|MSR)_(?!storage|reserved|host|DAIF(Set|Clr))\w+/, '$1_register')
    .replace(/^(LD|ST)\dR?_asisdls([eo])\w*_(i|r)$/, '$1n_asisdls$2_$3')
    .replace(/^[A-Z]+_(addsub|log)_shift/, 'NAME_$1_shift');

/** Families of which both rows allow a word: the first is a quicker special case, and comes first in the table. */
const ALIKE = ['NAME_log_shift_plain, NAME_log_shift', 'NAME_addsub_shift_plain, NAME_addsub_shift'];
