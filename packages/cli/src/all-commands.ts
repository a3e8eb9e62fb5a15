/** The whole command line, and what a process needs around it. */
export { main } from './cli.ts';
export { bugReport } from './command-line.ts';
export { EXIT } from './errors.ts';
export { nodeIo } from './io.ts';
