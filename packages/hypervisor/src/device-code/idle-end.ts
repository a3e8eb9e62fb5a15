/** How the idle loop (idle.ts) tells why it came back: bits beside the state of the vCPU that is concerned. */
export const IDLE_END = {
  /** The pCPU is to look at what there is. */
  WOKEN: 0,
  /** A vCPU waits for an event: the caller is to sleep. */
  AWAITS: 1,
  /** The pCPU has the vCPU in its hands, to look at its timers. */
  CLAIMED: 2,
  /** It has run the vCPU, whose slice is not ended; more bits give what `run` of the engine gave. */
  RAN: 8,
  /** All these bits. */
  MASK: 15,
} as const;
