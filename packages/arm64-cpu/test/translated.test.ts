/** The tests of the architecture, once more in translated code. */
import { TRANSLATE_ALL, translateBoards } from './board.ts';

translateBoards(TRANSLATE_ALL);
await import('./debug.test.ts');
await import('./exceptions.test.ts');
await import('./exclusive.test.ts');
await import('./fp.test.ts');
await import('./self-modifying.test.ts');
await import('./time.test.ts');
await import('./tlb.test.ts');
await import('./translation.test.ts');
