/** A place in a script: both count from 1. */
export interface ScriptPosition {
  line: number;
  column: number;
}

/** A piece of a word: text as it is, or the name (with `:-default` and the like) of a variable. */
export type WordPart = string | { variable: string };

/** A word of a command before variables have their values. */
export interface ScriptWord {
  parts: readonly WordPart[];
  /** True if a part of it was between quotes: then it is one argument whatever its variables hold. */
  quoted: boolean;
  position: ScriptPosition;
}

/** What decides whether the next command runs: `;` (or the end of the line) always, `&&` and `||` by the result. */
export type Connector = ';' | '&&' | '||';

/** A command and what follows it. */
export interface ScriptStep {
  command: ScriptCommand;
  next: Connector;
}

export type ScriptList = readonly ScriptStep[];

/** A node of a parsed script; `error` stands for a line that could not be read. */
export type ScriptCommand =
  | { kind: 'simple'; words: readonly ScriptWord[] }
  | { kind: 'if'; branches: readonly { condition: ScriptList; body: ScriptList }[]; otherwise: ScriptList }
  | { kind: 'loop'; until: boolean; condition: ScriptList; body: ScriptList }
  | { kind: 'for'; variable: string; words: readonly ScriptWord[]; body: ScriptList }
  | { kind: 'error'; detail: string; position: ScriptPosition };
