/** Bits of the engine's `interruptLines`: the inputs of a vCPU that its interrupt controller drives. */
export const IRQ_LINE = 1;
export const FIQ_LINE = 2;
