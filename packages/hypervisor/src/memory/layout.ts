/** Where everything lies in the board's shared memory, behind what the engine claims for itself. */
import { BLOCK_BYTES, ENGINE_END, pcpuBytes, VCPU_BYTES } from '@dom0less/arm64-cpu/sizes';
import { STATE_BYTES } from '@dom0less/vuart';
import { RING_HEADER_BYTES } from '../console/ring.ts';
import { gicStateBytes } from '../domain/virtual-gic.ts';

/**
 * Pages of guest code whose predecoded records pCPUs keep, some 18 KiB each, backed as they are used: all together, and one
 * pCPU at least and at most. The boot of one Linux executes 1,500.
 */
const CODE_PAGES = 8192;
const LEAST_CODE_PAGES = 1536;
const MOST_CODE_PAGES = 4096;
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
  /** Changed whenever a pCPU has to look at consoles and ending domains, or at STOP. */
  ATTENTION: 0,
  /** 1 from a pCPU's `notify` until the board's next pump. */
  NOTIFIED: 4,
  /** 1: pCPUs shall leave. */
  STOP: 8,
  /** RAM blocks given out. */
  BLOCKS_USED: 12,
  /** Lock of the block table. */
  BLOCK_LOCK: 16,
  /** 1: a pCPU waits for room in a ring that the board empties. */
  WANTS_ROOM: 20,
  /** Lock of the writing end of the event ring. */
  EVENTS_LOCK: 24,
  /** Log lines that found no room in the event ring since the last that did. */
  LINES_LOST: 28,
  /**
   * Lock of the latest value that anybody has read from the system counter, and that value (a double); in deterministic
   * mode the value when the pCPUs stood still last.
   */
  COUNTER_LOCK: 32,
  COUNTER: 40,
  /** Memory offset of the first RAM block that was given back, or 0; its first word leads to the next one. */
  FREE_BLOCK: 48,
  /** RAM blocks that were given back. */
  BLOCKS_FREE: 52,
  /** Changed when RAM was rewritten behind the engines' backs: what they have translated no longer holds. */
  RAM_EPOCH: 56,
  /**
   * Deterministic mode: 1 while the pCPUs stand still until the board has done what follows from a domain's end, from
   * output that another domain waits for, or from a time that has come.
   */
  ACT: 60,
  /** Deterministic mode: counter value at which the board has something to do (a double); Infinity if at none. */
  ACT_DUE: 64,
  BYTES: 128,
} as const;

/** Words of a pCPU that all threads see, from `BoardLayout.pcpuControls`. */
export const PCPU_CONTROL = {
  /** Changed, with a notify, to wake the pCPU. */
  WAKE: 0,
  /** One of `PCPU_IDLE`. Changed under the lock of its pool. */
  IDLE: 4,
  /** Its number, and memory offset of the `POOL_CONTROL` of its pool. */
  NUMBER: 8,
  POOL: 12,
  /** `CONTROL.ATTENTION` when it last looked at consoles and ending domains, and `CONTROL.RAM_EPOCH` as its engine knows it. */
  ATTENDED: 16,
  RAM_EPOCH: 20,
  /** 1: something has happened on its thread that the board does not know of. */
  UNTOLD: 24,
  /** The system counter on its thread: host time in ms at which it was 0, and ticks per ms (doubles). */
  CLOCK_EPOCH: 32,
  TICKS_PER_MS: 40,
  BYTES: 64,
} as const;

/** What a pCPU does: it has a vCPU to run, it has none, or it has had none yet and so may have no thread. */
export const PCPU_IDLE = { NO: 0, YES: 1, UNUSED: 2 } as const;

