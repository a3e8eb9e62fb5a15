import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PL011, SbsaUart, STATE_BYTES, UART_SIZE, type Uart, type UartOptions } from '../src/index.ts';

const SIZES = [1, 2, 4] as const;
const KINDS: [string, (options: UartOptions) => Uart][] = [
  ['PL011', (options) => new PL011({ ...options, initialCr: 0x301 })],
  ['SbsaUart', (options) => new SbsaUart(options)],
];

/** A UART over its own memory that writes everything it does into one log. */
function logged(make: (options: UartOptions) => Uart, buffer = new ArrayBuffer(STATE_BYTES)) {
  const log: unknown[] = [];
  const uart = make({
    buffer,
    byteOffset: 0,
    onTransmit: (byte) => log.push(['sent', byte]),
    onInterrupt: (level) => log.push(['interrupt', level]),
    onReceiveSpace: () => log.push(['space']),
  });
  return { uart, log, buffer };
}

const register = fc.constantFrom(0, 0, 0, 4, 0x18, 0x2c, 0x30, 0x34, 0x38, 0x38, 0x3c, 0x40, 0x44, 0xfe0);
const size = fc.constantFrom(...SIZES);
const operation = fc.oneof(
  fc.record({ op: fc.constant('read' as const), offset: register, size }),
  fc.record({ op: fc.constant('write' as const), offset: register, size, value: fc.integer({ min: 0, max: 0xffff }) }),
  fc.record({ op: fc.constant('receive' as const), bytes: fc.uint8Array({ maxLength: 48 }) }),
  fc.record({ op: fc.constant('ready' as const), ready: fc.boolean() }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

function apply(uart: Uart, operation: Operation): unknown {
  switch (operation.op) {
    case 'read':
      return uart.read(operation.offset, operation.size);
    case 'write':
      return uart.write(operation.offset, operation.size, operation.value);
    case 'receive':
      return uart.receive(operation.bytes);
    case 'ready':
      return uart.setTransmitReady(operation.ready);
  }
}

describe.each(KINDS)('%s', (_name, make) => {
  it('takes every offset and size, reads unsigned numbers within the size', () => {
    const { uart } = logged(make);
    uart.reset();
    for (const size of SIZES) {
      for (let offset = 0; offset <= UART_SIZE + 8; offset++) {
        uart.write(offset, size, 0xffffffff);
        const value = uart.read(offset, size);
        expect(value >= 0 && value < 2 ** (8 * size) && Number.isInteger(value)).toBe(true);
      }
    }
  });

  it('goes on the same from a copy of its state', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), fc.array(operation, { maxLength: 60 }), (before, after) => {
        const first = logged(make);
        first.uart.reset();
        for (const operation of before) apply(first.uart, operation);
        const second = logged(make, first.buffer.slice(0));
        first.log.length = 0;
        for (const operation of after) {
          expect(apply(second.uart, operation)).toEqual(apply(first.uart, operation));
        }
        expect(second.log).toEqual(first.log);
        expect(new Uint8Array(second.buffer)).toEqual(new Uint8Array(first.buffer));
      }),
      { numRuns: 100 },
    );
  });

  it('never loses, repeats or reorders input, and its line is RIS & IMSC', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const { uart, log } = logged(make);
        uart.reset();
        const levels = () => log.filter((entry) => (entry as unknown[])[0] === 'interrupt').at(-1) as unknown[];
        let fifo: number[] = [];
        for (const operation of operations) {
          // Control registers reshape the FIFO; their rules have their own tests.
          if (operation.op === 'write' && [0x2c, 0x30].includes(operation.offset)) continue;
          const result = apply(uart, operation);
          if (operation.op === 'receive') fifo = [...fifo, ...operation.bytes.subarray(0, result as number)];
          if (operation.op === 'read' && operation.offset === 0)
            expect((result as number) & 0xff).toBe(fifo.shift() ?? 0);
          expect(levels()?.[1] ?? false).toBe(uart.read(0x40, 4) !== 0);
          expect((uart.read(0x18, 4) & 0x10) !== 0).toBe(fifo.length === 0);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('does not hang on a state full of noise', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: STATE_BYTES, maxLength: STATE_BYTES }),
        fc.array(operation),
        (noise, ops) => {
          const { uart } = logged(make, noise.buffer as ArrayBuffer);
          for (const operation of ops) apply(uart, operation);
        },
      ),
      { numRuns: 50 },
    );
  });
});
