import { stateOffset } from '../state.ts';

const ENGINE_REQUEST = stateOffset('engineRequest');

/**
 * Makes the pCPU that runs the vCPU at `vcpu`, if there is one, look at the vCPU's interrupt lines within some
 * microseconds, without leaving the guest. From any thread, over an Int32Array of the board's memory. For a vCPU that
 * shall leave the engine, store 1 to its `exitRequest` with Atomics instead.
 */
export function kick(words: Int32Array, vcpu: number): void {
  Atomics.store(words, (vcpu + ENGINE_REQUEST) >>> 2, 1);
}
