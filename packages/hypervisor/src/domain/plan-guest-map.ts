/** Where a domain sees its interrupt controller and its UART. */
import type { HostFacts, ValidDomain } from '@dom0less/multiboot';
import { type BoardDiagnostic, type BuildCode, buildDiagnostic } from '../board/diagnostic.ts';
import { banksOf } from './domain-memory.ts';
import {
  GUEST_GICC_SIZE,
  GUEST_GICD_SIZE,
  GUEST_GICV3_GICD_SIZE,
  GUEST_MAP,
  GUEST_UART_SIZE,
  type GuestMap,
  REDISTRIBUTOR_SIZE,
} from './guest-map.ts';
import type { DeviceWindow } from './plan-devices.ts';

interface NamedWindow extends DeviceWindow {
  readonly name: string;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

/** Register frames of a domain. */
const framesOf = (domain: ValidDomain, map: GuestMap): NamedWindow[] => [
  ...(domain.gicVersion === 2
    ? [
        { name: 'the GIC distributor', address: map.gicd, size: GUEST_GICD_SIZE },
        { name: 'the GIC CPU interface', address: map.gicc, size: GUEST_GICC_SIZE },
      ]
    : [
        { name: 'the GIC distributor', address: map.gicd, size: GUEST_GICV3_GICD_SIZE },
        { name: 'the GIC redistributors', address: map.gicr, size: map.gicrSize },
      ]),
  ...(domain.vpl011 ? [{ name: 'the UART', address: map.uart, size: GUEST_UART_SIZE }] : []),
];

const overlap = (a: DeviceWindow, b: DeviceWindow): boolean =>
  a.address < b.address + b.size && b.address < a.address + a.size;

/**
 * The map of a domain: Xen's, or if it is direct-mapped the addresses of the host's own GIC and UART.
 *
 * @returns undefined if the host has none that could be used: an error says so
 */
export const planGuestMap = (
  domain: ValidDomain,
  host: HostFacts,
  report: (diagnostic: BoardDiagnostic) => void,
): GuestMap | undefined => {
  if (!domain.directMap) return GUEST_MAP;
  const fail = (code: BuildCode, texts?: Readonly<Record<string, number>>): undefined => {
    report(buildDiagnostic(code, { path: domain.path, property: 'direct-map', domain: domain.nodeName }, texts));
    return undefined;
  };
  const [distributor, second] = host.gic?.registers ?? [];
  if (distributor === undefined || second === undefined) return fail('direct-map-gic');
  const own = host.gic?.version === 2 ? { gicc: second.start } : { gicr: second.start, gicrSize: second.size };
  const map = { ...GUEST_MAP, gicd: distributor.start, ...own };
  const limit = Math.floor(map.gicrSize / REDISTRIBUTOR_SIZE);
  if (domain.gicVersion === 3 && domain.cpus > limit) {
    return fail('direct-map-redistributors', { found: domain.cpus, limit });
  }
  if (!domain.vpl011) return map;
  const device = host.devices.find(({ path }) => path === host.uart);
  const registers = device?.registers[0];
  const interrupt = device?.interrupts[0];
  if (registers === undefined || interrupt === undefined || registers.size < GUEST_UART_SIZE) {
    return fail('direct-map-uart');
  }
  return { ...map, uart: registers.start, uartIntid: interrupt.intid };
};

/**
 * Reports what of a domain's memory, shared memory and devices would lie over another part of its map; true if nothing
 * does. (RAM and shared memory are told apart by the boot plan.)
 */
export const checkGuestMap = (
  domain: ValidDomain,
  map: GuestMap,
  windows: readonly DeviceWindow[],
  report: (diagnostic: BoardDiagnostic) => void,
): boolean => {
  const memory = banksOf(domain).map(({ start, size }) => ({ name: 'its memory', address: start, size }));
  const shared = domain.sharedMemory.map(({ id, guestAddress, size }) => ({
    name: `the shared memory "${id}"`,
    address: guestAddress,
    size,
  }));
  const devices = windows.map((window) => ({ ...window, name: 'a device' }));
  const frames = framesOf(domain, map);
  const pairs: [NamedWindow, NamedWindow][] = [];
  for (const one of [...memory, ...shared, ...devices]) for (const frame of frames) pairs.push([one, frame]);
  for (const device of devices) for (const one of [...memory, ...shared]) pairs.push([device, one]);
  // Frames of another kind of GIC than the host's may be larger than the room that the host has for its own.
  frames.forEach((frame, n) => {
    for (const one of frames.slice(0, n)) pairs.push([frame, one]);
  });
  const bad = pairs.filter(([a, b]) => overlap(a, b));
  for (const [one, other] of bad) {
    const range = ({ address, size }: DeviceWindow): string => `[${hex(address)}, ${hex(address + size)})`;
    const texts = { name: one.name, range: range(one), other: other.name, otherRange: range(other) };
    report(buildDiagnostic('guest-map-overlap', { path: domain.path, domain: domain.nodeName }, texts));
  }
  return bad.length === 0;
};
