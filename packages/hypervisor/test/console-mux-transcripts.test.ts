/**
 * What was typed at Xen 4.17's console and what came back, replayed. That version also gives the focus to DOM0, which is
 * not there, and to domains that ended; such steps are left out.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConsoleBench, SWITCH, serialInput } from './console-mux-bench.ts';

interface Step {
  readonly name: string;
  readonly typed: string;
  readonly shown: string;
}

const ESCAPES: Readonly<Record<string, string>> = { '\\n': '\n', '\\x01': '\x01', "\\'": "'" };

/** The last step of a file may be cut off. */
function readSteps(name: string): Step[] {
  const text = readFileSync(new URL(`./fixtures/console/${name}.txt`, import.meta.url), 'latin1');
  const parts = text.split(/^=== /m).slice(1);
  return parts.map((part) => {
    const [, title, typed, shown] = /^(.*)\n>>> sent '(.*)'\n--- output:\n([\s\S]*?)\n?$/.exec(part) ?? [];
    if (title === undefined || typed === undefined || shown === undefined) throw new Error(`not a step: ${part}`);
    return {
      name: title,
      typed: typed.replace(/\\(?:n|x01|')/g, (sequence) => ESCAPES[sequence]!),
      shown: shown.replaceAll('\\r', '\r'),
    };
  });
}

const receiver = ({ shown }: Step): string => /Serial input to (\w+)/.exec(shown)?.[1] ?? '';

/** What a domain wrote, from what a terminal showed of it while it had the focus. */
const uncook = (shown: string): string => shown.replaceAll('\r\n', '\n').replace(/^\(XEN\) /gm, '');

const make = (count: number): ConsoleBench =>
  new ConsoleBench({ domains: Array.from({ length: count }, (_, index) => index + 1), newlines: 'cooked' });

describe.each([
  ['focus1', 1],
  ['focus2', 2],
  ['focus4', 4],
  ['focusdom0', 1],
])('the focus of transcript %s', (name, domains) => {
  it('goes the same way', () => {
    const bench = make(domains);
    const [first, ...steps] = readSteps(name).filter((step) => receiver(step) !== 'DOM0');
    bench.mux.announceFocus();
    expect(bench.shown()).toBe(first!.shown);
    for (const { typed, shown } of steps) expect(bench.type(typed)).toBe(shown);
  });
});

/** Replays steps of domains that have a prompt, each starting with the switch that led to DOM1. */
class Replay {
  readonly bench = make(2);
  /** The domain's prompt waits: its first text in focus comes with a newline added. */
  #prompts: Set<number>;
  #steps: Step[];

  constructor(name: string) {
    const [first, ...steps] = readSteps(name);
    this.#steps = steps;
    this.#prompts = new Set([1, 2]);
    // Both domains have written a prompt before they got the focus for the first time.
    this.bench.mux.input(new Uint8Array([1, 1, 1, 1, 1, 1]));
    expect(this.bench.mux.focus).toBe('xen');
    this.bench.shown();
    for (const id of [1, 2]) this.bench.writes(id, '/ # \x1b[6n');
    expect(this.bench.type(SWITCH)).toBe(first!.shown);
  }

  /** The next step, which has that name. */
  step(name: RegExp): void {
    const { name: title, typed, shown } = this.#steps.shift()!;
    expect(title).toMatch(name);
    if (typed === SWITCH) expect(this.bench.type(typed)).toBe(shown);
    else this.#command(typed, shown);
  }

  skip(count: number): void {
    this.#steps.splice(0, count);
  }

  get left(): number {
    return this.#steps.length;
  }

  #command(typed: string, shown: string): void {
    const { focus } = this.bench.mux;
    if (focus === 'xen') throw new Error('the transcript types to a domain');
    expect(this.bench.type(typed)).toBe('');
    expect(this.bench.got(focus)).toBe(typed);
    let written = uncook(shown);
    if (this.#prompts.delete(focus)) {
      const prompt = '/ # \x1b[6n';
      // The prompt was written before, and Xen added the newline after the first character.
      expect(written.startsWith(prompt)).toBe(true);
      written = written.slice(prompt.length).replace(/^(.)\n/, '$1');
    }
    expect(this.bench.writes(focus, written)).toBe(shown);
  }
}

describe('a console session as with Xen', () => {
  it.each(['halt', 'panic', 'panicreboot'])('%s: one domain hangs, the other answers', (name) => {
    const replay = new Replay(name);
    replay.step(/^who$/);
    replay.step(/halt|sysrq/);
    replay.step(/^enter/);
    replay.step(/^next focus/);
    replay.step(/^other alive/);
    replay.step(/^next focus/);
    replay.skip(1);
    replay.step(/^next focus/);
    replay.step(/^next focus/);
    expect(replay.left).toBe(0);
    expect(replay.bench.mux.focus).toBe(2);
  });

  it.each(['poweroff', 'reboot'])('%s: one domain ends, the other has the focus at once and answers', (name) => {
    const replay = new Replay(name);
    replay.step(/^who$/);
    replay.step(/-f$/);
    replay.bench.mux.domainEnded(1);
    expect(replay.bench.shown()).toBe(serialInput('DOM2').replace('\n', '\r\n'));
    replay.skip(2);
    replay.step(/^other alive/);
    replay.step(/^next focus/);
    replay.skip(2);
    replay.step(/^next focus/);
    expect(replay.bench.mux.focus).toBe(2);
  });

  it('the only domain ends, and Xen has the focus', () => {
    const [first, poweroff, toXen] = readSteps('poweroffall');
    let reboots = 0;
    const bench = new ConsoleBench({ domains: [1], newlines: 'cooked', conswitch: 'ax', reboot: () => reboots++ });
    bench.writes(1, '/ # \x1b[6n');
    expect(bench.type(first!.typed)).toBe(first!.shown);
    bench.type(poweroff!.typed);
    expect(bench.got(1)).toBe(poweroff!.typed);
    expect(bench.writes(1, 'poweroff -f\r\n[    4.337314] reboot: Power down\r\n')).toBe(poweroff!.shown);
    bench.mux.domainEnded(1);
    expect(bench.shown()).toBe(toXen!.shown);
    bench.type('R');
    expect(reboots).toBe(1);
  });

  it('two switch characters and another go to the domain, and jobs of a domain out of focus come in lines', () => {
    const replay = new Replay('type2');
    replay.step(/echo hello/);
    replay.step(/^Ctrl-A x2/);
    replay.step(/^enter/);
    // Xen lost the prefix of this line: the pCPU that printed it was within a line of a domain.
    expect(replay.bench.type(SWITCH)).toBe(serialInput('DOM2').replace('\n', '\r\n'));
    replay.skip(1);
    replay.step(/^type$/);
    replay.step(/^background/);
    expect(replay.bench.type(SWITCH)).toBe(serialInput('Xen').replace('\n', '\r\n'));
    for (let n = 1; n <= 4; n++)
      expect(replay.bench.writes(2, `tick-d2-${n}\r\n`)).toBe(`(XEN) DOM2: tick-d2-${n}\r\r\n`);
  });

  it('the list of debug keys has the lines of the real one', () => {
    const real = readSteps('poweroff')
      .find(({ name }) => name === 'host')!
      .shown.split('\r\n');
    const bench = new ConsoleBench({
      conswitch: 'ax',
      newlines: 'cooked',
      reboot: () => {},
      state: () => ({
        nowNs: 0,
        pcpus: 1,
        domains: [{ id: 1, name: 'domU1', state: 'running', memoryKiB: 1, cpus: 1, vcpus: [] }],
        timers: [],
        counter: { ticks: 0, frequencyHz: 1 },
        memory: { totalKiB: 1, freeKiB: 1 },
      }),
    });
    const ours = bench.type('h').split('\r\n');
    expect(ours.filter((line) => !real.includes(line))).toEqual(["(XEN)  key '?' (ascii '3f') => system information"]);
    expect(real.filter((line) => ours.includes(line)).length).toBe(ours.length - 1);
  });
});
