import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventRecord, readEvents, writeEvent } from '../src/console/event-ring.ts';
import { RING_HEADER_BYTES, Ring } from '../src/console/ring.ts';

const CAPACITY = 64;
const makeRing = (capacity = CAPACITY): { buffer: SharedArrayBuffer; ring: Ring } => {
  const buffer = new SharedArrayBuffer(RING_HEADER_BYTES + capacity);
  return { buffer, ring: new Ring(buffer, 0, capacity) };
};

const operation = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), bytes: fc.uint8Array({ maxLength: 2 * CAPACITY }) }),
  fc.record({ kind: fc.constant('push' as const), byte: fc.nat(255) }),
  fc.record({ kind: fc.constant('take' as const), count: fc.nat(CAPACITY) }),
  fc.record({ kind: fc.constant('drain' as const) }),
);

describe('a ring', () => {
  it('is a queue of limited length, whatever is done to it', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), fc.boolean(), (operations, wraps) => {
        const { buffer, ring } = makeRing();
        // Counters run over 2^32.
        if (wraps) for (const at of [0, 64]) new Int32Array(buffer)[at / 4] = -20;
        let model: number[] = [];
        for (const one of operations) {
          if (one.kind === 'push') {
            expect(ring.push(one.byte)).toBe(model.length < CAPACITY);
            if (model.length < CAPACITY) model.push(one.byte);
          } else if (one.kind === 'write') {
            const taken = ring.write(one.bytes);
            expect(taken).toBe(Math.min(one.bytes.length, CAPACITY - model.length));
            model.push(...one.bytes.subarray(0, taken));
          } else {
            const seen = one.kind === 'drain' ? ring.drain() : ring.peek(one.count);
            expect([...seen]).toEqual(model.slice(0, one.kind === 'drain' ? CAPACITY : one.count));
            if (one.kind === 'take') ring.drop(seen.length);
            model = model.slice(seen.length);
          }
          expect([ring.length, ring.room]).toEqual([model.length, CAPACITY - model.length]);
        }
      }),
    );
  });
});

describe('the event ring', () => {
  it('gives back the records that went in, and refuses those that do not fit', () => {
    const record: fc.Arbitrary<EventRecord> = fc.oneof(
      fc.record({ kind: fc.constant('log' as const), text: fc.string({ unit: 'binary', maxLength: 40 }) }),
      fc.record({
        kind: fc.constant('domain' as const),
        domain: fc.integer({ min: 1, max: 255 }),
        state: fc.constantFrom('poweroff' as const, 'reboot' as const, 'crashed' as const),
        text: fc.string({ maxLength: 40 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(record, { maxLength: 40 }), (records) => {
        const { ring } = makeRing(1024);
        const accepted = records.filter((one) => writeEvent(ring, one));
        expect(readEvents(ring)).toEqual(accepted);
        expect(records.length === 0 || accepted.length > 0).toBe(true);
        expect(ring.length).toBe(0);
      }),
    );
  });
});
