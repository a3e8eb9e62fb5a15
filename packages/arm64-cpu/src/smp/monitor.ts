import { stateOffset } from '../state.ts';

const ADDRESS = stateOffset('exclusiveAddress') >>> 2;
const BYTES = stateOffset('exclusiveBytes') >>> 2;
const VALUE = stateOffset('exclusiveLow') >>> 2;
const OPEN = -1;

/**
 * What became of the exclusive monitor of the vCPU at `vcpu`: it is open; or it is exclusive and memory holds what the
 * exclusive load saw; or it is exclusive, and somebody has stored something else since, which is an event for a vCPU that
 * waits in WFE (Arm ARM B2.9). Stores leave no trace but what they store: a host looks at this while a vCPU waits.
 *
 * From the thread that has the vCPU in its hands, over an Int32Array of the board's memory.
 */
export function exclusiveMonitor(words: Int32Array, vcpu: number): 'open' | 'exclusive' | 'overwritten' {
  const state = vcpu >>> 2;
  const address = words[state + ADDRESS]!;
  if (address === OPEN) return 'open';
  const bytes = words[state + BYTES]!;
  const at = address >>> 2;
  if (bytes < 4) {
    const seen = (Atomics.load(words, at) >>> (8 * (address & 3))) & (2 ** (8 * bytes) - 1);
    return seen === words[state + VALUE] ? 'exclusive' : 'overwritten';
  }
  for (let n = 0; n < bytes / 4; n++) {
    if (Atomics.load(words, at + n) !== words[state + VALUE + n]) return 'overwritten';
  }
  return 'exclusive';
}
