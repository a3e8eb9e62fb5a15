/** Second half of building a domain: stage-2 tables, images, devices and vCPUs in the board's memory. */
import { Stage2Tables, type TableMemory } from '@dom0less/arm64-mmu';
import type { MemoryRange } from '@dom0less/multiboot';
import { SbsaUart, STATE_BYTES } from '@dom0less/vuart';
import { copyModule, type ModuleBytes } from '../board/module-bytes.ts';
import { linkDevices } from '../device-code/link.ts';
import { modelNamed } from '../devices/models.ts';
import type { BoardMemory } from '../memory/board-memory.ts';
import { CONTROL, DOMAIN_CONTROL, type DomainLayout, VCPU_CONTROL } from '../memory/layout.ts';
import type { PcpuDomain } from '../pcpu/init.ts';
import type { Mapping } from './domain-memory.ts';
import type { PlannedDomain, PooledDomain } from './plan-domain.ts';
import { resetVcpu } from './vcpu.ts';
import { gicStateBytes, makeGic } from './virtual-gic.ts';

/** IPA and PA size of every domain. */
export const IPA_BITS = 44;
const PAGE = 4096;

/** Stage-2 tables in the board's memory, on pages of `ranges`. */
const tableMemory = (memory: BoardMemory, ranges: readonly MemoryRange[]): TableMemory => {
  let [index, used] = [0, 0];
  const take = (pages: number): number => {
    const size = pages * PAGE;
    for (; index < ranges.length; index++, used = 0) {
      const start = Math.ceil((ranges[index]!.start + used) / size) * size;
      used = start + size - ranges[index]!.start;
      if (used <= ranges[index]!.size) return start;
    }
    throw new Error('stage-2 tables need more pages than were counted for their domain');
  };
  return {
    readDescriptor: (pa) => memory.view.getBigUint64(memory.offsetOf(pa), true),
    writeDescriptor: (pa, value) => memory.view.setBigUint64(memory.offsetOf(pa), value, true),
    allocTablePage: () => take(1),
    allocRootPages: take,
  };
};

/** Copies a module to guest RAM. */
const writeGuest = (memory: BoardMemory, mappings: readonly Mapping[], ipa: number, module: ModuleBytes): void => {
  for (const mapping of mappings) {
    const from = Math.max(ipa, mapping.ipa);
    const to = Math.min(ipa + module.length, mapping.ipa + mapping.size);
    if (from >= to) continue;
    memory.fill(mapping.pa + (from - mapping.ipa), to - from, (at, into) => copyModule(module, from - ipa + at, into));
  }
};

/** The system counter when a domain is built. */
export interface CounterNow {
  readonly value: number;
  /** Ticks per second. */
  readonly frequency: number;
  /** Seconds since 1970 when it was 0. */
  readonly epoch: number;
}

const resetDevices = (
  memory: BoardMemory,
  layout: DomainLayout,
  { domain, nrSpis, devices }: PlannedDomain,
  { frequency, epoch }: CounterNow,
): void => {
  const buffer = memory.view.buffer;
  const ignore = (): void => {};
  const { cpus: vcpus, gicVersion } = domain;
  makeGic(gicVersion, { buffer, byteOffset: layout.gic, vcpus, nrSpis, onIrq: ignore, onFiq: ignore }).reset();
  new SbsaUart({ buffer, byteOffset: layout.uart, onTransmit: ignore, onInterrupt: ignore }).reset();
  devices.devices.forEach(({ model }, n) => {
    const parts = { buffer, byteOffset: layout.devices[n]!, onInterrupt: ignore, counter: () => 0, frequency };
    modelNamed(model).make(parts).reset(epoch);
  });
};

/** Registers that all vCPUs of a domain have in common, while it lives. */
interface DomainRegisters {
  readonly VTTBR_EL2: bigint;
  readonly VTCR_EL2: bigint;
}

