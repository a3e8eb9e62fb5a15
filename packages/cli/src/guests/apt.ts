import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { backportsOf, rewriteSources, type SourcesFile } from './apt-sources.ts';
import { GuestFetchError } from './errors.ts';
import { type Finished, run } from './process.ts';

/** One stanza of package data: field name in lower case to value, first line only. */
export type PackageFields = ReadonlyMap<string, string>;

/**
 * apt for another architecture, in folders of its own. It uses the system's source entries, keyring, credentials,
 * preferences and transport settings (proxies), and neither writes to a system folder nor runs a system hook.
 */
export interface PrivateApt {
  /** Downloads and verifies the package lists. */
  update(): Promise<void>;
  /** Candidate version of a package, or undefined if the lists have none. */
  show(name: string): Promise<PackageFields | undefined>;
  /** Names of all packages in the lists. */
  names(): Promise<string[]>;
  /** Downloads and verifies one package into the existing folder `folder` and returns the path of its `.deb`. */
  download(name: string, version: string, folder: string): Promise<string>;
}

/** Settings that are taken over from the system. Index targets of other tools would only cost downloads. */
const INHERITED = /^(?:Acquire::(?!IndexTargets|Languages)|Dir::Etc|APT::Default-Release)[^\s"]* "[^"]*";$/;

/** The last lines of a program's output that say what failed. */
export function tail(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const telling = lines.filter((line) => /^(?:E|W|Err|dpkg-deb)[:0-9 ]/.test(line));
  return (telling.length > 0 ? telling : lines).slice(-6).join('\n');
}

/**
 * Runs a tool of Debian's and returns its output whatever its exit code.
 *
 * @throws {GuestFetchError} `missing-tool`, `aborted`.
 */
export async function tool(
  file: string,
  args: readonly string[],
  options: Parameters<typeof run>[2],
): Promise<Finished> {
  try {
    return await run(file, args, options);
  } catch (error) {
    if (options?.signal?.aborted) {
      throw new GuestFetchError('aborted', `${file} was stopped`, 'start again; what is complete is kept', {
        cause: error,
      });
    }
    const why = error instanceof Error ? error.message : String(error);
    throw new GuestFetchError('missing-tool', `${file} can't be run: ${why}`, 'install the packages apt and dpkg', {
      cause: error,
    });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

/** The system's source files: the main list and, of the parts folder, the names that apt itself accepts. */
async function systemSources(signal: AbortSignal | undefined): Promise<SourcesFile[]> {
  const query = ['shell', 'LIST', 'Dir::Etc::sourcelist/f', 'PARTS', 'Dir::Etc::sourceparts/d'];
  const { stdout } = await tool('apt-config', query, { signal });
  const list = /^LIST='(.*)'$/m.exec(stdout)?.[1];
  const parts = /^PARTS='(.*)'$/m.exec(stdout)?.[1];
  const inParts = parts === undefined ? [] : await readdir(parts).catch((): string[] => []);
  const accepted = inParts.filter((name) => /^[\w.-]+\.(?:list|sources)$/.test(name)).sort();
  const paths = [...(list === undefined ? [] : [list]), ...accepted.map((name) => join(parts ?? '', name))];
  const files = await Promise.all(paths.map(async (path) => ({ name: basename(path), text: await readIfThere(path) })));
  return files.flatMap(({ name, text }) => (text === undefined ? [] : [{ name, text }]));
}

/** Text of the private apt.conf; `root` holds everything that apt writes. Of `release`, if given, every version is preferred. */
function configuration(root: string, architecture: string, systemDump: string, release: string | undefined): string {
  const inherited = systemDump.split('\n').filter((line) => INHERITED.test(line));
  const own: [string, string][] = [
    ['APT::Architecture', architecture],
    ['APT::Architectures', architecture],
    // As root, apt would drop to a user that may not enter the cache folder. As anybody else this changes nothing.
    ['APT::Sandbox::User', 'root'],
    ['Acquire::Languages', 'none'],
    ['Acquire::Retries', '3'],
    ['Dir::State', join(root, 'state')],
    ['Dir::State::Lists', join(root, 'lists')],
    ['Dir::State::status', join(root, 'status')],
    ['Dir::Cache', join(root, 'cache')],
    ['Dir::Log', join(root, 'log')],
    ['Dir::Etc::main', join(root, 'none')],
    ['Dir::Etc::parts', join(root, 'none.d')],
    ['Dir::Etc::sourcelist', join(root, 'none')],
    ['Dir::Etc::sourceparts', join(root, 'sources')],
  ];
  if (release !== undefined) own.push(['APT::Default-Release', release]);
  return [...inherited, ...own.map(([name, value]) => `${name} "${value}";`), ''].join('\n');
}

function parseStanza(text: string): PackageFields | undefined {
  const stanza = text.split(/\n[ \t]*\n/)[0] ?? '';
  const fields = new Map<string, string>();
  for (const line of stanza.split('\n')) {
    const match = /^([^\s:]+):[ \t]*(.*)$/.exec(line);
    if (match !== null) fields.set((match[1] ?? '').toLowerCase(), match[2] ?? '');
  }
  return fields.has('package') ? fields : undefined;
}

/** Options of {@link openPrivateApt}. */
export interface PrivateAptOptions {
  readonly architecture: string;
  /** The release whose source entries are used. */
  readonly codename: string;
  /** Read the release's backports too, and prefer them. */
  readonly backports?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lays out a private apt under `root` (created, or reused).
 *
 * @throws {GuestFetchError} `missing-tool`, `no-sources`, `aborted`.
 */
export async function openPrivateApt(root: string, options: PrivateAptOptions): Promise<PrivateApt> {
  const { signal, codename, backports = false } = options;
  const sources = rewriteSources(await systemSources(signal), codename, backports);
  if (sources.length === 0) {
    throw new GuestFetchError(
      'no-sources',
      'the system has no apt source entry for binary packages',
      "add your mirror's entry to /etc/apt/sources.list.d, or set DOM0LESS_KERNEL and DOM0LESS_RAMDISK",
    );
  }
  const { stdout: dump } = await tool('apt-config', ['dump'], { signal });
  for (const folder of ['state', 'lists/partial', 'cache/archives/partial', 'log', 'none.d', 'sources']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await writeFile(join(root, 'status'), '');
  await writeFile(
    join(root, 'apt.conf'),
    configuration(root, options.architecture, dump, backports ? backportsOf(codename) : undefined),
  );
  await Promise.all(sources.map((file) => writeFile(join(root, 'sources', file.name), file.text)));
  const apt = (file: string, args: readonly string[], cwd = root): Promise<Finished> =>
    tool(file, args, { cwd, env: { APT_CONFIG: join(root, 'apt.conf') }, signal });

  return {
    async update() {
      const { log } = await apt('apt-get', ['update']);
      // apt's exit code doesn't tell one unreachable entry of several from all: what counts is whether lists came.
      const lists = await readdir(join(root, 'lists'));
      const suite = backports ? ` of ${backportsOf(codename)}` : '';
      const wanted = lists.filter((name) => !backports || name.includes(`_dists_${backportsOf(codename)}_`));
      if (wanted.some((name) => /_Packages(?:\.|$)/.test(name))) return;
      throw new GuestFetchError(
        'update-failed',
        `apt-get update brought no ${options.architecture} package lists${suite}:\n${tail(log)}`,
        'check the network and that `apt-get update` works on this system',
      );
    },
    async show(name) {
      return parseStanza((await apt('apt-cache', ['show', '--no-all-versions', name])).stdout);
    },
    async names() {
      return (await apt('apt-cache', ['pkgnames'])).stdout.split('\n').filter((name) => name !== '');
    },
    async download(name, version, folder) {
      const { code, log } = await apt('apt-get', ['download', `${name}=${version}`], folder);
      const deb = (await readdir(folder)).find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'));
      if (code === 0 && deb !== undefined) return join(folder, deb);
      throw new GuestFetchError(
        'download-failed',
        `${name} ${version} could not be downloaded:\n${tail(log)}`,
        'check the network and try again',
      );
    },
  };
}
