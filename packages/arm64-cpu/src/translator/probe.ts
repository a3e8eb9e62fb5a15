/** What an instruction does to flags and control, learnt by generating its code once into a function that nobody runs. */
import type { Encoding } from '../decoder.ts';
import { staticKey } from '../interpreter/handlers.ts';
import type { Fields } from '../table/row.ts';
import { i64 } from '../wasm/expr.ts';
import { FunctionBuilder } from '../wasm/function-builder.ts';
import { DataTlb } from './data-tlb.ts';
import { LazyFlags } from './flags.ts';
import { RegisterFile } from './registers.ts';
import { CALLABLE, type Ending, TranslatorSem, Untranslatable, type Usage } from './sem.ts';

/** What regions are made of: the instruction's use of flags and helpers, and how it ends a straight line. */
export interface Probed {
  readonly usage: Usage;
  readonly ending: Ending['how'] | undefined;
  /** A direct branch with a condition. */
  readonly conditional: boolean;
}

/** By the encoding's place in the table. */
const cache: Map<number, Probed | undefined>[] = [];

function generate(encoding: Encoding, fields: Fields): Probed | undefined {
  const f = new FunctionBuilder(['i32', 'i32']);
  const cpu = f.param(0);
  const flags = new LazyFlags(f, cpu);
  const x = new TranslatorSem(
    {
      f,
      cpu,
      registers: new RegisterFile(f, cpu),
      flags,
      tlb: new DataTlb(f, cpu, false, () => {}),
      helper: (name) => ({ ...CALLABLE.get(name)!, index: 0 }),
      pageVa: () => i64(0),
      leave: () => {},
      leaveChecking: () => {},
    },
    fields,
  );
  try {
    encoding.row.sem(x, fields);
  } catch (e) {
    if (e instanceof Untranslatable) return undefined;
    throw e;
  }
  const { ending } = x;
  return {
    usage: x.usage,
    ending: ending?.how,
    conditional: ending?.how === 'branch' && ending.cond !== undefined,
  };
}

/** Probes an instruction; `undefined` where the interpreter has to do it. All with the same static fields are alike. */
export function probe(encoding: Encoding, fields: Fields): Probed | undefined {
  cache[encoding.index] ??= new Map();
  const known = cache[encoding.index]!;
  const key = staticKey(encoding, fields);
  if (!known.has(key)) known.set(key, generate(encoding, fields));
  return known.get(key);
}
