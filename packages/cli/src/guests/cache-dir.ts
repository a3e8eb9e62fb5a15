import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The folder of what is kept between runs: DOM0LESS_CACHE, else `dom0less` in the user's cache folder (XDG Base Directory). */
export function guestCacheDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (env.DOM0LESS_CACHE) return resolve(env.DOM0LESS_CACHE);
  const base = env.XDG_CACHE_HOME;
  return join(base?.startsWith('/') ? base : join(env.HOME || homedir(), '.cache'), 'dom0less');
}
