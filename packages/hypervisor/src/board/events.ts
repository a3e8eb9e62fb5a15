/** What a board tells its embedder. */

/**
 * Life of a domain. `failed`: could not be built, or what it was to start after never came; `paused`: built, and waits
 * to be started; `poweroff` and `reboot`: ended itself; `crashed`: was ended by the hypervisor; `reason` says why. One
 * that ended is started again where its restart policy says so, else nobody does, as with Xen without a toolstack.
 */
export const DOMAIN_STATES = ['failed', 'running', 'poweroff', 'reboot', 'crashed', 'paused'] as const;
export type DomainState = (typeof DOMAIN_STATES)[number];

/** A domain of the board, as it is now. */
export interface DomainInfo {
  /** 1 for the first domain in tree order. */
  readonly id: number;
  /** Node name, without unit address where that is unique. */
  readonly name: string;
  /** Node name with unit address. */
  readonly nodeName: string;
  /** dom0less,uuid */
  readonly uuid?: string;
  readonly state: DomainState;
  /** Why it is in that state, where there is more to say. */
  readonly reason?: string;
  /** True: it has ended, and will be started again. */
  readonly restarting?: boolean;
  /** How often it was started again. */
  readonly restarts: number;
  readonly cpus: number;
  readonly memoryKiB: number;
  /** True: it has a UART, so it writes to a console and takes input. */
  readonly console: boolean;
}

/** Bytes that a domain wrote to its UART, exactly. */
export interface ConsoleEvent {
  readonly type: 'console';
  /** Domain id. */
  readonly domain: number;
  readonly bytes: Uint8Array;
}

/** A line of the hypervisor's log as Xen prints it, e.g. `(XEN) Loading d1 DTB to …`, without newline. */
export interface LogEvent {
  readonly type: 'log';
  readonly line: string;
}

/** A domain changed its state. */
export interface DomainEvent {
  readonly type: 'domain';
  readonly domain: number;
  readonly name: string;
  readonly state: DomainState;
  readonly reason?: string;
  /** True: it has ended, and will be started again. */
  readonly restarting?: boolean;
}

export type BoardEvent = ConsoleEvent | LogEvent | DomainEvent;

/** How the board ended. */
export interface BoardSummary {
  /** All domains in their last state. */
  readonly domains: readonly DomainInfo[];
}
