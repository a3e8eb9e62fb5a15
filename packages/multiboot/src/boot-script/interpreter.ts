import { suggest } from '../nearest.ts';
import type { Call, CommandRow, Machine, Shell } from './machine.ts';
import { parseScript } from './parse-script.ts';
import type { ScriptCommand, ScriptList, ScriptPosition, ScriptWord } from './syntax.ts';

/** `run` and `source` inside each other deeper than this are refused. */
const MAX_DEPTH = 24;
/** Characters of script text that count as one step. */
const TEXT_PER_STEP = 256;
const ASSIGNMENT = /^([A-Za-z_]\w*)=/;

/** Why a command cannot be carried out here, and what to do instead. */
export interface Refusal {
  why: string;
  remedy: string;
}

/** Everything that a command line may begin with. */
export interface CommandSet {
  known: ReadonlyMap<string, CommandRow>;
  /** Commands without effect on what is booted. */
  ignored: ReadonlySet<string>;
  refused: ReadonlyMap<string, Refusal>;
}

/** Runs parsed scripts on a machine, by hush's rules. */
export class Interpreter implements Shell {
  readonly #machine: Machine;
  readonly #commands: CommandSet;
  #depth = 0;
  #source = '';

  constructor(machine: Machine, commands: CommandSet) {
    this.#machine = machine;
    this.#commands = commands;
    machine.shell = this;
  }

  /** Runs a text; `name` is what diagnostics call it. Gives the result of its last command. */
  run(text: string, name: string, tested: boolean): number {
    const machine = this.#machine;
    const place = this.#source === '' ? name : this.#source;
    if (this.#depth >= MAX_DEPTH) {
      const limit = `${MAX_DEPTH} levels`;
      return machine.report(place, 'script-limit', { what: 'scripts that start each other', limit });
    }
    if (!machine.charge(place, Math.ceil(text.length / TEXT_PER_STEP))) return 1;
    const outer = this.#source;
    this.#source = name;
    this.#depth++;
    const result = this.#list(parseScript(text), tested);
    this.#depth--;
    this.#source = outer;
    if (machine.halted === 'exit') machine.halted = undefined;
    return result;
  }

  /** A result that decides about a later command of a chain skips the whole rest of the chain, as in hush. */
  #list(list: ScriptList, tested: boolean): number {
    const { environment } = this.#machine;
    let result = 0;
    let skipping = false;
    for (const { command, next } of list) {
      if (this.#machine.halted !== undefined) return result;
      if (!skipping) {
        result = this.#command(command, tested || next !== ';');
        environment.lastResult = result === 0 ? 0 : 1;
        skipping = (result === 0 && next === '||') || (result !== 0 && next === '&&');
      } else if (next === ';') {
        skipping = false;
      }
    }
    return result;
  }

  #command(command: ScriptCommand, tested: boolean): number {
    switch (command.kind) {
      case 'simple':
        return this.#simple(command.words, tested);
      case 'error':
        return this.#machine.report(this.#place(command.position), 'script-syntax', { detail: command.detail });
      case 'if': {
        const branch = command.branches.find(({ condition }) => this.#list(condition, true) === 0);
        return this.#list(branch === undefined ? command.otherwise : branch.body, tested);
      }
      case 'loop': {
        let result = 0;
        while (this.#goesOn() && (this.#list(command.condition, true) === 0) !== command.until) {
          result = this.#list(command.body, tested);
        }
        return result;
      }
      case 'for': {
        const values = command.words.flatMap((word) => (this.#machine.environment.fill(word) ?? '').split(' '));
        let result = 0;
        for (const value of values) {
          if (value === '') continue;
          if (!this.#goesOn()) break;
          this.#machine.environment.setShell(command.variable, value);
          result = this.#list(command.body, tested);
        }
        return result;
      }
    }
  }

  /** Counts one turn of a loop. */
  #goesOn(): boolean {
    return this.#machine.halted === undefined && this.#machine.charge(this.#source);
  }

  #simple(words: readonly ScriptWord[], tested: boolean): number {
    const machine = this.#machine;
    const place = this.#place(words[0]!.position);
    if (!machine.charge(place)) return 1;
    const rest = this.#assign(words, place);
    if (rest.length === 0) return 0;
    const expansion = machine.environment.expand(rest);
    if ('tooLong' in expansion) {
      return machine.report(place, 'script-limit', { what: 'the command line', limit: '16384 characters' });
    }
    if ('detail' in expansion) return machine.report(place, 'script-syntax', { detail: expansion.detail });
    if (expansion.hashWord) machine.report(place, 'script-hash-word');
    const [name, ...args] = expansion.words;
    return name === undefined ? 0 : this.#dispatch(name, args, { name, place, tested });
  }

  /** Carries out `name=value` words at the start of a line; gives the other words. */
  #assign(words: readonly ScriptWord[], place: string): readonly ScriptWord[] {
    const { environment } = this.#machine;
    let count = 0;
    for (const word of words) {
      const first = word.parts[0];
      const name = typeof first === 'string' ? ASSIGNMENT.exec(first)?.[1] : undefined;
      if (name === undefined) break;
      const value = environment.fill(word)?.slice(name.length + 1);
      if (value === undefined || !environment.setShell(name, value)) {
        this.#machine.report(place, 'script-limit', { what: `the variable ${name}`, limit: 'the size of variables' });
      }
      count++;
    }
    return words.slice(count);
  }

  #dispatch(name: string, args: readonly string[], call: Call): number {
    const machine = this.#machine;
    const { known, ignored, refused } = this.#commands;
    const row = known.get(name);
    if (row !== undefined) {
      const outcome = row.run(machine, args, call);
      return outcome === 'usage'
        ? machine.report(call.place, 'script-usage', { command: [name, ...args].join(' '), usage: row.usage })
        : outcome;
    }
    if (ignored.has(name)) {
      machine.report(call.place, 'script-command-ignored', { command: name });
      return 0;
    }
    const refusal = refused.get(name);
    if (refusal !== undefined) {
      return machine.report(call.place, 'script-command-unsupported', { command: name, ...refusal });
    }
    const hint = suggest(name, [...known.keys(), ...ignored, ...refused.keys()]);
    return machine.report(call.place, 'script-command-unknown', { command: name, hint });
  }

  #place({ line, column }: ScriptPosition): string {
    return `${this.#source}:${line}:${column}`;
  }
}
