/** dtc's own sources and programs, from Debian's packages, in dom0less' cache. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { openPrivateApt } from '../src/guests/apt.ts';
import { guestCacheDir } from '../src/guests/cache-dir.ts';
import { debianCodename } from '../src/guests/debian.ts';

/** The programs link to the last two. */
const PACKAGES = ['device-tree-compiler', 'libfdt1', 'libyaml-0-2'] as const;

/** Where dtc and its test sources are. */
export interface DtcSuite {
  /** Folder of the sources of dtc's tests. */
  readonly tests: string;
  /** Runs a program of the package; status 128 + n stands for signal n. */
  run(program: 'dtc' | 'fdtoverlay', args: readonly string[], cwd: string): DtcRun;
}

/** What a program did. */
export interface DtcRun {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Entries of apt's source files, for packages of source as well. */
const withSources = (text: string): string =>
  text.replace(/^Types:.*$/gm, 'Types: deb deb-src').replace(/^deb (.*)$/gm, 'deb $1\ndeb-src $1');

type AptGet = (...args: string[]) => void;

/** apt-get with lists of its own, for programs of this machine and for packages of source. */
async function openApt(folder: string): Promise<AptGet> {
  const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim();
  const codename = await debianCodename();
  if (codename === undefined) throw new Error('this is no Debian, whose packages hold dtc and its tests');
  const apt = join(folder, 'apt');
  await openPrivateApt(apt, { architecture, codename });
  const sources = join(apt, 'sources');
  for (const name of readdirSync(sources)) {
    const path = join(sources, name);
    writeFileSync(path, withSources(readFileSync(path, 'utf8')));
  }
  const env = { ...process.env, APT_CONFIG: join(apt, 'apt.conf'), LC_ALL: 'C' };
  const aptGet: AptGet = (...args) => {
    execFileSync('apt-get', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], env });
  };
  aptGet('update');
  return aptGet;
}

/** What makes a part of the suite in a folder `into`, from a folder that holds what was fetched. */
const PARTS = {
  programs: (aptGet: AptGet, fetched: string, into: string): void => {
    aptGet('download', ...PACKAGES);
    for (const deb of readdirSync(fetched).filter((name) => name.endsWith('.deb'))) {
      execFileSync('dpkg-deb', ['-x', join(fetched, deb), into]);
    }
  },
  source: (aptGet: AptGet, fetched: string, into: string): void => {
    aptGet('source', '--download-only', 'device-tree-compiler');
    const archive = readdirSync(fetched).find((name) => /\.orig\.tar\.\w+$/.test(name))!;
    execFileSync('tar', ['-xf', join(fetched, archive), '-C', into, '--strip-components=1']);
  },
} as const;

/** Finds a part in the cache, or fetches it; gives its folder. */
async function part(name: keyof typeof PARTS): Promise<string> {
  const cache = join(guestCacheDir(), 'dtc-suite');
  const kept = join(cache, name);
  if (existsSync(kept)) return kept;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'fetch-'));
  try {
    const into = join(work, 'part');
    mkdirSync(into);
    PARTS[name](await openApt(work), work, into);
    renameSync(into, kept);
    return kept;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Finds the suite in the cache, or fetches it with the system's own apt sources. DOM0LESS_DTC_TESTS names another folder
 * with the sources of dtc's tests. Throws if it can't be had.
 */
export async function findDtcSuite(): Promise<DtcSuite> {
  const programs = await part('programs');
  const tests = process.env.DOM0LESS_DTC_TESTS ?? join(await part('source'), 'tests');
  const libraries = readdirSync(join(programs, 'usr/lib')).map((name) => join(programs, 'usr/lib', name));
  const env = { ...process.env, LD_LIBRARY_PATH: libraries.join(':') };
  return { tests, run: (program, args, cwd) => runProgram(join(programs, 'usr/bin', program), args, cwd, env) };
}

function runProgram(file: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): DtcRun {
  const { status, signal, error, stdout, stderr } = spawnSync(file, args, { cwd, env, maxBuffer: 2 ** 26 });
  if (error !== undefined) throw error;
  return { status: signal === null ? status! : constants.signals[signal] + 128, stdout, stderr: stderr.toString() };
}
