import { showSize } from '../sizes.ts';
import {
  freeOf,
  isTight,
  labelOf,
  type MemoryColumn,
  type MemoryMap,
  type Segment,
  sizeOf,
  type Use,
} from './model.ts';

/** Hues of domains, in their order, over again: far from each other and from the red of overlaps. */
const HUES = [205, 145, 275, 35, 175, 320, 90, 240] as const;

const WIDTH = 880;
const MARGIN = 28;
const HEADER = 96;
const HOST = { x: 122, width: 250 };
const GUEST = { x: 532, width: 226 };
const GUEST_HEADER = 30;
const GUEST_GAP = 26;
const LEGEND = 44;

const MIB = 2 ** 20;
/** A segment's height: by the logarithm of its size, so that a device tree and a bank of RAM fit on one page. */
const heightOf = (size: number): number => Math.round(Math.min(20 + 11 * Math.log2(1 + size / (2 * MIB)), 140));

const hex = (value: number): string => `0x${value.toString(16)}`;
const escapeXml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

const clip = (text: string, characters: number): string =>
  text.length <= characters ? text : `${text.slice(0, characters - 1)}…`;

/** Weight of a domain's colour, by use: its RAM is lightest, what is loaded into it stronger. */
const TONES: Partial<Record<Use, string>> = {
  ram: 'a',
  bss: 'a',
  tables: 'c',
  kernel: 'b',
  ramdisk: 'c',
  'device-tree': 'c',
};

function classOf({ claims }: Segment, domains: readonly string[]): string {
  if (claims.length > 1) return 'overlap';
  const [claim] = claims;
  if (claim === undefined) return 'free';
  if (claim.owners.length === 0 || claim.use === 'reserved') return 'reserved';
  if (claim.owners.length > 1) return 'common';
  const index = domains.indexOf(claim.owners[0]!);
  return index < 0 ? 'reserved' : `d${index % HUES.length} ${TONES[claim.use] ?? 'b'}`;
}

interface Box {
  readonly segment: Segment;
  readonly y: number;
  readonly height: number;
}

interface Placed {
  readonly boxes: readonly Box[];
  readonly bottom: number;
}

/** Stacks the segments of a column; between banks there is a gap. */
function place(column: MemoryColumn, top: number): Placed {
  const boxes: Box[] = [];
  let y = top;
  column.banks.forEach(({ segments }, n) => {
    if (n > 0) y += 22;
    for (const segment of segments) {
      const height = heightOf(segment.size);
      boxes.push({ segment, y, height });
      y += height;
    }
  });
  return { boxes, bottom: y };
}

interface ColumnStyle {
  readonly x: number;
  readonly width: number;
  /** On which side addresses stand. */
  readonly addresses: 'left' | 'right';
}

function drawBox({ segment, y, height }: Box, style: ColumnStyle, isHost: boolean, domains: readonly string[]): string {
  const { x, width } = style;
  const label = labelOf(segment, isHost);
  const size = showSize(segment.size);
  const middle = y + height / 2 + 4;
  const room = Math.floor((width - 24) / 7.1) - size.length - 1;
  const name = segment.claims.length > 1 ? `overlap: ${label}` : label;
  const title = `${hex(segment.start)} to ${hex(segment.start + segment.size)}: ${name} (${size})`;
  return `<g class="${classOf(segment, domains)}"><title>${escapeXml(title)}</title>
<rect x="${x}" y="${y + 1}" width="${width}" height="${height - 2}" rx="4"/>
<text x="${x + 10}" y="${middle}">${escapeXml(clip(name, room))}</text>
<text class="size" x="${x + width - 10}" y="${middle}">${size}</text></g>`;
}

function drawAddresses({ boxes }: Placed, { x, width, addresses }: ColumnStyle): string {
  const at = addresses === 'left' ? x - 10 : x + width + 10;
  const anchor = addresses === 'left' ? 'end' : 'start';
  const text = (y: number, address: number): string =>
    `<text class="address" x="${at}" y="${y + 4}" text-anchor="${anchor}">${hex(address)}</text>`;
  const lines: string[] = [];
  let last = Number.NEGATIVE_INFINITY;
  boxes.forEach(({ segment, y, height }, i) => {
    if (y - last >= 13) {
      lines.push(text(y, segment.start));
      last = y;
    }
    const end = segment.start + segment.size;
    if (boxes[i + 1]?.segment.start === end) return;
    if (y + height - last >= 13) lines.push(text(y + height, end));
    last = y + height;
  });
  return lines.join('\n');
}

/** A band from a domain's RAM in the host to its column. */
function drawBand(from: Box, top: number, bottom: number, colour: string): string {
  const left = HOST.x + HOST.width;
  const right = GUEST.x;
  const bend = (left + right) / 2;
  const [a, b] = [from.y + 1, from.y + from.height - 1];
  return `<path class="band ${colour}" d="M${left} ${a}C${bend} ${a} ${bend} ${top} ${right} ${top}V${bottom}C${bend} ${bottom} ${bend} ${b} ${left} ${b}Z"/>`;
}

