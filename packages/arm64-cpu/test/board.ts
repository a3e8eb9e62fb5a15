/** A bare machine for tests and benchmarks, with help for stage-1 tables. */
import { setFlagsFromString } from 'node:v8';
import { BareMachine, type BareMachineOptions } from '../src/bare-machine.ts';
import { BLOCK_BYTES } from '../src/layout.ts';

// Fused multiply-adds, which Node 20 has behind a flag.
if (Number.parseInt(process.versions.node, 10) < 22) setFlagsFromString('--experimental-wasm-relaxed-simd');

export const RAM_BASE = 0x4000_0000;

/** Every instruction that a branch leads to is translated before it is first executed. */
export const TRANSLATE_ALL = { threshold: 0, batch: 1 };

/** The same, with unaligned accesses, and with nothing rare left to the interpreter. */
export const TRANSLATE_UNALIGNED = { ...TRANSLATE_ALL, care: 1 } as const;
export const TRANSLATE_CAREFULLY = { ...TRANSLATE_ALL, care: 2 } as const;

/** How a board executes code. */
export type Translate = BareMachineOptions['translate'];

/** Every way to execute one instruction. */
export const WAYS = [
  { how: 'interpreted', translate: false },
  { how: 'translated', translate: TRANSLATE_ALL },
  { how: 'translated carefully', translate: TRANSLATE_CAREFULLY },
] as const;

let translate: Translate;
/** How boards made from now on execute code, unless they say so. */
export function translateBoards(how: Translate): void {
  translate = how;
}

/** One vCPU with `ramMiB` of RAM at RAM_BASE, mapped one to one by stage 2; host calls by `host`. */
export class TestBoard extends BareMachine {
  constructor(options: Omit<BareMachineOptions, 'ramBase' | 'ramBytes'> & { ramMiB?: number } = {}) {
    const { ramMiB = 32, ...rest } = options;
    super({ ramBase: RAM_BASE, ramBytes: ramMiB * 2 ** 20, translate, ...rest });
  }

  /** Builds a stage-1 table for TTBR0 (48-bit, 4 KiB granule) at `table`: 2 MiB blocks of RAM, one to one. */
  identityStage1(table: number, ramMiB: number, attributes: (va: number) => bigint): void {
    const [l0, l1, l2] = [table, table + 0x1000, table + 0x2000];
    const put = (pa: number, index: number, value: bigint) =>
      this.view.setBigUint64(this.at(pa) + 8 * index, value, true);
    put(l0, 0, BigInt(l1) | 3n);
    put(l1, RAM_BASE / 2 ** 30, BigInt(l2) | 3n);
    for (let n = 0; n < ramMiB / 2; n++) {
      const va = RAM_BASE + n * BLOCK_BYTES;
      put(l2, n, BigInt(va) | attributes(va) | 1n);
    }
    this.set('TTBR0_EL1', BigInt(l0));
    this.set('MAIR_EL1', 0xffn);
    this.set('TCR_EL1', 16n | (16n << 16n) | (1n << 23n) | (2n << 30n) | (4n << 32n));
    this.set('SCTLR_EL1', 0x00c50079n | (1n << 26n) | (1n << 15n) | (1n << 14n));
  }
}
