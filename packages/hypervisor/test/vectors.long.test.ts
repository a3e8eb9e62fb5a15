/** Instruction vectors in a domU, MMU on: all of them. */
import { vectorTests } from './vectors.ts';

vectorTests(Number.POSITIVE_INFINITY);