/** Words of a CPU pool, from `BoardLayout.pools`. */
export const POOL_CONTROL = {
  /** Lock of everything that its scheduler knows: the scheduler's words of its pCPUs and vCPUs. */
  LOCK: 0,
  /** How many of its pCPUs are idle. */
  IDLE: 4,
  /** The last ticket that a waiting vCPU got. */
  TICKET: 8,
  /** Least runtime of the vCPUs that want to run (a double). */
  RUNTIME: 16,
  /** Memory offset of the `VCPU_CONTROL` of the first vCPU of its domains, or 0; `VCPU_CONTROL.NEXT` leads on. */
  FIRST: 24,
  /** 1: a vCPU runs only on the pCPU of its `VCPU_CONTROL.PLACE`. */
  PLACES: 28,
  BYTES: 64,
} as const;

/** Words of a domain, from `DomainLayout.control`. */
export const DOMAIN_CONTROL = {
  /** An index of `DOMAIN_STATES`. */
  STATE: 0,
  /** An index of `END_REASONS`. */
  REASON: 4,
  /** 1 once the board was told that the domain has ended. */
  TOLD: 8,
  /** Calls that nobody serves. */
  UNHANDLED: 12,
  /** Blocks that it had of the entropy that follows from a seed. */
  ENTROPY: 16,
  /** 1 while the board may still start the domain, for the first time or again: pCPUs stay for it. */
  HELD: 20,
  /** The system counter when the domain was started last (a double). */
  CNTVOFF: 24,
  /** 1 while another domain waits for something on its console. */
  WATCHED: 32,
  /**
   * For device code (device-code/): memory offsets of the state of its GIC and UART and of its output ring, and the IPA pages
   * of GICC and UART, 0 where it has none.
   */
  GIC: 36,
  GICC_PAGE: 40,
  UART: 44,
  UART_PAGE: 48,
  OUTPUT: 52,
  BYTES: 64,
} as const;

/** Words of a vCPU that the engine knows nothing of, from `VcpuLayout.control`. */
export const VCPU_CONTROL = {
  /** One of `VCPU_RUN`. */
  RUN: 0,
  /** 1 + the pCPU that has it in its hands, or 0. Only that one touches its registers and its timers. */
  OWNER: 4,
  /** The pCPU that ran it last; it looks after its timers. */
  HOME: 8,
  /** 1 + the pCPU that a scheduler has given it for good, or 0. */
  PLACE: 12,
  /** Null scheduler: its turn among those that wait for a pCPU of their own. Fair one: 1 if it has waked up and not run since. */
  TICKET: 16,
  /** Levels of its timers' interrupts, a bit each. */
  TIMER_LEVELS: 20,
  /** Counter value at which one of its timers will fire (a double); Infinity if none will. */
  DEADLINE: 24,
  /** Ticks of the system counter that it ran for, and was credited with (a double). */
  RUNTIME: 32,
  /** Counter value at which to look whether there is an event, while it waits for one (a double). */
  EVENT_DUE: 40,
  /** Memory offset of the `VCPU_CONTROL` of the next vCPU of its pool, or 0. */
  NEXT: 48,
  /** What the engine had executed of it when its slice began, modulo 2^32. */
  SLICE_FIRST: 52,
  /** Counter values at which its slice began, and at which it should end (doubles). */
  SLICE_START: 56,
  SLICE_END: 64,
  /** For device code: memory offsets of its state in the GIC and of its `DOMAIN_CONTROL`. */
  GIC: 72,
  DOMAIN: 76,
  /** Device code has put something into the output ring since this was last 0. */
  SENT: 80,
  /** Instructions per ms of its slices before (a double); 0: it had none. */
  SPEED: 88,
  BYTES: 128,
} as const;

/** From a vCPU's state to its `VCPU_CONTROL`. */
export const VCPU_CONTROL_AT = VCPU_BYTES;

/**
 * What a vCPU does: never started or off, ready to run, waiting for an interrupt (WFI), about to be off (it leaves the
 * engine first), about to start (its registers are being set), waiting for an event (WFE).
 */