function drawGuest(
  column: MemoryColumn,
  top: number,
  host: Placed,
  domains: readonly string[],
): { svg: string; bottom: number } {
  const style: ColumnStyle = { ...GUEST, addresses: 'right' };
  const placed = place(column, top + GUEST_HEADER);
  const colour = `d${domains.indexOf(column.domain!) % HUES.length}`;
  const [total, free] = [sizeOf(column), freeOf(column)];
  const banks = column.banks.length;
  const ram = host.boxes.filter(({ segment: { claims } }) =>
    claims.some(({ use, owners }) => use === 'ram' && owners.includes(column.domain!)),
  );
  // Host pieces take their share of the column's height, in order.
  const height = placed.bottom - top - GUEST_HEADER;
  const sum = ram.reduce((all, { segment }) => all + segment.size, 0);
  let y = top + GUEST_HEADER;
  const bands = ram.map((box) => {
    const next = y + (height * box.segment.size) / sum;
    const band = drawBand(box, y, next, colour);
    y = next;
    return band;
  });
  const tight = isTight(free, total) ? ' <tspan class="tight">tight</tspan>' : '';
  const parts = banks > 1 ? ` in ${banks} banks` : '';
  const svg = `${bands.join('\n')}
<text class="name ${colour}" x="${GUEST.x}" y="${top + 18}">${escapeXml(clip(column.title, 16))}</text>
<text class="note" x="${GUEST.x + GUEST.width}" y="${top + 18}" text-anchor="end">${showSize(total)}${parts}, ${showSize(free)} free${tight}</text>
${placed.boxes.map((box) => drawBox(box, style, false, domains)).join('\n')}
${drawAddresses(placed, style)}`;
  return { svg, bottom: placed.bottom };
}

const theme = (dark: boolean): string => {
  const rules = HUES.map((hue, n) => {
    const fill = (light: number): string => (dark ? `hsl(${hue} 38% ${light}%)` : `hsl(${hue} 62% ${light}%)`);
    const [a, b, c] = dark ? [20, 34, 27] : [91, 76, 84];
    const ink = dark ? `hsl(${hue} 70% 72%)` : `hsl(${hue} 75% 28%)`;
    const line = dark ? `hsl(${hue} 40% 48%)` : `hsl(${hue} 45% 52%)`;
    return `.d${n}.a rect{fill:${fill(a!)};stroke:${line}}.d${n}.b rect{fill:${fill(b!)};stroke:${line}}.d${n}.c rect{fill:${fill(c!)};stroke:${line}}.name.d${n}{fill:${ink}}.band.d${n}{fill:${line}}`;
  });
  const [page, ink, note, line, grey, common] = dark
    ? ['#0d1117', '#e6edf3', '#9198a1', '#3d444d', '#262c36', '#3b3423']
    : ['#ffffff', '#1f2328', '#59636e', '#d1d9e0', '#eaeef2', '#fdf3d0'];
  const red = dark ? ['#67060c', '#ff7b72'] : ['#ffebe9', '#cf222e'];
  return `.page{fill:${page}}text{fill:${ink}}.address,.note,.free text{fill:${note}}
.free rect{fill:none;stroke:${line}}.reserved rect{fill:${grey};stroke:${line}}.common rect{fill:${common};stroke:${dark ? '#9e7a1f' : '#d4a72c'}}
.overlap rect{fill:${red[0]};stroke:${red[1]}}.overlap text{fill:${red[1]}}.tight{fill:${dark ? '#e3b341' : '#9a6700'}}
${rules.join('\n')}`;
};

const STYLE = `text{font:12px ui-monospace,SFMono-Regular,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.title{font-size:18px;font-weight:600}.name{font-size:14px;font-weight:700}.address,.note,.legend{font-size:11px}
.size{text-anchor:end}.free rect{stroke-dasharray:4 4}.overlap rect{stroke-width:2}.overlap text{font-weight:700}.tight{font-weight:700}
.size{opacity:.75}.free .size{opacity:1}.band{opacity:.16}`;

/** What the colours mean, in one line. */
const LEGEND_TEXT =
  'heights are logarithmic · yellow: an image that several domains share · dashed: free · grey: reserved · red: overlap';

/**
 * The map as a picture: the host on the left, on the right each guest's memory as it sees it, with bands from the host
 * memory that it is made of. Light or dark, as the viewer prefers.
 *
 * @param title what is drawn, e.g. the board's file
 */
export function renderSvg(map: MemoryMap, title: string): string {
  const host = place(map.host, HEADER);
  const guests: string[] = [];
  let y = HEADER - GUEST_HEADER;
  for (const guest of map.guests) {
    const { svg, bottom } = drawGuest(guest, y, host, map.domains);
    guests.push(svg);
    y = bottom + GUEST_GAP;
  }
  const bottom = Math.max(host.bottom, y - GUEST_GAP);
  const height = bottom + LEGEND + MARGIN;
  const style: ColumnStyle = { ...HOST, addresses: 'left' };
  const tight = isTight(map.free, map.total) ? ' <tspan class="tight">tight</tspan>' : '';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeXml(`memory map of ${title}`)}">
<style>
${STYLE}
${theme(false)}
@media (prefers-color-scheme: dark) {
${theme(true)}
}
</style>
<rect class="page" width="${WIDTH}" height="${height}" rx="8"/>
<text class="title" x="${MARGIN}" y="38">${escapeXml(clip(title, 60))}</text>
<text class="name" x="${HOST.x}" y="${HEADER - 12}">host</text>
<text class="note" x="${HOST.x + HOST.width}" y="${HEADER - 12}" text-anchor="end">${showSize(map.total)}, ${showSize(map.free)} free${tight}</text>
${guests.join('\n')}
${host.boxes.map((box) => drawBox(box, style, true, map.domains)).join('\n')}
${drawAddresses(host, style)}
<text class="legend note" x="${MARGIN}" y="${bottom + LEGEND}">${LEGEND_TEXT}</text>
</svg>
`;
}
