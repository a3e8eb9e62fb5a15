/** Where translations are kept, and for whom. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { arch, cpus } from 'node:os';
import { join } from 'node:path';
import { hostFuses } from '@dom0less/arm64-cpu';
import { type ModuleBytes, readModule } from '@dom0less/hypervisor/plan';
import type { BootPlan } from '@dom0less/multiboot';
import { guestCacheDir } from '../guests/cache-dir.ts';
import type { CliIo } from '../io.ts';
import { TranslationCache } from './translation-cache.ts';

/** A board whose translations are to be kept. */
export interface TranslatedBoard {
  readonly plan: BootPlan;
  /** Host physical address to bytes. */
  readonly modules: ReadonlyMap<number, ModuleBytes>;
  readonly io: CliIo;
}

/** Undefined: nothing is kept. */
export type OpenTranslations = (board: TranslatedBoard) => TranslationCache | undefined;

/** Bytes of a kernel that tell it from others, and how many such pieces are looked at. */
const PIECE = 64;
const PIECES = 32;

/**
 * The size of the kernel, which begins at byte `start` of a module, and pieces of it: it need not be exact, as translations
 * are found by what they are made from.
 */
function kernelId(module: ModuleBytes, start: number, end: number): string {
  const length = end - start;
  const hash = createHash('sha256').update(String(length));
  for (let n = 0; n < PIECES; n++) {
    const at = start + Math.floor((length / PIECES) * n);
    hash.update(readModule(module, at, Math.min(at + PIECE, end)));
  }
  return hash.digest('hex');
}

/** The kernels of a board, in an order that does not depend on the domains'. */
export function guestsOf({ plan, modules }: Pick<TranslatedBoard, 'plan' | 'modules'>): string {
  const ids = plan.domains.flatMap(({ modules: { kernel } }) => {
    if (kernel === undefined) return [];
    for (const [address, bytes] of modules) {
      const at = kernel.address - address;
      if (at >= 0 && at < bytes.length) return [kernelId(bytes, at, Math.min(at + kernel.size, bytes.length))];
    }
    return [];
  });
  return [...new Set(ids)].sort().join();
}

/** The build of the engine; undefined where the command is run from its sources, which may change at any time. */
function buildId(): string | undefined {
  try {
    return readFileSync(new URL('./build-id', import.meta.url), 'utf8');
  } catch {
    return undefined;
  }
}

/** What translations depend on beside the guests: our code, the runtime, the processor. */
const identityOf = (build: string): string =>
  JSON.stringify([build, process.versions, process.execArgv, arch(), cpus()[0]?.model, hostFuses()]);

/** The cache in the user's folder. */
export const openTranslations: OpenTranslations = ({ plan, modules, io }) => {
  const build = buildId();
  if (build === undefined) return undefined;
  return new TranslationCache({
    folder: join(guestCacheDir(io.env), 'translations'),
    identity: () => identityOf(build),
    guests: () => guestsOf({ plan, modules }),
    onProblem: (problem) => void io.stderr.write(`dom0less: ${problem}\n`),
  });
};
