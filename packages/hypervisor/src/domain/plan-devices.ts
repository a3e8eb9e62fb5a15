/** Which devices of the board a domain gets, and where it sees them. */
import {
  type HostFacts,
  type HostInterrupt,
  locate,
  type Passthrough,
  type PassthroughDevice,
  type PassthroughRegion,
  readPassthrough,
  type ValidDomain,
} from '@dom0less/multiboot';
import { type BoardDiagnostic, type BuildCode, buildDiagnostic } from '../board/diagnostic.ts';
import { MODELLED, modelOf } from '../devices/models.ts';

/** A device model of a domain. */
export interface PlannedDevice {
  /** Name of its model. */
  readonly model: string;
  /** Where the domain sees its registers (IPA). */
  readonly address: number;
  /** Its interrupt; undefined if it has none. */
  readonly intid: number | undefined;
}

/** Register pages that a domain sees (IPA): what no model covers reads as zero and ignores writes. */
export interface DeviceWindow {
  readonly address: number;
  readonly size: number;
}

/** What a domain gets of the board's devices. */
export interface PlannedDevices {
  readonly devices: readonly PlannedDevice[];
  readonly windows: readonly DeviceWindow[];
  readonly passthrough?: Passthrough;
}

type Report = (diagnostic: BoardDiagnostic) => void;

/** Who has which device and which interrupt; one of a board. */
export class DeviceOwners {
  readonly #owners = new Map<string, string>();

  /** The domain that has it, or undefined: it is `domain`'s from now on. */
  claim(what: string, domain: string): string | undefined {
    const owner = this.#owners.get(what);
    if (owner === undefined) this.#owners.set(what, domain);
    return owner === domain ? undefined : owner;
  }
}

const hex = (value: number): string => `0x${value.toString(16)}`;
const NONE: PlannedDevices = { devices: [], windows: [] };

/** Address at which the domain sees a device's registers, through one of the regions that it was given. */
const guestAddress = (start: number, regions: readonly PassthroughRegion[]): number | undefined => {
  const region = regions.find(({ hostAddress, size }) => start >= hostAddress && start < hostAddress + size);
  return region && region.guestAddress + (start - region.hostAddress);
};

/** The host device whose registers the regions begin with, where the fragment does not name one. */
const findHost = ({ host, regions }: PassthroughDevice, { devices }: HostFacts) =>
  host ??
  devices.find(({ registers: [first] }) => first !== undefined && guestAddress(first.start, regions) !== undefined);

/** Devices for one node of the fragment. */
const planDevice = (
  device: PassthroughDevice,
  facts: HostFacts,
  report: (code: BuildCode, texts: Record<string, string | number>) => void,
): PlannedDevice[] => {
  const host = findHost(device, facts);
  if (device.regions.length === 0) return [];
  const model = host && modelOf(host);
  const start = host?.registers[0]?.start;
  const address = start === undefined ? undefined : guestAddress(start, device.regions);
  if (model === undefined || address === undefined) {
    const what = host?.path ?? hex(device.regions[0]!.hostAddress);
    const found = host === undefined ? 'no device of the host tree' : host.compatible.join(', ') || 'no compatible';
    report('device-not-modelled', { what, found, known: MODELLED.join(', ') });
    return [];
  }
  return [{ model: model.compatible, address, intid: device.interrupts[0]?.intid }];
};

/** Interrupts that a domain gets with its devices. */
const interruptsOf = ({ devices }: Passthrough): HostInterrupt[] => devices.flatMap(({ interrupts }) => interrupts);

/** What devices of a domain are planned from. */
export interface DeviceContext {
  readonly host: HostFacts;
  readonly owners: DeviceOwners;
  readonly report: Report;
  /** INTID of the domain's own UART; undefined if it has none. */
  readonly uartIntid: number | undefined;
  /** SPIs that the domain asks for; undefined if it takes the default. */
  readonly nrSpis: number | undefined;
}

const FIRST_SPI = 32;

/** Reports what a domain can't have; true if there is nothing. */
const check = (
  passthrough: Passthrough,
  domain: ValidDomain,
  { host, owners, uartIntid, nrSpis }: DeviceContext,
  report: (code: BuildCode, texts: Record<string, string | number>) => void,
): boolean => {
  let usable = true;
  const refuse = (code: BuildCode, texts: Record<string, string | number>): void => {
    usable = false;
    report(code, texts);
  };
  for (const device of passthrough.devices) {
    const path = findHost(device, host)?.path;
    if (path === undefined) continue;
    if (path === host.uart) refuse('device-is-xens', { what: path });
    const other = owners.claim(path, domain.nodeName);
    if (other !== undefined) refuse('device-taken', { what: path, other });
  }
  for (const { intid } of interruptsOf(passthrough)) {
    if (intid === uartIntid) refuse('interrupt-clash', { intid, spi: intid - FIRST_SPI });
    if (nrSpis !== undefined && intid >= FIRST_SPI + Math.ceil(nrSpis / 32) * 32) {
      refuse('interrupt-range', { intid, needed: intid - FIRST_SPI + 1, found: nrSpis });
    }
    const other = owners.claim(`interrupt ${intid}`, domain.nodeName);
    if (other !== undefined) refuse('device-taken', { what: `interrupt ${intid}`, other });
  }
  return usable;
};

/**
 * Reads the passthrough fragment of a domain and gives it the devices.
 *
 * @param bytes of its device-tree module; undefined if it has none
 * @returns undefined if the domain can't have what it asks for: an error says why
 */
export const planDevices = (
  domain: ValidDomain,
  bytes: Uint8Array | undefined,
  context: DeviceContext,
): PlannedDevices | undefined => {
  const module = domain.modules.deviceTree;
  if (bytes === undefined || module === undefined) return NONE;
  const place = { path: module.path, domain: domain.nodeName };
  const { passthrough, findings } = readPassthrough(bytes, context.host);
  for (const finding of findings) context.report(locate(finding, place));
  if (passthrough === undefined || findings.some(({ severity }) => severity === 'error')) return undefined;
  const report = (code: BuildCode, texts: Record<string, string | number>): void =>
    context.report(buildDiagnostic(code, place, texts));
  if (!check(passthrough, domain, context, report)) return undefined;
  const devices = passthrough.devices.flatMap((device) => planDevice(device, context.host, report));
  const windows = passthrough.devices.flatMap(({ regions }) =>
    regions.map(({ guestAddress: address, size }) => ({ address, size })),
  );
  return { devices, windows, passthrough };
};

/** Highest INTID of a domain's devices; 0 without any. */
export const highestIntid = ({ passthrough }: PlannedDevices): number =>
  Math.max(0, ...(passthrough === undefined ? [] : interruptsOf(passthrough).map(({ intid }) => intid)));