export const VCPU_RUN = { OFFLINE: 0, RUNNABLE: 1, BLOCKED: 2, STOPPING: 3, STARTING: 4, AWAITING: 5 } as const;

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
  /** State of the devices of the board that it has. */
  readonly devices: readonly number[];
  readonly output: number;
  readonly input: number;
  readonly vcpus: readonly VcpuLayout[];
}

/** Memory offsets of the board; plain data. */
export interface BoardLayout {
  readonly control: number;
  readonly events: number;
  readonly domains: readonly DomainLayout[];
  /** Areas of the pCPUs' engines. */
  readonly pcpus: readonly number[];
  /** Pages of code that each pCPU has room for. */
  readonly codePages: number;
  /** `PCPU_CONTROL` of each pCPU. */
  readonly pcpuControls: readonly number[];
  /** `POOL_CONTROL` of each CPU pool. */
  readonly pools: readonly number[];
  /** First RAM block, and how many there are. */
  readonly blocks: number;
  readonly blockCount: number;
  readonly wasmPages: number;
}

/** What decides on the layout of a domain. */
export interface DomainShape {
  readonly cpus: number;
  readonly gicVersion: 2 | 3;
  /** Bytes of the state of each device of the board that it has; none if absent. */
  readonly devices?: readonly number[];
}

/** What decides on the layout. */
export interface LayoutInput {
  readonly pcpus: number;
  /** CPU pools; 1 if absent. */
  readonly pools?: number;
  readonly domains: readonly DomainShape[];
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

const layOutDomain = (cursor: Cursor, { cpus, gicVersion, devices = [] }: DomainShape): DomainLayout => ({
  control: cursor.take(DOMAIN_CONTROL.BYTES),
  gic: cursor.take(gicStateBytes(gicVersion, cpus)),
  uart: cursor.take(STATE_BYTES),
  devices: devices.map((bytes) => cursor.take(bytes)),
  output: cursor.take(RING_HEADER_BYTES + OUTPUT_RING_BYTES),
  input: cursor.take(RING_HEADER_BYTES + INPUT_RING_BYTES),
  vcpus: Array.from({ length: cpus }, () => {
    const state = cursor.take(VCPU_BYTES + VCPU_CONTROL.BYTES);
    return { state, control: state + VCPU_CONTROL_AT };
  }),
});

const codePagesOf = (pcpus: number): number =>
  Math.min(MOST_CODE_PAGES, Math.max(LEAST_CODE_PAGES, Math.floor(CODE_PAGES / pcpus)));

/** Lays the board out. `blockCount` is less than wanted where 4 GiB do not hold them all. */
export const layOut = ({ pcpus, pools = 1, domains, blocksWanted }: LayoutInput): BoardLayout => {
  const cursor = new Cursor();
  const control = cursor.take(CONTROL.BYTES);
  const events = cursor.take(RING_HEADER_BYTES + EVENT_RING_BYTES);
  const pcpuControls = Array.from({ length: pcpus }, () => cursor.take(PCPU_CONTROL.BYTES));
  const poolControls = Array.from({ length: pools }, () => cursor.take(POOL_CONTROL.BYTES));
  const domainLayouts = domains.map((shape) => layOutDomain(cursor, shape));
  const codePages = codePagesOf(pcpus);
  const pcpuAreas = Array.from({ length: pcpus }, () => cursor.take(pcpuBytes(codePages), WASM_PAGE));
  const blocks = cursor.take(0, BLOCK_BYTES);
  const room = Math.floor((MAX_WASM_PAGES * WASM_PAGE - blocks) / BLOCK_BYTES);
  const blockCount = Math.min(room, blocksWanted);
  const wasmPages = (blocks + blockCount * BLOCK_BYTES) / WASM_PAGE;
  return {
    control,
    events,
    pcpuControls,
    pools: poolControls,
    domains: domainLayouts,
    pcpus: pcpuAreas,
    codePages,
    blocks,
    blockCount,
    wasmPages,
  };
};
