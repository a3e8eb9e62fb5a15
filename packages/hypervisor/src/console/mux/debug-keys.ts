import type { XenDomainState, XenState } from './xen-state.ts';

/** What a debug key can use. */
export interface DebugKeyContext {
  /** Prints a line of Xen's, without prefix and newline. */
  print(line: string): void;
  showRing(): void;
  readonly state?: (() => XenState) | undefined;
  readonly reboot?: (() => void) | undefined;
}

interface DebugKey {
  readonly key: string;
  /** As the list of keys has it. */
  readonly description: string;
  /** What the key's first line says that it does. */
  readonly action: string;
  /** One of those that `*` fires. */
  readonly diagnostic: boolean;
  /** False: there is no such key, because what it needs is not known. */
  available(context: DebugKeyContext, state: XenState): boolean;
  run(context: DebugKeyContext, state: XenState): void;
}

/** A text from a device tree or an embedder on one line of a terminal. */
const clean = (text: string): string => text.replace(/\p{Cc}/gu, '?');
const two = (value: number): string => String(value).padStart(2, '0');
const always = (): boolean => true;
const withState = ({ state }: DebugKeyContext): boolean => state !== undefined;

function showHandlers(context: DebugKeyContext, state: XenState): void {
  for (const { key, description } of offeredKeys(context, state)) {
    context.print(` key '${key}' (ascii '${key.charCodeAt(0).toString(16)}') => ${description}`);
  }
}

function showDomain({ print }: DebugKeyContext, domain: XenDomainState): void {
  const { id, name, state, reason, memoryKiB, cpus, vcpus } = domain;
  print(`General information for domain ${id}:`);
  print(`    name=${clean(name)} state=${clean(state)} vcpus=${cpus} memory=${memoryKiB}KiB`);
  if (reason !== undefined) print(`    reason: ${clean(reason)}`);
  if (vcpus === undefined) return;
  print(`VCPU information for domain ${id}:`);
  for (const vcpu of vcpus) {
    const where = vcpu.pcpu === undefined ? '' : `CPU${vcpu.pcpu} `;
    print(`    VCPU${vcpu.id}: ${where}[${vcpu.state}]`);
  }
}

function showDomains(context: DebugKeyContext, state: XenState): void {
  for (const domain of state.domains) showDomain(context, domain);
}

const vcpusIn = ({ domains }: XenState, wanted: string): { readonly name: string; readonly pcpu?: number }[] =>
  domains.flatMap(({ id, vcpus = [] }) =>
    vcpus.filter(({ state }) => state === wanted).map((vcpu) => ({ ...vcpu, name: `d${id}v${vcpu.id}` })),
  );

function showRunQueues({ print }: DebugKeyContext, state: XenState): void {
  const running = vcpusIn(state, 'running');
  print(`NOW=${state.nowNs}`);
  for (let cpu = 0; cpu < state.pcpus; cpu++) {
    const here = running.filter(({ pcpu }) => pcpu === cpu).map(({ name }) => name);
    print(`CPU${two(cpu)}: ${here.join(' ') || 'idle'}`);
  }
  const waiting = vcpusIn(state, 'runnable').map(({ name }) => name);
  print(`Runqueue: ${waiting.join(' ') || 'empty'}`);
}

function showTimers({ print }: DebugKeyContext, { timers = [] }: XenState): void {
  print('Dumping timer queues:');
  for (const { domain, vcpu, name, inUs } of [...timers].sort((a, b) => a.inUs - b.inUs)) {
    print(`  ex=${String(Math.round(inUs)).padStart(12)}us timer=d${domain}v${vcpu} ${name}`);
  }
}

function showClock({ print }: DebugKeyContext, { counter, nowNs }: XenState): void {
  print(`System counter: ${counter?.ticks} ticks at ${counter?.frequencyHz} Hz, NOW=${nowNs}`);
}

function showMemory({ print }: DebugKeyContext, { memory, domains }: XenState): void {
  print('Physical memory information:');
  for (const { id, memoryKiB } of domains) print(`    d${id}: ${memoryKiB}kB`);
  print(`    Dom heap: ${memory?.freeKiB}kB free of ${memory?.totalKiB}kB`);
}

