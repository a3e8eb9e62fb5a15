/** The rows that cases are made of, by group, and what a case must know of each. */
import type { Encoding } from '../src/decoder.ts';
import { ENCODINGS } from '../src/encodings.ts';
import type { Row } from '../src/table/row.ts';
import { type Addressing, addressingOf } from './addressing.ts';
import { EXCLUSIONS } from './rules.ts';

/** What a row needs before it, or how its operand is chosen, beyond random fields. */
export type Kind =
  | 'plain'
  | 'memory'
  | 'exclusive'
  | 'literal'
  | 'maintenance'
  | 'branch'
  | 'register-branch'
  | 'msr-fpcr'
  | 'msr-fpsr';

export interface FuzzRow {
  readonly encoding: Encoding;
  readonly kind: Kind;
  readonly addressing: Addressing | undefined;
  /** Fields of general registers that are written, beside the base of a writeback. */
  readonly writes: readonly string[];
  /** A field names SP by 31 as the destination. */
  readonly writesSp: boolean;
}

function kindOf(row: Row): Kind {
  if (row.target) return 'branch';
  if (/^(BR|BLR|RET)$/.test(row.name)) return 'register-branch';
  if (row.name === 'MSR_FPCR') return 'msr-fpcr';
  if (row.name === 'MSR_FPSR') return 'msr-fpsr';
  if (/^(DC|IC)_/.test(row.name)) return 'maintenance';
  if (/^LDR(SW)?_lit/.test(row.name)) return 'literal';
  if (/^LDA?X/.test(row.name)) return 'exclusive';
  return addressingOf(row) ? 'memory' : 'plain';
}

/** Fields of general registers that the row's text gives for destinations. A store has none but the status. */
function writesOf(row: Row): string[] {
  if (/^(BLR?)$/.test(row.name)) return ['x30'];
  const letters = row.asm.startsWith('stx') || row.asm.startsWith('stlx') ? ['s'] : ['d', 't', 't2', 's', 's+1'];
  if (/^(st[^xl]|stlr|msr|dc |ic |cb|tb)/.test(row.asm)) return [];
  return letters.filter((l) =>
    row.asm.split(/[<>]/).some((p) => new RegExp(`^[WXR]${l.replace('+', '\\+')}(\\||$)`).test(p)),
  );
}

function fuzzRow(encoding: Encoding): FuzzRow {
  const { row } = encoding;
  return {
    encoding,
    kind: kindOf(row),
    addressing: addressingOf(row),
    writes: writesOf(row).map((w) => (w === 'x30' ? w : `R${w}`)),
    writesSp: /<[RX]d\|SP>/.test(row.asm),
  };
}

/** Groups and how often each is drawn from. */
const GROUPS: readonly { share: number; has: (row: Row) => boolean }[] = [
  { share: 4, has: (row) => row.target !== undefined || /^(BR|BLR|RET)$/.test(row.name) },
  { share: 4, has: (row) => /^11010101/.test(row.pattern.replace(/\s/g, '')) },
  { share: 10, has: (row) => /asisdlso|asisdlse|asimdlso/.test(row.name) },
  { share: 14, has: (row) => addressingOf(row) !== undefined || /_lit/.test(row.name) || row.asm.startsWith('prf') },
  { share: 16, has: (row) => /_float/.test(row.name) },
  { share: 14, has: (row) => /^F|[SU]CVTF|URECPE|URSQRTE/.test(row.name) },
  { share: 26, has: (row) => /_asi|_crypto/.test(row.name) },
  { share: 12, has: () => true },
];

const always = new Set(EXCLUSIONS.filter((e) => !e.when).map((e) => e.rows));

/** Every row that a case may hold. */
export const FUZZ_ROWS: readonly FuzzRow[] = ENCODINGS.filter(
  ({ row }) => ![...always].some((rows) => rows.test(row.name)),
).map(fuzzRow);

export interface Group {
  readonly share: number;
  readonly rows: readonly FuzzRow[];
}

/** The groups of the rows whose name matches `filter`. Throws where there is none. */
export function groupsOf(filter?: RegExp): readonly Group[] {
  const rows = FUZZ_ROWS.filter((r) => !filter || filter.test(r.encoding.row.name));
  if (rows.length === 0) throw new Error(`no row of the instruction table that runs at EL0 matches ${filter}`);
  return GROUPS.map(({ share }, n) => ({
    share,
    rows: rows.filter((r) => GROUPS.findIndex((g) => g.has(r.encoding.row)) === n),
  })).filter((g) => g.rows.length > 0);
}

/** The exclusive stores that close what an exclusive load of this name opened. */
export const closers = (load: string): readonly FuzzRow[] => {
  const size = load.replace(/^LDA?X/, '');
  return FUZZ_ROWS.filter(
    (r) => r.encoding.row.name.replace(/^STL?X/, '') === size && /^STL?X/.test(r.encoding.row.name),
  );
};
