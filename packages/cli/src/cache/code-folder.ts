/** Where V8's code of ours is kept. */
import { join } from 'node:path';
import { guestCacheDir } from '../guests/cache-dir.ts';
import { CacheFolder } from './cache-folder.ts';

/** Bytes that all files may have together: some builds, and some versions of Node. */
const LIMIT = 32 * 2 ** 20;

export const codeFolder = (): CacheFolder => new CacheFolder(join(guestCacheDir(), 'code'), LIMIT);
