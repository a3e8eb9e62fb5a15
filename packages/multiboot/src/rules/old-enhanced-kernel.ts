import type { DomainDescription } from '../boot-plan.ts';
import { type Finding, finding } from '../diagnostic.ts';
import { textAfter } from '../images/text-in-image.ts';
import type { KernelImage } from '../kernel-image.ts';

/** The first Linux that waits for a xenstore that is set up after it started. */
const SINCE = { major: 5, minor: 19 };

/** Version that a Linux kernel names itself, or undefined if it is no Linux. */
const linuxVersion = (payload: Uint8Array): { major: number; minor: number } | undefined => {
  for (const text of textAfter(payload, 'Linux version ')) {
    const found = /^(\d{1,3})\.(\d{1,3})\D/.exec(text);
    if (found !== null) return { major: Number(found[1]), minor: Number(found[2]) };
  }
  return undefined;
};

/** A Linux that is too old for what Xen tells an enhanced domain about its xenstore. */
export const adviseOldEnhancedKernel = (
  { enhanced }: Pick<DomainDescription, 'enhanced'>,
  kernel: Pick<KernelImage, 'payload'>,
): Finding | undefined => {
  if (enhanced !== 'enabled' && enhanced !== 'legacy') return undefined;
  const version = linuxVersion(kernel.payload);
  if (version === undefined) return undefined;
  const { major, minor } = version;
  if (major > SINCE.major || (major === SINCE.major && minor >= SINCE.minor)) return undefined;
  return finding('enhanced-old-kernel', { found: `${major}.${minor}`, since: `${SINCE.major}.${SINCE.minor}` });
};
