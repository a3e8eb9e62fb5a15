/** Puts packs of translations together into one. */
import { concat } from '../wasm/module-builder.ts';
import { buildModule } from './module.ts';
import { RegionTable } from './region-table.ts';

/** Regions that go into a pack. */
export interface PackPart {
  /** A flat table of regions, as a pack has it. */
  readonly regions: Uint32Array<ArrayBufferLike>;
  /** Their functions' bytes. */
  readonly bodies: Uint8Array;
  /** For each how many runs ago it was last used; absent: all are used. */
  readonly ages?: Uint8Array;
}

/** A pack that can be kept: from the bytes of its module comes a `TranslationPack` of the form `table`. */
export interface MergedPack {
  readonly regions: Uint32Array<ArrayBuffer>;
  readonly wire: Uint8Array<ArrayBuffer>;
  readonly ages: Uint8Array<ArrayBuffer>;
}

/** The functions' bytes of a pack, which are the last of its module's. */
export const bodiesOf = (regions: Uint32Array<ArrayBufferLike>, wire: Uint8Array): Uint8Array => {
  const table = RegionTable.of(regions);
  return wire.subarray(wire.length - table.codeAt(table.count));
};

/**
 * One pack of all parts' regions, without those that are older than `maxAge`. Of two with the same content it has that
 * with the most care, else the first.
 *
 * @param limit regions that it has at most; the last ones are left out
 */
export function mergePacks(parts: readonly PackPart[], maxAge: number, limit: number): MergedPack {
  const found = new RegionTable(1024);
  const bodies: (Uint8Array | undefined)[] = [];
  const ages: number[] = [];
  for (const part of parts) {
    const table = RegionTable.of(part.regions);
    for (let row = 0; row < table.count; row++) {
      const age = part.ages?.[row] ?? 0;
      if (age > maxAge) continue;
      const content = table.content(row);
      const same = found.findSame(content, table.entryWord(row));
      if (same >= 0 && found.care(same) >= content.care) {
        ages[same] = Math.min(ages[same]!, age);
        continue;
      }
      if (same >= 0) bodies[same] = undefined;
      const body = part.bodies.subarray(table.codeAt(row), table.codeAt(row + 1));
      found.add(content, body.length);
      bodies.push(body);
      ages.push(age);
    }
  }
  const kept = bodies.flatMap((body, row) => (body ? [{ body, row }] : [])).slice(0, limit);
  const table = new RegionTable(Math.max(1, kept.length));
  for (const { body, row } of kept) table.add(found.content(row), body.length);
  const code = concat(kept.map(({ body }) => body));
  return {
    regions: table.flat(true),
    wire: buildModule(kept.length, [code], 'table'),
    ages: Uint8Array.from(kept, ({ row }) => ages[row]!),
  };
}
