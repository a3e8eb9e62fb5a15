import type { Paint } from '../check/render-text.ts';
import { showSize } from '../sizes.ts';
import { freeOf, isTight, labelOf, type MemoryColumn, type MemoryMap, type Segment, sizeOf } from './model.ts';

type Style = Parameters<Paint>[0];

/** Colours of domains, in their order, over again. */
const COLOURS: readonly Style[] = [
  'cyan',
  'magenta',
  'yellow',
  'blue',
  'green',
  'cyanBright',
  'magentaBright',
  'yellowBright',
];
/** How what a domain has is drawn, by use. */
const GLYPHS: Readonly<Record<string, string>> = {
  ram: '█',
  kernel: '▓',
  ramdisk: '▒',
  bss: '░',
  'device-tree': '▒',
  tables: '▒',
  shared: '▞',
  reserved: '╱',
  heap: '░',
  device: '╱',
};
const FREE = '·';
const OVERLAP = '╳';
const BAR = 64;

const hex = (value: number): string => `0x${value.toString(16)}`;

function styleOf({ claims }: Segment, domains: readonly string[]): Style {
  if (claims.length > 1) return ['bold', 'red'];
  const [owner] = claims[0]?.owners ?? [];
  const index = owner === undefined ? -1 : domains.indexOf(owner);
  return index < 0 ? 'dim' : COLOURS[index % COLOURS.length]!;
}

function glyphOf({ claims }: Segment): string {
  if (claims.length > 1) return OVERLAP;
  return claims[0] === undefined ? FREE : (GLYPHS[claims[0].use] ?? '█');
}

/** Cells of a bar: each segment has at least one, the rest by size. */
function cellsOf(segments: readonly Segment[]): number[] {
  const total = segments.reduce((sum, { size }) => sum + size, 0);
  const width = Math.max(BAR, segments.length);
  const cells = segments.map(({ size }) => Math.max(1, Math.floor((size / total) * width)));
  const rest = width - cells.reduce((sum, count) => sum + count, 0);
  const largest = segments.reduce((best, { size }, i) => (size > segments[best]!.size ? i : best), 0);
  cells[largest] = Math.max(1, cells[largest]! + rest);
  return cells;
}

function bankLines(segments: readonly Segment[], domains: readonly string[], owner: boolean, paint: Paint): string[] {
  const cells = cellsOf(segments);
  const bar = segments
    .map((segment, i) => paint(styleOf(segment, domains), glyphOf(segment).repeat(cells[i]!)))
    .join('');
  const last = segments.at(-1)!;
  const rows = segments.map((segment) => {
    const style = styleOf(segment, domains);
    const overlap = segment.claims.length > 1 ? `${paint(['bold', 'red'], 'OVERLAP')} ` : '';
    const label = `${overlap}${segment.claims.length === 0 ? paint('dim', 'free') : labelOf(segment, owner)}`;
    return `  ${hex(segment.start).padStart(12)}  ${showSize(segment.size).padStart(9)}  ${paint(style, glyphOf(segment))} ${label}`;
  });
  return [`  ${bar}`, ...rows, `  ${paint('dim', hex(last.start + last.size).padStart(12))}`];
}

function columnLines(column: MemoryColumn, map: MemoryMap, paint: Paint): string[] {
  const isHost = column.domain === undefined;
  const [total, free] = isHost ? [map.total, map.free] : [sizeOf(column), freeOf(column)];
  const tight = isTight(free, total) ? ` ${paint('yellow', 'tight')}` : '';
  const what = isHost ? 'host memory' : `${column.title}, as the guest sees it (IPA)`;
  return [
    `${paint('bold', what)}: ${showSize(total)}, ${showSize(free)} free${tight}`,
    ...column.banks.flatMap(({ segments }) => bankLines(segments, map.domains, isHost, paint)),
  ];
}

/** The map as text: a bar and a list for the host, and for each guest. */
export function renderTerminal(map: MemoryMap, paint: Paint): string {
  const outside = map.outside.map(
    ({ start, size, owners, label }) =>
      `  ${hex(start).padStart(12)}  ${showSize(size).padStart(9)}  ${owners.join(', ')}: ${label}`,
  );
  const lost = outside.length === 0 ? [] : [['no memory there:', ...outside].map((line) => paint('red', line))];
  const blocks = [
    columnLines(map.host, map, paint),
    ...lost,
    ...map.guests.map((guest) => columnLines(guest, map, paint)),
  ];
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}
