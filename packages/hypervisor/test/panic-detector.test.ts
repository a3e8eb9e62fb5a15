import { describe, expect, it } from 'vitest';
import { PanicDetector } from '../src/index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const panicOf = (text: string) => {
  const detector = new PanicDetector();
  return detector.feed(bytes(text));
};

describe('PanicDetector', () => {
  it.each([
    [
      'Linux',
      '[   11.671197] Kernel panic - not syncing: sysrq triggered crash',
      'Kernel panic - not syncing: sysrq triggered crash',
    ],
    ['Linux', 'd1:~# [   11.671197][   T86] Kernel panic - not syncing: Oops', 'Kernel panic - not syncing: Oops'],
    [
      'Linux',
      'Kernel panic - not syncing: No working init found.',
      'Kernel panic - not syncing: No working init found.',
    ],
    ['Xen', '(XEN) Panic on CPU 0:', '(XEN) Panic on CPU 0:'],
    ['Xen', '(XEN) [2026-01-01 00:00:00] Panic on CPU 12:', '(XEN) [2026-01-01 00:00:00] Panic on CPU 12:'],
    ['Zephyr', 'E: >>> ZEPHYR FATAL ERROR 4: Kernel panic on CPU 0', '>>> ZEPHYR FATAL ERROR 4: Kernel panic on CPU 0'],
    ['FreeBSD', 'panic: vm_fault: fault on nofault entry', 'panic: vm_fault: fault on nofault entry'],
  ])('knows the panic of %s in %j', (system, text, line) => {
    expect(panicOf(`Booting\r\n${text}\r\nCPU: 0\r\n`)).toEqual({ system, line });
  });

  it.each([
    '[   11.712557] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---',
    '# grep -c "Kernel panic - not syncing" log',
    'the docs say: panic: means trouble',
    '[    0.000000] Kernel command line: panic=10 console=ttyAMA0',
  ])('does not take %j for one', (text) => {
    expect(panicOf(`${text}\n`)).toBeUndefined();
  });

  it('finds it however the text is cut, when the line is complete, and once', () => {
    const detector = new PanicDetector();
    const text = bytes('x\n[    1.000000] Kernel panic - not syncing: VFS');
    for (const byte of text) expect(detector.feed(Uint8Array.of(byte))).toBeUndefined();
    expect(detector.feed(bytes('\r\npanic: again\n'))?.line).toBe('Kernel panic - not syncing: VFS');
    expect(detector.feed(bytes('panic: again\n'))).toBeUndefined();
    expect(detector.panic?.system).toBe('Linux');
  });

  it('keeps 1024 bytes of a line that never ends, and knows the next one', () => {
    const detector = new PanicDetector();
    const long = new Uint8Array(2 ** 20).fill(0x70);
    expect(detector.feed(long)).toBeUndefined();
    expect(detector.feed(bytes('\npanic: here\n'))?.line).toBe('panic: here');
  });
});
