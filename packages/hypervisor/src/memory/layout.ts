/** Where everything lies in the board's shared memory, behind what the engine claims for itself. */
import { BLOCK_BYTES, ENGINE_END, pcpuBytes, VCPU_BYTES } from '@dom0less/arm64-cpu/sizes';
import { stateBytes } from '@dom0less/vgic';
import { STATE_BYTES } from '@dom0less/vuart';
import { RING_HEADER_BYTES } from '../console/ring.ts';

/** Pages of guest code whose predecoded records one pCPU keeps: 24 MiB of records, backed as they are used. */
export const CODE_PAGES = 1536;
/** Bytes of a domain's console rings, and of the ring of log lines and domain states. */
export const OUTPUT_RING_BYTES = 2 ** 16;
export const INPUT_RING_BYTES = 2 ** 14;
export const EVENT_RING_BYTES = 2 ** 16;
/** Most pages of 64 KiB that a memory with 32-bit addresses has: 4 GiB. */
const MAX_WASM_PAGES = 2 ** 16;
const WASM_PAGE = 2 ** 16;

/**
 * Words that board and pCPUs share, as byte offsets from `BoardLayout.control`; 32 bits each, touched by Atomics.
 */
export const CONTROL = {
  /** Changed, with a notify, whenever the board has something for the pCPUs. */
  WAKE: 0,
  /** 1 from a pCPU's `notify` until the board's next pump. */
  NOTIFIED: 4,
  /** 1: pCPUs shall leave. */
  STOP: 8,
  /** RAM blocks given out. */
  BLOCKS_USED: 12,
  /** Lock of the block table: 0 is free. */
  BLOCK_LOCK: 16,
  /** 1: a pCPU waits for room in a ring that the board empties. */
  WANTS_ROOM: 20,
  BYTES: 64,
} as const;

/** Words of a domain, from `DomainLayout.control`. */
export const DOMAIN_CONTROL = {
  /** An index of `DOMAIN_STATES`. */
  STATE: 0,
  BYTES: 64,
} as const;

/** Words of a vCPU that the engine knows nothing of, from `VcpuLayout.control`. */
export const VCPU_CONTROL = {
  /** One of `VCPU_RUN`. */
  RUN: 0,
  BYTES: 64,
} as const;

/** What a vCPU does: never started or off, ready to run, or waiting for an interrupt. */
export const VCPU_RUN = { OFFLINE: 0, RUNNABLE: 1, BLOCKED: 2 } as const;

/** Memory offsets of one vCPU. */
export interface VcpuLayout {
  /** The engine's state: VCPU_BYTES. */
  readonly state: number;
  readonly control: number;
}

/** Memory offsets of one domain. */
export interface DomainLayout {
  readonly control: number;
  readonly gic: number;
  readonly uart: number;
  readonly output: number;
  readonly input: number;
  readonly vcpus: readonly VcpuLayout[];
}

/** Memory offsets of the board; plain data. */
export interface BoardLayout {
  readonly control: number;
  readonly events: number;
  readonly domains: readonly DomainLayout[];
  /** Areas of the pCPUs. */
  readonly pcpus: readonly number[];
  /** First RAM block, and how many there are. */
  readonly blocks: number;
  readonly blockCount: number;
  readonly wasmPages: number;
}

/** What decides on the layout. */
export interface LayoutInput {
  readonly pcpus: number;
  readonly domains: readonly { readonly cpus: number }[];
  /** RAM blocks that could ever be touched. */
  readonly blocksWanted: number;
}

/** Gives out pieces of memory one behind the other. */
class Cursor {
  at = ENGINE_END;

  take(bytes: number, align = 64): number {
    const start = Math.ceil(this.at / align) * align;
    this.at = start + bytes;
    return start;
  }
}

const layOutDomain = (cursor: Cursor, cpus: number): DomainLayout => ({
  control: cursor.take(DOMAIN_CONTROL.BYTES),
  gic: cursor.take(stateBytes({ vcpus: cpus })),
  uart: cursor.take(STATE_BYTES),
  output: cursor.take(RING_HEADER_BYTES + OUTPUT_RING_BYTES),
  input: cursor.take(RING_HEADER_BYTES + INPUT_RING_BYTES),
  vcpus: Array.from({ length: cpus }, () => ({
    state: cursor.take(VCPU_BYTES),
    control: cursor.take(VCPU_CONTROL.BYTES),
  })),
});

/** Lays the board out. `blockCount` is less than wanted where 4 GiB do not hold them all. */
export const layOut = ({ pcpus, domains, blocksWanted }: LayoutInput): BoardLayout => {
  const cursor = new Cursor();
  const control = cursor.take(CONTROL.BYTES);
  const events = cursor.take(RING_HEADER_BYTES + EVENT_RING_BYTES);
  const domainLayouts = domains.map(({ cpus }) => layOutDomain(cursor, cpus));
  const pcpuAreas = Array.from({ length: pcpus }, () => cursor.take(pcpuBytes(CODE_PAGES), WASM_PAGE));
  const blocks = cursor.take(0, BLOCK_BYTES);
  const room = Math.floor((MAX_WASM_PAGES * WASM_PAGE - blocks) / BLOCK_BYTES);
  const blockCount = Math.min(room, blocksWanted);
  const wasmPages = (blocks + blockCount * BLOCK_BYTES) / WASM_PAGE;
  return { control, events, domains: domainLayouts, pcpus: pcpuAreas, blocks, blockCount, wasmPages };
};
