/** Log lines and domain states on their way from the pCPUs to the board: records in a byte ring. */
import { DOMAIN_STATES, type DomainState } from '../board/events.ts';
import type { Ring } from './ring.ts';

/** What a record says. */
export type EventRecord =
  | { readonly kind: 'log'; readonly text: string }
  | { readonly kind: 'domain'; readonly domain: number; readonly state: DomainState; readonly text: string };

/** Bytes in front of a record's text: kind or state, domain (2 bytes), length of the text (2 bytes). */
const HEADER = 5;
const LOG = 0xff;
const MAX_TEXT = 1024;

/** Writes a record; false, and nothing written, if there is no room. Text beyond 1 KiB is cut. */
export const writeEvent = (ring: Ring, record: EventRecord): boolean => {
  const text = new TextEncoder().encode(record.text).subarray(0, MAX_TEXT);
  const bytes = new Uint8Array(HEADER + text.length);
  if (bytes.length > ring.room) return false;
  const view = new DataView(bytes.buffer);
  view.setUint8(0, record.kind === 'log' ? LOG : DOMAIN_STATES.indexOf(record.state));
  view.setUint16(1, record.kind === 'log' ? 0 : record.domain);
  view.setUint16(3, text.length);
  bytes.set(text, HEADER);
  ring.write(bytes);
  return true;
};

/** Takes all records out. A record is written at once, so there is never a part of one. */
export const readEvents = (ring: Ring): EventRecord[] => {
  const bytes = ring.drain();
  const view = new DataView(bytes.buffer);
  const records: EventRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const kind = view.getUint8(at);
    const length = view.getUint16(at + 3);
    const text = new TextDecoder().decode(bytes.subarray(at + HEADER, at + HEADER + length));
    if (kind === LOG) records.push({ kind: 'log', text });
    else records.push({ kind: 'domain', domain: view.getUint16(at + 1), state: DOMAIN_STATES[kind]!, text });
    at += HEADER + length;
  }
  return records;
};
