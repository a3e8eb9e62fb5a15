/** What the domUs of the benchmark run: a Debian kernel, and an initramfs whose init is the workloads' program. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchDebianGuests } from '../../src/guests/debian.ts';
import { fetchPackages, guestCacheDir, makeInitramfs, writeCpio } from '../../src/guests/index.ts';

const FLAGS = ['-O2', '-static'];
const LIBRARIES = ['-lm', '-lpthread'];
/** Debian's package of the peer, and where the hypervisor is in it. */
const XEN_PACKAGE = 'xen-hypervisor-4.17-arm64';
const XEN_IMAGE = /^xen-4\.17-arm64$/;

/** Compiles the workloads to `output`; false where there is no such compiler. */
export function compileWorkloads(compiler: string, sources: string, output: string): boolean {
  const files = readdirSync(sources).filter((file) => file.endsWith('.c'));
  const paths = files.map((file) => join(sources, file));
  const { error, status, stderr } = spawnSync(compiler, [...FLAGS, ...paths, '-o', output, ...LIBRARIES]);
  if (error) return false;
  if (status !== 0) throw new Error(`${compiler} can't compile the workloads:\n${stderr}`);
  return true;
}

const progress = (line: string): void => console.error(line);

/** Kernel and, in `work`, the ramdisks: to a shell prompt for boots, with the workloads as init if `program` is given. */
export async function makeGuests(
  work: string,
  program: string | undefined,
): Promise<{ kernel: string; version: string; ramdisk: string; workloads: string | undefined }> {
  const options = { cacheDir: guestCacheDir(), onProgress: progress };
  const { kernel, busybox, versions } = await fetchDebianGuests(options);
  const ramdisk = join(work, 'initramfs.cpio');
  const parts = { busybox: readFileSync(busybox) };
  writeFileSync(ramdisk, makeInitramfs(parts));
  const guests = { kernel, version: versions.kernel, ramdisk };
  if (program === undefined) return { ...guests, workloads: undefined };
  const workloads = join(work, 'workloads.cpio');
  const links = ['sha256sum', 'md5sum', 'gzip', 'gunzip', 'awk', 'sort', 'cat'];
  const extra = writeCpio([
    { type: 'file', path: 'init', mode: 0o755, data: readFileSync(program) },
    ...links.map((name) => ({ type: 'symlink', path: `bin/${name}`, target: 'busybox' }) as const),
  ]);
  // Archives may follow each other; a later member replaces an earlier one of the same name.
  writeFileSync(workloads, Buffer.concat([makeInitramfs(parts), extra]));
  return { ...guests, workloads };
}

/** The real Xen, or why there is none. */
export async function fetchXen(): Promise<{ path: string; version: string } | { reason: string }> {
  try {
    const { root, packages } = await fetchPackages([XEN_PACKAGE], { cacheDir: guestCacheDir(), onProgress: progress });
    const name = readdirSync(join(root, 'boot')).find((file) => XEN_IMAGE.test(file));
    if (name === undefined) return { reason: `${XEN_PACKAGE} holds no ${XEN_IMAGE.source}` };
    const version = packages.find((entry) => entry.startsWith(`${XEN_PACKAGE}=`)) ?? XEN_PACKAGE;
    return { path: join(root, 'boot', name), version };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

/** First line of a program's answer to `--version`; undefined if there is no such program. */
export function versionOf(program: string): string | undefined {
  const { error, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return error ? undefined : stdout.split('\n')[0];
}
