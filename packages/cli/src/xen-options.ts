import { parseConswitch, parseTimestamps, type TimestampMode } from '@dom0less/hypervisor';

/** What Xen's command line (`xen,xen-bootargs`) says of the console. */
export interface ConsoleOptions {
  /** Value of `conswitch`; absent = Xen's default. */
  readonly conswitch?: string;
  readonly timestamps: TimestampMode;
  /** What is wrong with the values. */
  readonly problems: readonly string[];
}

/** The value of the last `name=` on a command line. */
function optionOf(commandLine: string, name: string): string | undefined {
  const values = commandLine.split(/\s+/).filter((word) => word.startsWith(`${name}=`));
  return values.at(-1)?.slice(name.length + 1);
}

/** Reads `conswitch` and `console_timestamps`. */
export function consoleOptions(commandLine: string | undefined): ConsoleOptions {
  const conswitch = optionOf(commandLine ?? '', 'conswitch');
  const stamps = optionOf(commandLine ?? '', 'console_timestamps');
  const timestamps = stamps === undefined ? 'none' : parseTimestamps(stamps);
  const problems: string[] = [];
  const problem = conswitch === undefined ? undefined : parseConswitch(conswitch).problem;
  if (problem !== undefined) problems.push(problem);
  if (timestamps === undefined) {
    problems.push(`console_timestamps=${JSON.stringify(stamps)}: give none, date, datems, boot or raw; taken as none`);
  }
  return { ...(conswitch === undefined ? {} : { conswitch }), timestamps: timestamps ?? 'none', problems };
}