function showSystem({ print }: DebugKeyContext, { version, pcpus, domains, nowNs }: XenState): void {
  const running = domains.filter(({ state }) => state === 'running').length;
  if (version !== undefined) print(`Version: ${clean(version)}`);
  print(`Online Cpus: ${pcpus}`);
  print(`Domains: ${domains.length}, ${running} running`);
  print(`NOW=${nowNs}`);
}

function showAll(context: DebugKeyContext, state: XenState): void {
  for (const one of offeredKeys(context, state).filter(({ diagnostic }) => diagnostic)) {
    context.print(`[${one.key}: ${one.description}]`);
    press(one, context, state);
  }
}

/** Xen's keys that have a meaning here, in the order of their codes (xen/common/keyhandler.c). */
const DEBUG_KEYS: readonly DebugKey[] = [
  {
    key: '*',
    description: 'print all diagnostics',
    action: 'firing all diagnostic keyhandlers',
    diagnostic: false,
    available: withState,
    run: showAll,
  },
  {
    key: '?',
    description: 'system information',
    action: 'dumping system information',
    diagnostic: true,
    available: withState,
    run: showSystem,
  },
  {
    key: 'H',
    description: 'dump heap info',
    action: 'dumping heap info',
    diagnostic: false,
    available: (_, state) => state.memory !== undefined,
    run: showMemory,
  },
  {
    key: 'R',
    description: 'reboot machine',
    action: 'rebooting machine',
    diagnostic: false,
    available: ({ reboot }) => reboot !== undefined,
    run: ({ reboot }) => reboot?.(),
  },
  {
    key: 'a',
    description: 'dump timer queues',
    action: 'dumping timer queues',
    diagnostic: true,
    available: (_, state) => state.timers !== undefined,
    run: showTimers,
  },
  {
    key: 'h',
    description: 'show this message',
    action: 'showing installed handlers',
    diagnostic: false,
    available: always,
    run: showHandlers,
  },
  {
    key: 'm',
    description: 'memory info',
    action: 'dumping memory info',
    diagnostic: true,
    available: (_, state) => state.memory !== undefined,
    run: showMemory,
  },
  {
    key: 'q',
    description: 'dump domain (and guest debug) info',
    action: 'dumping domain info',
    diagnostic: true,
    available: withState,
    run: showDomains,
  },
  {
    key: 'r',
    description: 'dump run queues',
    action: 'dumping run queues',
    diagnostic: true,
    available: (_, state) => state.domains.some(({ vcpus }) => vcpus !== undefined),
    run: showRunQueues,
  },
  {
    key: 't',
    description: 'display multi-cpu clock info',
    action: 'dumping clock info',
    diagnostic: true,
    available: (_, state) => state.counter !== undefined,
    run: showClock,
  },
  {
    key: 'w',
    description: 'synchronously dump console ring buffer (dmesg)',
    action: 'dumping console ring buffer (dmesg)',
    diagnostic: false,
    available: always,
    run: ({ showRing }) => showRing(),
  },
];

/** For an embedder that tells nothing. */
const UNKNOWN_STATE: XenState = { nowNs: 0, pcpus: 0, domains: [] };

const offeredKeys = (context: DebugKeyContext, state: XenState): readonly DebugKey[] =>
  DEBUG_KEYS.filter((one) => one.available(context, state));

function press(one: DebugKey, context: DebugKeyContext, state: XenState): void {
  context.print(`'${one.key}' pressed -> ${one.action}`);
  one.run(context, state);
}

/** Does what the key of character code `code` stands for; nothing if there is no such key. */
export function pressDebugKey(code: number, context: DebugKeyContext): void {
  const key = String.fromCharCode(code);
  if (!DEBUG_KEYS.some((one) => one.key === key)) return;
  const state = context.state?.() ?? UNKNOWN_STATE;
  const pressed = offeredKeys(context, state).find((one) => one.key === key);
  if (pressed !== undefined) press(pressed, context, state);
}
