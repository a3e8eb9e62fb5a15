/** Makes the board's one shared memory. */
import { BLOCK_BYTES } from '@dom0less/arm64-cpu';
import { type BoardLayout, type LayoutInput, layOut } from './layout.ts';

/** RAM blocks without which there is no point in a board: 64 MiB. */
const FEWEST_BLOCKS = (64 * 2 ** 20) / BLOCK_BYTES;

/**
 * Lays out and makes the memory. It is made at its final size and costs nothing until it is touched; on a host whose
 * address space has no room for it, with half as many RAM blocks, and so on.
 *
 * @throws RangeError if the host has not even room for a small one
 */
export const makeMemory = (input: LayoutInput): { memory: WebAssembly.Memory; layout: BoardLayout } => {
  for (let { blocksWanted } = input; ; blocksWanted = Math.floor(blocksWanted / 2)) {
    const layout = layOut({ ...input, blocksWanted });
    try {
      const { wasmPages } = layout;
      return { layout, memory: new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true }) };
    } catch (error) {
      if (!(error instanceof RangeError) || blocksWanted / 2 < FEWEST_BLOCKS) throw error;
    }
  }
};
