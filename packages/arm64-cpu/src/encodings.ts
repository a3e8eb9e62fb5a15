import { allEncodings } from './decoder.ts';

/** The table with patterns parsed, in order of the table. */
export const ENCODINGS = allEncodings();
