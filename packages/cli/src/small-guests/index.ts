import { assemble } from '@dom0less/arm64-cpu';
import { BANNER } from './banner.ts';
import { ECHO } from './echo.ts';
import { TICKER } from './ticker.ts';

const SOURCES = { echo: ECHO, ticker: TICKER, banner: BANNER } as const;

/** Name of a guest of our own. */
export type SmallGuest = keyof typeof SOURCES;

/** All of them; the one that answers the keyboard comes first. */
export const SMALL_GUESTS = Object.keys(SOURCES) as readonly SmallGuest[];

/** Assembly source of a small guest. */
export const smallGuestSource = (name: SmallGuest): string => SOURCES[name];

/** A small guest as an arm64 Image, assembled from its source. */
export const smallGuest = (name: SmallGuest): Uint8Array => assemble(SOURCES[name]).bytes;
