/**
 * Command: fuzz [--count N] [--seed S] [--class REGEX] [--from CASE] [--translate | --careful]. Runs random instruction sequences on
 * the engine and under qemu-aarch64, or with --translate or --careful in translated code and on the interpreter, and compares all state. Ends with `N sequences, seed S, D differences`; status 1 if there are any,
 * 2 if it cannot run. See docs/fuzzing.md.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { TRANSLATE_ALL, TRANSLATE_CAREFULLY, type Translate } from '../test/board.ts';
import { describeDifferences, differing, inputs, listing, rowNames } from './compare.ts';
import { EngineSide } from './engine-side.ts';
import { Generator } from './generate.ts';
import { CAUSE, NOP, PC, RECORD_BYTES, recordAt, wordsOf } from './record.ts';
import { Reference } from './reference.ts';
import { shrink } from './shrink.ts';

const BATCH = 2000;
/** Differences that are shown in full. */
const MAX_SHOWN = 10;
const PROGRESS = 20_000;

interface Options {
  readonly count: number;
  readonly seed: number;
  readonly from: number;
  readonly filter: RegExp | undefined;
  /** Translated code against the interpreter. */
  readonly translate: Translate;
}

/** What the engine is held against. */
interface Other {
  readonly version: string;
  run(records: Uint8Array): Promise<Uint8Array>;
  close(): void;
}

/** The engine's interpreter, as the other side. */
class Interpreter implements Other {
  readonly version = 'the interpreter';
  readonly #engine = new EngineSide();
  async run(records: Uint8Array): Promise<Uint8Array> {
    return this.#engine.run(records);
  }
  close(): void {}
}

function number(text: string, what: string, limit: number): number {
  const value = Number(text);
  if (!/^(0x)?[\da-f]+$/i.test(text) || !Number.isInteger(value) || value >= limit) {
    throw new RangeError(`${what} is a number below ${limit}, not ${text}`);
  }
  return value;
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '200000' },
      seed: { type: 'string' },
      from: { type: 'string', default: '0' },
      class: { type: 'string' },
      translate: { type: 'boolean', default: false },
      careful: { type: 'boolean', default: false },
    },
  });
  return {
    count: number(values.count, '--count', 2 ** 31),
    seed: values.seed === undefined ? randomInt(2 ** 32) : number(values.seed, '--seed', 2 ** 32),
    from: number(values.from, '--from', 2 ** 31),
    filter: values.class === undefined ? undefined : new RegExp(values.class),
    translate: values.careful ? TRANSLATE_CAREFULLY : values.translate ? TRANSLATE_ALL : false,
  };
}

/** Both sides, and what was found so far. */
class Fuzzer {
  readonly #options: Options;
  readonly #generator: Generator;
  readonly #engine: EngineSide;
  readonly #reference: Other;
  /** Differences by the rows of the shrunken case, or by the row that faulted. */
  readonly #byRows = new Map<string, number>();
  differences = 0;

  constructor(o: Options, reference: Other) {
    this.#options = o;
    this.#engine = new EngineSide(o.translate);
    this.#generator = new Generator(o.seed, o.filter);
    this.#reference = reference;
  }

  async run(): Promise<void> {
    const { from, count } = this.#options;
    for (let done = 0; done < count; done += BATCH) {
      const size = Math.min(BATCH, count - done);
      const records = this.#generator.batch(from + done, size);
      // The reference is another process: both sides run at the same time.
      const pending = this.#reference.run(records);
      const ours = this.#engine.run(records);
      const theirs = await pending;
      for (const n of differing(ours, theirs)) await this.#report(from + done + n, records, n);
      if ((done + size) % PROGRESS === 0) console.log(`${done + size} sequences, ${this.differences} differences`);
    }
    for (const [rows, n] of [...this.#byRows].sort((a, b) => b[1] - a[1])) console.log(`${n} × ${rows}`);
  }

  async #report(number: number, records: Uint8Array, n: number): Promise<void> {
    this.differences++;
    const engine = (r: Uint8Array): Uint8Array => this.#engine.run(r);
    const reference = (r: Uint8Array): Promise<Uint8Array> => this.#reference.run(r);
    const record = records.slice(n * RECORD_BYTES, (n + 1) * RECORD_BYTES);
    const small = await shrink(record, engine, reference);
    const view = recordAt(small, 0);
    const results = [engine(small), await reference(small)].map((r) => recordAt(r, 0));
    const rows = rowNames(view).filter((_, k) => wordsOf(view)[k] !== NOP);
    const key = rowOfFault(view, results) ?? rows.join(' ');
    this.#byRows.set(key, (this.#byRows.get(key) ?? 0) + 1);
    if (this.differences > MAX_SHOWN) return;
    const whole = wordsOf(recordAt(record, 0)).length;
    console.log(
      `\nseed ${this.#options.seed}, case ${number}: ${rows.length} of ${whole} instructions make a difference`,
    );
    const lines = [
      ...listing(view).filter((_, k) => wordsOf(view)[k] !== NOP),
      ...inputs(view),
      ...describeDifferences(results[0]!, results[1]!),
    ];
    for (const line of lines) console.log(`    ${line}`);
  }
}

/** The row at which one of the results stopped short of the end. */
function rowOfFault(record: DataView, results: readonly DataView[]): string | undefined {
  const faulted = results.find((r) => r.getUint32(CAUSE, true) !== 0);
  if (!faulted) return undefined;
  const index = Number(faulted.getBigUint64(PC, true) - record.getBigUint64(PC, true)) / 4;
  return `fault at ${rowNames(record)[index] ?? 'an address outside'}`;
}

async function main(): Promise<number> {
  const o = options();
  const reference = o.translate ? new Interpreter() : new Reference();
  try {
    console.log(`${o.count} sequences, seed ${o.seed}, against ${reference.version}`);
    const fuzzer = new Fuzzer(o, reference);
    await fuzzer.run();
    console.log(`${o.count} sequences, seed ${o.seed}, ${fuzzer.differences} differences`);
    return fuzzer.differences > 0 ? 1 : 0;
  } finally {
    reference.close();
  }
}

try {
  process.exitCode = await main();
} catch (e) {
  console.error(e instanceof Error ? e.message : e);
  process.exitCode = 2;
}