/** Loads the images, resets devices and vCPUs: the domain is as if it had never run. Its memory is zero before. */
const loadDomain = (
  memory: BoardMemory,
  layout: DomainLayout,
  planned: PlannedDomain,
  counter: CounterNow,
  registers: DomainRegisters,
): void => {
  const { domain, placement, memory: own } = planned;
  writeGuest(memory, own.ram, placement.kernel, planned.kernel.bytes);
  if (placement.initrd !== undefined) writeGuest(memory, own.ram, placement.initrd, planned.initrd!);
  writeGuest(memory, own.ram, placement.dtb, planned.dtb);
  resetDevices(memory, layout, planned, counter);
  memory.doubles[(layout.control + DOMAIN_CONTROL.CNTVOFF) / 8] = counter.value;
  const time = { CNTFRQ_EL0: counter.frequency, CNTVOFF_EL2: counter.value };
  const environment = { ...registers, ...time, cpus: domain.cpus, gicVersion: domain.gicVersion };
  layout.vcpus.forEach(({ state, control }, index) => {
    resetVcpu(memory.view, state, index, environment, BigInt(planned.entry), BigInt(placement.dtb));
    memory.words[(control + VCPU_CONTROL.TIMER_LEVELS) >>> 2] = 0;
  });
};

/**
 * Puts a planned domain into memory, its vCPUs offline at the kernel's entry, with the device tree's address in X0.
 * Throws OutOfBlocksError if the board's memory has not enough blocks for the images, ModuleReadError as modules do.
 */
export const buildDomain = (
  memory: BoardMemory,
  layout: DomainLayout,
  planned: PooledDomain,
  counter: CounterNow,
): PcpuDomain => {
  const { domain } = planned;
  const { ram, shared, tables: pages } = planned.memory;
  const tables = new Stage2Tables({ memory: tableMemory(memory, pages), ipaBits: IPA_BITS, vmid: domain.id });
  const attributes = { read: true, write: true, execute: true, memoryType: 'normal' } as const;
  for (const { ipa, pa, size } of [...ram, ...shared]) tables.map(ipa, pa, size, attributes);
  const { VTTBR_EL2, VTCR_EL2 } = tables;
  loadDomain(memory, layout, planned, counter, { VTTBR_EL2, VTCR_EL2 });
  const { id, name, cpus, gicVersion, vpl011 } = domain;
  const { pool, affinity, map, nrSpis } = planned;
  const { devices, windows } = planned.devices;
  const registers = { VTTBR_EL2, VTCR_EL2, CNTVOFF_EL2: counter.value };
  const bus = { map, devices, windows, openBus: !domain.trapUnmappedAccesses };
  const built = { id, name, cpus, nrSpis, gicVersion, console: vpl011, layout, pool, affinity, ...bus, ...registers };
  linkDevices(memory, built);
  return built;
};

/**
 * Takes the RAM of a domain that has ended back: it is zero afterwards, and what no other domain's static memory shares a
 * block with can back others. Static shared memory stays as it is.
 */
export const scrubDomain = (memory: BoardMemory, { domain, memory: own }: PlannedDomain): void => {
  const release = domain.staticMem.length === 0;
  for (const { pa, size } of own.ram) memory.scrub(pa, size, release);
  Atomics.add(memory.words, (memory.layout.control + CONTROL.RAM_EPOCH) >>> 2, 1);
};

/** Makes a domain that has ended ready to start again: memory scrubbed, images loaded anew, devices and vCPUs reset. */
export const rebuildDomain = (
  memory: BoardMemory,
  info: PcpuDomain,
  planned: PlannedDomain,
  counter: CounterNow,
): void => {
  const { layout } = info;
  scrubDomain(memory, planned);
  // All but the lock, which is the first word: as in new memory.
  const zero = (at: number, bytes: number): void => void memory.bytes.fill(0, at + 4, at + bytes);
  zero(layout.gic, gicStateBytes(info.gicVersion, info.cpus));
  zero(layout.uart, STATE_BYTES);
  loadDomain(memory, layout, planned, counter, info);
  Atomics.add(memory.words, (memory.layout.control + CONTROL.RAM_EPOCH) >>> 2, 1);
};
