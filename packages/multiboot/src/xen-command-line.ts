import type { DtNode } from '@dom0less/fdt';
import type { XenOptions } from './boot-plan.ts';
import { parseConswitch } from './conswitch.ts';
import { DEFAULT_SCHEDULER, SCHEDULERS } from './cpupools.ts';
import { suggest } from './nearest.ts';
import type { Reporter } from './reporter.ts';
import { parseTimestamps, TIMESTAMP_MODES } from './timestamp-mode.ts';

/** A setting of the command line: `name=value`, or `name` and `no-name` for booleans. */
interface Setting {
  /** As written. */
  text: string;
  name: string;
  value: string;
}

/** Options that have an effect here; the others of Xen's are known and have none. */
const IN_EFFECT = [
  'sched',
  'sched_ratelimit_us',
  'maxcpus',
  'dtuart',
  'console',
  'conswitch',
  'console_timestamps',
  'guest_loglvl',
] as const;

/** Options of Xen on Arm that change nothing here. */
const WITHOUT_EFFECT: readonly string[] = [
  ...['loglvl', 'console_to_ring', 'conring_size', 'sync_console', 'vwfi', 'bootscrub', 'badpage', 'crashkernel'],
  ...['dom0_mem', 'dom0_max_vcpus', 'dom0_vcpus_pin', 'dom0', 'dom0_sve', 'acpi', 'argo', 'cpufreq', 'debugtrace'],
  ...['gnttab', 'gnttab_max_frames', 'gnttab_max_maptrack_frames', 'ext_regions', 'hmp-unsafe', 'iommu', 'noreboot'],
  ...['llc-coloring', 'llc-size', 'llc-nr-ways', 'xen-llc-colors', 'dom0-llc-colors', 'buddy-alloc-size', 'dma_bits'],
  ...['serrors', 'tee', 'partial-emulation', 'xsm', 'flask', 'scmi-smc-passthrough', 'pci-passthrough', 'reboot'],
  ...['credit2_balance_over', 'credit2_balance_under', 'credit2_cap_period_ms', 'credit2_load_precision_shift'],
  ...['credit2_load_window_shift', 'credit2_runqueue', 'sched-gran', 'sched_credit_tslice_ms', 'spec-ctrl', 'watchdog'],
  ...['tbuf_size', 'xenheap_megabytes'],
];

const settingsOf = (commandLine: string): Setting[] =>
  commandLine
    .split(/\s+/)
    .filter((text) => text !== '')
    .map((text) => {
      const at = text.indexOf('=');
      return { text, name: at < 0 ? text : text.slice(0, at), value: at < 0 ? '' : text.slice(at + 1) };
    });

const isKnown = (name: string): boolean => {
  const bare = name.replace(/^no-/, '');
  return (
    (IN_EFFECT as readonly string[]).includes(bare) || WITHOUT_EFFECT.includes(bare) || WITHOUT_EFFECT.includes(name)
  );
};

/** What there is without a command line. */
export const DEFAULT_XEN_OPTIONS: Readonly<XenOptions> = { logsGuests: false, timestamps: 'none' };

/** Most levels below `warning` are not shown by Xen's release builds; these two ask for them. */
const LOGS_GUESTS = /^(\w+\/)?(all|debug|info)$/;

const decimal = (value: string): number | undefined => (/^\d{1,9}$/.test(value) ? Number(value) : undefined);

/**
 * Reads Xen's command line. Of an option that comes several times the last counts, as with Xen.
 *
 * @param node and property where it was found, for the diagnostics
 */
export const readXenOptions = (
  reporter: Reporter,
  node: DtNode | undefined,
  property: string,
  commandLine: string | undefined,
): XenOptions => {
  const options: XenOptions = { ...DEFAULT_XEN_OPTIONS };
  const invalid = (text: string, expected: string): void => {
    if (node !== undefined)
      reporter.report('xen-option-invalid', node, property, { found: text.slice(0, 60), expected });
  };
  const readers: Record<(typeof IN_EFFECT)[number], (setting: Setting) => void> = {
    sched: ({ text, value }) => {
      if (SCHEDULERS.includes(value)) options.scheduler = value;
      else invalid(text, `one of ${SCHEDULERS.join(', ')}; ${DEFAULT_SCHEDULER} is used`);
    },
    sched_ratelimit_us: ({ text, value }) => {
      const us = decimal(value);
      if (us !== undefined && (us === 0 || (us >= 100 && us <= 500_000))) options.schedRatelimitUs = us;
      else invalid(text, '0, or 100 to 500000 microseconds');
    },
    maxcpus: ({ text, value }) => {
      const count = decimal(value);
      if (count !== undefined && count > 0) options.maxCpus = count;
      else invalid(text, 'a number of CPUs, at least 1');
    },
    dtuart: ({ value }) => {
      options.dtuart = value;
    },
    console: ({ text, value }) => {
      const unknown = value.split(',').filter((name) => !['dtuart', 'none', 'vga', 'ring', 'xen', 'pv'].includes(name));
      if (unknown.length > 0) invalid(text, 'dtuart or none');
    },
    conswitch: ({ text, value }) => {
      options.conswitch = value;
      const { problem } = parseConswitch(value);
      if (problem !== undefined)
        invalid(text, 'a lower-case letter, or a back-quote, and x if input goes to Xen first');
    },
    console_timestamps: ({ text, value }) => {
      const mode = value === '' ? 'date' : parseTimestamps(value);
      options.timestamps = mode ?? 'none';
      if (mode === undefined) invalid(text, `one of ${TIMESTAMP_MODES.join(', ')}; none is used`);
    },
    guest_loglvl: ({ value }) => {
      options.logsGuests = LOGS_GUESTS.test(value);
    },
  };
  const known = [...IN_EFFECT, ...WITHOUT_EFFECT];
  for (const setting of settingsOf(commandLine ?? '')) {
    const { name } = setting;
    if (Object.hasOwn(readers, name)) readers[name as keyof typeof readers](setting);
    else if (!isKnown(name) && node !== undefined) {
      reporter.report('xen-option-unknown', node, property, { found: name.slice(0, 40), hint: suggest(name, known) });
    }
  }
  return options;
};
